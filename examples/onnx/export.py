#!/usr/bin/python3
"""Exports one of the examples' networks from PyTorch as a user would:

    export.py resnet18|vgg16|mobilenet_v2 PATH [RATE]

writes PATH.onnx, PATH.input and PATH.expected, what PyTorch makes of the input in double precision. Parameters are
made up; of the layers that the examples prune only one weight in RATE is left, in whole columns of blocks. Needs
python3-torch and python3-pil.
"""
import pathlib
import sys

import numpy
import torch

sys.path.append(str(pathlib.Path(__file__).parent.parent / "common"))
import golden  # noqa: E402

# The blocks, as the examples have them, and the layers that stay dense.
NETWORKS = {
    "resnet18": (golden.ResNet18, (8, 16), lambda name, w: name == "conv1.weight"),
    "vgg16": (golden.VGG16, (8, 16), lambda name, w: name == "features.0.weight"),
    "mobilenet_v2": (golden.MobileNetV2, (8, 16), lambda name, w: w.dim() == 4 and w.shape[2] != 1),
}


def prune(network, rate, block, dense):
    random = numpy.random.default_rng(1)
    for name, weight in network.named_parameters():
        if weight.dim() < 2 or dense(name, weight):
            continue
        rows, columns = len(weight), weight[0].numel()
        kept = numpy.repeat(random.random((-(-rows // block[0]), columns)) < 1 / rate, block[0], axis=0)[:rows]
        weight.mul_(torch.from_numpy(kept.reshape(weight.shape)))


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in NETWORKS:
        sys.exit(__doc__)
    torch.set_grad_enabled(False)
    path, rate = sys.argv[2], float(sys.argv[3]) if len(sys.argv) == 4 else 1
    kind, block, dense = NETWORKS[sys.argv[1]]
    network = kind().double().eval()
    golden.fill(network)
    if rate > 1:
        prune(network, rate, block, dense)
    image = torch.from_numpy(golden.numbers("image", 3 * 224 * 224).astype(numpy.float64)).reshape(1, 3, 224, 224)
    pathlib.Path(path + ".input").write_bytes(image.numpy().astype("<f4").tobytes())
    pathlib.Path(path + ".expected").write_bytes(network(image).numpy().astype("<f4").tobytes())
    torch.onnx.export(network.float(), image.float(), path + ".onnx", input_names=["image"], output_names=["scores"],
                      opset_version=13)


if __name__ == "__main__":
    main()
