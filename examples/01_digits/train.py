#!/usr/bin/python3
"""Trains this example's network on handwritten digits, prunes it with BCR, and writes digits.safetensors.

    apt-get install python3-torch python3-sklearn
    taskset -c 0 /usr/bin/python3 train.py            # two minutes on one core

First a dense network, 64-1024-1024-10 with ReLU. Then a copy of it is pruned in small steps: each step removes the
weakest rows and columns of the blocks, and a few epochs of training let the rest make up for them. Last, the pattern
stays as it is and the kept weights are trained on. What is scored is what is stored: weights rounded to bfloat16.
The same machine and library versions give the same file from the same seed.
"""
import copy
import pathlib
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent / "common"))
from pruning import pruned_mask, write_safetensors  # noqa: E402

SEED = 1
WIDTH = 1024
BLOCK = (4, 16)
RATE = 10  # in every layer: a tenth of its weights is kept
STEPS = 10  # from all weights down to that tenth
ROW_BONUS = 64  # a row goes only when it is this much weaker than the columns that go: whole columns run faster
OUTPUT = FOLDER / "digits.safetensors"


def make_network():
    return nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))


def linear_layers(network):
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def shifted(images):
    """Each image moved by less than a pixel and turned and scaled a little: the training set is small."""
    n = len(images)
    theta = torch.eye(2, 3).repeat(n, 1, 1) + 0.08 * torch.randn(n, 2, 3)
    grid = F.affine_grid(theta, (n, 1, 8, 8), align_corners=False)
    return F.grid_sample(images.view(n, 1, 8, 8), grid, align_corners=False).view(n, 64)


def train(network, images, labels, epochs, rate, masks=None):
    """`epochs` passes over the training set, the learning rate falling from `rate` to 0. Pruned weights stay 0."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    batches = (len(images) + 63) // 64
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(network(shifted(images[chosen])), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if masks:
                apply(network, masks)


def apply(network, masks):
    with torch.no_grad():
        for layer, mask in zip(linear_layers(network), masks):
            layer.weight.masked_fill_(mask == 0, 0)


def gradually_pruned(network, images, labels):
    network = copy.deepcopy(network)
    masks = [torch.ones_like(layer.weight) for layer in linear_layers(network)]
    for step in range(1, STEPS + 1):
        density = 1 / RATE + (1 - 1 / RATE) * (1 - step / STEPS) ** 3  # fast at first, while it is easy
        masks = [pruned_mask(layer.weight.detach(), mask, density, BLOCK, ROW_BONUS)
                 for layer, mask in zip(linear_layers(network), masks)]
        apply(network, masks)
        train(network, images, labels, epochs=6, rate=1e-3, masks=masks)
    train(network, images, labels, epochs=40, rate=1e-3, masks=masks)
    return network


def rounded(network):
    """The network with the weights that are stored, its values exact in bfloat16."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(p.bfloat16().float())
    return network


def accuracy(network, images, labels):
    return (network(images).argmax(1) == labels).float().mean().item()


def bfloat16_bits(tensor):
    return (tensor.detach().contiguous().numpy().view(np.uint32) >> 16).astype(np.uint16)


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    digits = load_digits()  # 1797 images of 8 x 8 pixels, 0 to 16
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data.astype(np.uint8), digits.target, test_size=450, random_state=SEED, stratify=digits.target)
    images, test_images = (torch.tensor(x, dtype=torch.float32) / 16 for x in (train_x, test_x))
    labels, test_labels = torch.tensor(train_y), torch.tensor(test_y)

    dense = make_network()
    train(dense, images, labels, epochs=60, rate=2e-3)
    networks = {"dense": rounded(dense), "pruned": rounded(gradually_pruned(dense, images, labels))}

    tensors = {"test.images": ("U8", test_x), "test.labels": ("U8", test_y.astype(np.uint8))}
    metadata = {
        "network": f"64-{WIDTH}-{WIDTH}-10, ReLU; input: pixels / 16",
        "pruning": f"BCR, blocks {BLOCK[0]}x{BLOCK[1]}, every layer {RATE}x",
        "seed": str(SEED),
        "data": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning "
                "Repository, doi:10.24432/C50P49, CC BY 4.0; from scikit-learn; 450 of its 1797 images are test images",
    }
    for kind, network in networks.items():
        scored = f"{accuracy(network, test_images, test_labels):.4f}"
        metadata[f"{kind} test accuracy"] = scored
        kept = [int((layer.weight != 0).sum()) for layer in linear_layers(network)]
        print(f"{kind}: test accuracy {scored}, kept weights of each layer {kept}")
        for i, layer in enumerate(linear_layers(network)):
            tensors[f"{kind}.{i}.weight"] = "BF16", bfloat16_bits(layer.weight)
            tensors[f"{kind}.{i}.bias"] = "BF16", bfloat16_bits(layer.bias)
    write_safetensors(OUTPUT, tensors, metadata)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
