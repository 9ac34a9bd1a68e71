#!/usr/bin/python3
"""What PyTorch makes of recurrent layers, for test/op/cells_golden.cpp. Writes cells.bin beside itself.

    apt-get install python3-torch && test/op/golden/make_cells.py

Weights and inputs are floats, so that they are the same in float and double; everything is computed in double. Of a
layer called pruned, blocks of 4 x 8 keep half of their columns, and some of them three of four rows.
"""
from pathlib import Path

import torch
from tensors import Writer, floats, prune

INPUTS, HIDDEN, TIME = 7, 10, 6
LENGTHS = [6, 2, 5]
KINDS = {
    "lstm": lambda **how: torch.nn.LSTM(INPUTS, HIDDEN, **how),
    "lstmp": lambda **how: torch.nn.LSTM(INPUTS, HIDDEN, proj_size=7, **how),
    "gru": lambda **how: torch.nn.GRU(INPUTS, HIDDEN, **how),
    "rnn_tanh": lambda **how: torch.nn.RNN(INPUTS, HIDDEN, nonlinearity="tanh", **how),
    "rnn_relu": lambda **how: torch.nn.RNN(INPUTS, HIDDEN, nonlinearity="relu", **how),
}
# layers, directions, pruned, lengths
FORMS = {
    "single": (1, 1, False, False),
    "pruned": (1, 1, True, False),
    "stacked": (2, 1, True, False),
    "bidirectional": (2, 2, True, False),
    "lengths": (1, 2, True, True),
}


def run(layer, x, state, lengths):
    if lengths is None:
        return layer(x, state)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    y, state = layer(packed, state)
    return torch.nn.utils.rnn.pad_packed_sequence(y, total_length=x.shape[0])[0], state


def main():
    torch.manual_seed(4)
    out = Writer(Path(__file__).with_name("cells.bin"))
    for kind, make in KINDS.items():
        for form, (layers, directions, pruned, has_lengths) in FORMS.items():
            layer = make(num_layers=layers, bidirectional=directions == 2).double()
            for name, weight in layer.named_parameters():
                weight.data = floats(*weight.shape) * 0.5
                if pruned and "weight" in name:
                    prune(weight.data, layer.proj_size if "hr" in name else HIDDEN)
                out.tensor(f"{kind}/{form}/{name}", weight, as_float=True)
            outputs = layer.proj_size or HIDDEN
            for batch in [3] if has_lengths else [1, 3]:
                x = floats(TIME, batch, INPUTS)
                state = floats(layers * directions, batch, outputs)
                if kind.startswith("lstm"):
                    state = (state, floats(layers * directions, batch, HIDDEN))
                y, after = run(layer, x, state, LENGTHS if has_lengths else None)
                at = f"{kind}/{form}/{batch}/"
                out.tensor(at + "x", x, as_float=True)
                out.tensor(at + "y", y)
                for name, before, then in zip("hc", *[s if isinstance(s, tuple) else (s,) for s in (state, after)]):
                    out.tensor(at + name + "0", before, as_float=True)
                    out.tensor(at + name, then)
    out.name("")


main()
