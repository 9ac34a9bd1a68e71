#!/usr/bin/python3
"""What PyTorch makes of pooling layers, for test/op/pooling.cpp. Writes pooling.bin beside itself.

    apt-get install python3-torch && test/op/golden/make_pooling.py

A tensor's name says how it was made: kernel, stride, padding, ceil_mode and, of averages, count_include_pad.
"""
import itertools
from pathlib import Path

import torch
from tensors import Writer


def main():
    torch.manual_seed(5)
    out = Writer(Path(__file__).with_name("pooling.bin"))
    for name, shape in {"odd": (1, 2, 9, 20), "even": (2, 1, 8, 18)}.items():
        x = torch.randn(shape)
        out.tensor(f"{name}/x", x, as_float=True)
        windows = [(2, 2, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1), (5, 3, 2), (2, 3, 1), (4, 4, 2)]
        for (kernel, stride, padding), ceil in itertools.product(windows, (False, True)):
            at = f"{name}/{kernel}_{stride}_{padding}_{int(ceil)}"
            pool = {"stride": stride, "padding": padding, "ceil_mode": ceil}
            out.tensor(f"{at}/max", torch.nn.functional.max_pool2d(x, kernel, **pool), as_float=True)
            for counts in (False, True):
                y = torch.nn.functional.avg_pool2d(x.double(), kernel, count_include_pad=counts, **pool)
                out.tensor(f"{at}/average_{int(counts)}", y)
        out.tensor(f"{name}/dilated", torch.nn.functional.max_pool2d(x, 3, 2, 1, dilation=2), as_float=True)
        out.tensor(f"{name}/global", x.double().mean((2, 3)))
    out.name("")


main()
