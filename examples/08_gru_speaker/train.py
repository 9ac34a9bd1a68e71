#!/usr/bin/python3
"""Trains this example's network to tell speakers apart, prunes it with BCR, and writes speakers.safetensors.

    apt-get install python3-torch
    pip download --no-deps aeon==1.6.0               # which brings the data, 6 MB
    taskset -c 0 /usr/bin/python3 train.py aeon-1.6.0-py3-none-any.whl            # two minutes on one core

First a dense network: a GRU, and a linear layer on what it remembers after the last frame. Then a copy of it is pruned
in small steps: each step removes the weakest rows and columns of the blocks, and some epochs of training let the rest
make up for them. Last, the pattern stays as it is and the kept weights are trained on. What is scored is what is
stored: weights and frames rounded to 16 bits. The same machine and library versions give the same file from the same
seed.
"""
import copy
import io
import pathlib
import sys
import zipfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent / "common"))
from pruning import in_blocks, pruned_mask, write_safetensors  # noqa: E402

SEED = 1
UNITS = 320
FEATURES = 12
SPEAKERS = 9
BLOCK = (64, 64)
RATE = 10  # of all weights of the GRU
INPUT_RATE = 2  # of the input matrix, which is small
STEPS = 10  # from all weights down to that tenth
ROW_BONUS = 1e9  # no row goes but where a whole block does: whole columns run faster
NOISE = 0.1
EPOCHS = (80, 12, 80)  # dense, after each step of pruning, at the end
DATA = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
OUTPUT = FOLDER / "speakers.safetensors"


def read(wheel, part):
    """Utterances of `part`, [frames, FEATURES] each, and who spoke them, from 0."""
    utterances, speakers = [], []
    with zipfile.ZipFile(wheel) as file:
        for line in io.TextIOWrapper(file.open(DATA.format(part)), encoding="utf-8"):
            if line[0] in "#@" or not line.strip():
                continue
            *features, speaker = line.strip().split(":")
            frames = np.array([[float(x) for x in f.split(",")] for f in features], dtype=np.float16).T
            utterances.append(torch.tensor(frames.astype(np.float32)))
            speakers.append(int(speaker) - 1)
    return utterances, torch.tensor(speakers)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(FEATURES, UNITS)
        self.output = nn.Linear(UNITS, SPEAKERS)

    def forward(self, utterances, dropout=0.0):
        lengths = [len(u) for u in utterances]
        packed = pack_padded_sequence(pad_sequence(utterances), lengths, enforce_sorted=False)
        _, state = self.gru(packed)
        return self.output(F.dropout(state[0], dropout, training=dropout > 0))

    def matrices(self):
        return {"input": self.gru.weight_ih_l0, "recurrent": self.gru.weight_hh_l0}


