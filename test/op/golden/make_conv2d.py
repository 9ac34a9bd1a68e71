#!/usr/bin/python3
"""What PyTorch makes of convolutions, for test/op/conv2d_golden.cpp. Writes conv2d.bin beside itself.

    apt-get install python3-torch && test/op/golden/make_conv2d.py

Weights and images are floats, so that they are the same in float and double; everything is computed in double. Blocks
of 4 x 8 of the weights, as a matrix of outputs x the rest, keep half of their columns, and some of them three of four
rows. A window is kernel, stride, dilation, padding (top, left, bottom, right) and groups.
"""
from pathlib import Path

import torch
from tensors import Writer, floats, prune

# batch, channels, height, width, outputs, kernel, stride, padding, dilation, groups
CASES = {
    "same": (1, 5, 9, 11, 8, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    "valid": (2, 3, 7, 8, 5, (2, 4), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    "strided": (2, 4, 10, 9, 6, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 1),
    "uneven": (1, 3, 11, 13, 4, (5, 3), (3, 2), (2, 0, 1, 3), (1, 1), 1),
    "dilated": (1, 4, 12, 10, 7, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 1),
    "both": (2, 2, 13, 12, 4, (3, 2), (2, 3), (1, 2, 3, 0), (3, 2), 1),
    "groups": (2, 6, 8, 7, 9, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 3),
    "pointwise": (2, 16, 6, 7, 12, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    "shortcut": (1, 16, 7, 7, 12, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
}


def main():
    torch.manual_seed(5)
    out = Writer(Path(__file__).with_name("conv2d.bin"))
    for name, (batch, channels, height, width, outputs, kernel, stride, padding, dilation, groups) in CASES.items():
        weight = floats(outputs, channels // groups, *kernel)
        prune(weight.view(outputs, -1), outputs // groups)
        image = floats(batch, channels, height, width)
        top, left, bottom, right = padding
        padded = torch.nn.functional.pad(image, (left, right, top, bottom))
        result = torch.nn.functional.conv2d(padded, weight, None, stride, 0, dilation, groups)
        out.tensor(f"{name}/weight", weight, as_float=True)
        out.tensor(f"{name}/image", image, as_float=True)
        out.tensor(f"{name}/window", torch.tensor([*kernel, *stride, *dilation, *padding, groups]).double(), as_float=True)
        out.tensor(f"{name}/result", result)
    out.name("")


main()
