"""What the examples' train.py have in common: pruning by blocks, and writing .safetensors files."""
import json
import struct

import torch
from torch.nn import functional as F


def in_blocks(x, block):
    """A matrix as [block row, block column, row, column], filled up with zeros where the last blocks reach beyond it."""
    r, c = block
    x = F.pad(x, (0, -x.shape[1] % c, 0, -x.shape[0] % r))
    return x.view(x.shape[0] // r, r, x.shape[1] // c, c).transpose(1, 2)


def pruned_mask(weight, mask, density, block, row_bonus):
    """The mask with the weakest rows and columns of its blocks removed, until a share `density` of all weights is kept.

    A row of a block is as strong as the mean square of its kept weights, and so is a column; one threshold serves the
    whole layer, so blocks that matter keep more than others. A row goes only when it is `row_bonus` times weaker than
    the columns that go: whole columns run faster.
    """
    rows, columns = weight.shape
    kept, square = in_blocks(mask, block), in_blocks((weight * mask) ** 2, block)
    by_row = row_bonus * square.sum(3, keepdim=True) / kept.sum(3, keepdim=True).clamp(min=1)
    by_column = square.sum(2, keepdim=True) / kept.sum(2, keepdim=True).clamp(min=1)
    weaker = torch.minimum(by_row, by_column)[kept > 0]  # of the two that a weight belongs to
    threshold = torch.quantile(weaker[torch.randperm(len(weaker))[: 1 << 20]], 1 - density * mask.numel() / len(weaker))
    kept = kept * (by_row >= threshold) * (by_column >= threshold)
    whole = kept.transpose(1, 2).reshape(kept.shape[0] * block[0], kept.shape[1] * block[1])
    return whole[:rows, :columns].contiguous()


def write_safetensors(path, tensors, metadata):
    """`tensors`: name -> (type, array). In the file: 8 bytes with the header's length; the header: JSON, name -> type,
    shape and place; then the tensors' bytes."""
    header, data = {"__metadata__": metadata}, b""
    for name, (kind, array) in tensors.items():
        place = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": place}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
