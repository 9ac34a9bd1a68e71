"""What the scripts beside this one have in common: random numbers, pruning, and a file of tensors.

The file is a list of tensors in little-endian order: the length of a name and the name, the number of extents and the
extents (32-bit), 4 or 8 for float or double, and the elements. An empty name ends it.
"""
import struct

import torch


def prune(weight, height):
    """Of blocks of 4 x 8, half of the columns and some rows. Blocks begin anew after every `height` rows."""
    rows = [g + i for g in range(0, weight.shape[0], height) for i in range(0, height, 4)]
    for i, past in zip(rows, rows[1:] + [weight.shape[0]]):
        for j in range(0, weight.shape[1], 8):
            block = weight[i:past, j : j + 8]
            block[:, torch.randperm(block.shape[1])[: block.shape[1] // 2]] = 0
            if torch.rand(()) < 0.5:
                block[torch.randint(block.shape[0], ()), :] = 0


def floats(*shape):
    """Doubles that are floats."""
    return (torch.rand(*shape) * 2 - 1).float().double()


class Writer:
    def __init__(self, path):
        self.file = open(path, "wb")

    def name(self, name):
        self.file.write(struct.pack("<I", len(name)) + name.encode())

    def tensor(self, name, value, as_float=False):
        self.name(name)
        self.file.write(struct.pack(f"<I{value.dim()}I", value.dim(), *value.shape))
        self.file.write(struct.pack("<I", 4 if as_float else 8))
        value = value.detach().contiguous()
        self.file.write((value.float() if as_float else value).numpy().tobytes())
