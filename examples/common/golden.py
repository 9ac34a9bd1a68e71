#!/usr/bin/python3
"""What PyTorch makes of the examples' networks with made-up parameters, in double precision. Writes expected.bin, the
1000 results as floats, into the folder of each network, and expected_images.bin, some of the numbers that PIL makes of
the pictures here. Needs python3-torch and python3-pil.
"""
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import nn

HERE = Path(__file__).parent
MASK = (1 << 64) - 1


def numbers(name, count):
    """As parameters.hpp has them."""
    seed = 0xCBF29CE484222325
    for letter in name.encode():
        seed = (seed ^ letter) * 0x100000001B3 & MASK
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ x >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ x >> numpy.uint64(31)
    return (x >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2.0**-23) - numpy.float32(1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for i, (inputs, outputs) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
            blocks = Block(inputs, outputs, 1 if i == 0 else 2), Block(outputs, outputs, 1)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class VGG16(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for outputs in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
            if outputs == 0:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
                inputs = outputs
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000)
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def conv_norm(inputs, outputs, kernel=1, stride=1, groups=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, wider):
        super().__init__()
        inside = inputs * wider
        layers = [] if wider == 1 else [conv_norm(inputs, inside)]
        layers += [conv_norm(inside, inside, 3, stride, inside)]
        layers += [nn.Conv2d(inside, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [conv_norm(3, 32, 3, 2)], 32
        for wider, outputs, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                              (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for i in range(count):
                layers.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, wider))
                inputs = outputs
        self.features = nn.Sequential(*layers, conv_norm(320, 1280))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(1280, 1000))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def scale_and_offset(name, tensor):
    if name.endswith("running_mean") or name.endswith("bias"):
        return 0.1, 0
    if name.endswith("running_var"):
        return 0.25, 1
    if tensor.dim() == 1:
        return 0.25, 0.75
    return numpy.sqrt(numpy.float32(6) / numpy.float32(tensor[0].numel())), 0


def fill(network):
    for name, tensor in network.state_dict().items():
        if "num_batches" in name:
            continue
        scale, offset = scale_and_offset(name, tensor)
        values = numbers(name, tensor.numel()) * numpy.float32(scale) + numpy.float32(offset)
        tensor.copy_(torch.from_numpy(values.astype(numpy.float64)).reshape(tensor.shape))


def normalised(path):
    """As torchvision's Resize, CenterCrop, ToTensor and Normalize."""
    picture = Image.open(path).convert("RGB")
    shorter = min(picture.size)
    picture = picture.resize([256 * side // shorter for side in picture.size], Image.Resampling.BILINEAR)
    left, top = (round((side - 224) / 2) for side in picture.size)
    x = numpy.asarray(picture.crop((left, top, left + 224, top + 224)), numpy.float64) / 255
    return ((x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1)


def main():
    torch.set_grad_enabled(False)
    image = torch.from_numpy(numbers("image", 3 * 224 * 224).astype(numpy.float64)).reshape(1, 3, 224, 224)
    photograph = torch.from_numpy(normalised(HERE / "cat.jpg"))[None]
    for folder, kind in (("05_resnet18", ResNet18), ("06_vgg16", VGG16), ("07_mobilenet_v2", MobileNetV2)):
        network = kind().double().eval()
        fill(network)
        y = network(image)
        best = network(photograph)[0].topk(5)
        print(f"{folder}: 1000 results of magnitudes up to {y.abs().max():g}; cat.jpg: {best}")
        (HERE.parent / folder / "expected.bin").write_bytes(y.numpy().astype("<f4").tobytes())
    some = [normalised(HERE / name).flatten()[::997].astype("<f4") for name in ("cat.jpg", "cat.png")]
    (HERE / "expected_images.bin").write_bytes(numpy.concatenate(some).tobytes())


if __name__ == "__main__":
    main()