def altered(utterance):
    """A piece of an utterance, with noise: the training set is small."""
    frames = len(utterance)
    length = int(torch.randint(max(5, 2 * frames // 3), frames + 1, ()))
    first = int(torch.randint(0, frames - length + 1, ()))
    return utterance[first : first + length] + NOISE * torch.randn(length, FEATURES)


def train(network, utterances, speakers, epochs, rate, masks=None):
    """`epochs` passes over the training set, the learning rate falling from `rate` to 0. Pruned weights stay 0."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    batches = (len(utterances) + 31) // 32
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    for _ in range(epochs):
        for chosen in torch.randperm(len(utterances)).split(32):
            scores = network([altered(utterances[i]) for i in chosen], dropout=0.3)
            loss = F.cross_entropy(scores, speakers[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if masks:
                apply(network, masks)


def apply(network, masks):
    with torch.no_grad():
        for name, weight in network.matrices().items():
            weight.masked_fill_(masks[name] == 0, 0)


def final_densities(network):
    sizes = {name: weight.numel() for name, weight in network.matrices().items()}
    from_recurrent = sum(sizes.values()) / RATE - sizes["input"] / INPUT_RATE
    return {"input": 1 / INPUT_RATE, "recurrent": from_recurrent / sizes["recurrent"]}


def gradually_pruned(network, utterances, speakers):
    network = copy.deepcopy(network)
    masks = {name: torch.ones_like(weight) for name, weight in network.matrices().items()}
    goals = final_densities(network)
    for step in range(1, STEPS + 1):
        for name, weight in network.matrices().items():
            # Fast at first, while it is easy.
            density = goals[name] + (1 - goals[name]) * (1 - step / STEPS) ** 3
            masks[name] = pruned_mask(weight.detach(), masks[name], density, BLOCK, ROW_BONUS)
        apply(network, masks)
        train(network, utterances, speakers, epochs=EPOCHS[1], rate=1e-3, masks=masks)
    train(network, utterances, speakers, epochs=EPOCHS[2], rate=1e-3, masks=masks)
    return network, masks


def rounded(network):
    """The network with the weights that are stored, its values exact in 16 bits."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(p.half().float())
    return network


@torch.no_grad()
def accuracy(network, utterances, speakers):
    return (network(utterances).argmax(1) == speakers).float().mean().item()


def half(tensor):
    return "F16", tensor.detach().contiguous().numpy().astype(np.float16)


def kept(weight, mask):
    """What is stored of a pruned matrix: for each block, which rows and columns it keeps, a bit each, and then the
    weights, block by block and row by row."""
    blocks = in_blocks(mask, BLOCK) != 0
    rows, columns = blocks.any(3), blocks.any(2)
    bits = [np.packbits(kind.numpy(), axis=-1, bitorder="little") for kind in (rows, columns)]
    weights = in_blocks(weight.detach(), BLOCK)[rows[..., None] & columns[..., None, :]]
    return {"rows": ("U8", bits[0]), "columns": ("U8", bits[1]), "weights": half(weights)}


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    utterances, speakers = read(sys.argv[1], "TRAIN")
    test, test_speakers = read(sys.argv[1], "TEST")

    dense = Network()
    train(dense, utterances, speakers, epochs=EPOCHS[0], rate=2e-3)
    pruned, masks = gradually_pruned(dense, utterances, speakers)
    networks = {"dense": rounded(dense), "pruned": rounded(pruned)}

    tensors = {
        "test.frames": half(torch.cat(test)),
        "test.lengths": ("U8", np.array([len(u) for u in test], dtype=np.uint8)),
        "test.speakers": ("U8", test_speakers.numpy().astype(np.uint8)),
    }
    metadata = {
        "network": f"GRU of {UNITS} units, {FEATURES} features a frame; {SPEAKERS} speakers",
        "pruning": f"BCR, blocks {BLOCK[0]}x{BLOCK[1]}, the GRU {RATE}x",
        "seed": str(SEED),
        "data": "Japanese Vowels, M. Kudo, J. Toyama and M. Shimbo (1999), UCI Machine Learning Repository, "
                "doi:10.24432/C5NS47, CC BY 4.0; from aeon 1.6.0; its 370 test utterances, rounded to 16 bits",
    }
    for kind, network in networks.items():
        scored = f"{accuracy(network, test, test_speakers):.4f}"
        metadata[f"{kind} test accuracy"] = scored
        counts = {name: int((weight != 0).sum()) for name, weight in network.matrices().items()}
        print(f"{kind}: test accuracy {scored}, weights {counts}")
        for name, weight in network.matrices().items():
            if kind == "dense":
                tensors[f"dense.{name}"] = half(weight)
                continue
            for part, stored in kept(weight, masks[name]).items():
                tensors[f"pruned.{name}.{part}"] = stored
        for name in ("bias_ih_l0", "bias_hh_l0"):
            tensors[f"{kind}.{name}"] = half(getattr(network.gru, name))
        tensors[f"{kind}.output"] = half(network.output.weight)
        tensors[f"{kind}.output_bias"] = half(network.output.bias)
    write_safetensors(OUTPUT, tensors, metadata)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
