#!/usr/bin/python3
"""What PyTorch makes of the network and the parameters of this example, in double precision. Writes expected.bin, the
1000 results as floats, beside itself; needs python3-torch.
"""
from pathlib import Path

import numpy
import torch

MASK = (1 << 64) - 1


def numbers(name, count):
    """As synthetic.hpp has them."""
    seed = 0xCBF29CE484222325
    for letter in name.encode():
        seed = (seed ^ letter) * 0x100000001B3 & MASK
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ x >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ x >> numpy.uint64(31)
    return (x >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2.0**-23) - numpy.float32(1)


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False), torch.nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(64)
        self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
        for i, (inputs, outputs) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
            blocks = Block(inputs, outputs, 1 if i == 0 else 2), Block(outputs, outputs, 1)
            setattr(self, f"layer{i + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def scale_and_offset(name, tensor):
    if name.endswith("running_mean") or name.endswith("bias"):
        return 0.1, 0
    if name.endswith("running_var"):
        return 0.25, 1
    if tensor.dim() == 1:
        return 0.25, 0.75
    return numpy.sqrt(numpy.float32(6) / numpy.float32(tensor[0].numel())), 0


def main():
    torch.set_grad_enabled(False)
    network = ResNet18().double().eval()
    for name, tensor in network.state_dict().items():
        if "num_batches" in name:
            continue
        scale, offset = scale_and_offset(name, tensor)
        values = numbers(name, tensor.numel()) * numpy.float32(scale) + numpy.float32(offset)
        tensor.copy_(torch.from_numpy(values.astype(numpy.float64)).reshape(tensor.shape))
    image = torch.from_numpy(numbers("image", 3 * 224 * 224).astype(numpy.float64)).reshape(1, 3, 224, 224)
    y = network(image)
    print(f"1000 results of magnitudes up to {y.abs().max():g}")
    Path(__file__).with_name("expected.bin").write_bytes(y.numpy().astype("<f4").tobytes())


main()
