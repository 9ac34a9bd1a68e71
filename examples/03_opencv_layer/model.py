#!/usr/bin/python3
"""Writes model.onnx: a small network of pointwise and fully connected layers, BCR-pruned 10x, from a fixed seed.

    apt-get install python3-onnx
    /usr/bin/python3 model.py

64 x 28 x 28 features; three 1x1 convolutions with a depthwise 3x3 one after each of the first two; the mean over the
image; two fully connected layers. Weights are random: this is about time and equal results, not about accuracy, for
which see 01_digits. To ONNX a pruned weight is a zero, and nothing else in the file says that it was pruned.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 1
BLOCK = (4, 16)
RATE = 10
OUTPUT = pathlib.Path(__file__).with_name("model.onnx")


def pruned(weight):
    """In each block a column is kept or pruned as a whole: the strongest tenth of all of them are kept."""
    (m, k), (r, c) = weight.shape, BLOCK
    strength = (weight.reshape(m // r, r, k) ** 2).sum(1)
    kept = strength > np.quantile(strength, 1 - 1 / RATE)
    return weight * np.repeat(kept, r, axis=0)


class Network:
    def __init__(self, channels):
        self.random = np.random.default_rng(SEED)
        self.nodes, self.weights, self.last, self.channels = [], [], "features", channels

    def add(self, operation, name, inputs=(), **attributes):
        self.nodes.append(helper.make_node(operation, [self.last, *inputs], [name], name, **attributes))
        self.last = name

    def add_weights(self, operation, name, weight, **attributes):
        """A layer with these weights and a random bias."""
        bias = 0.1 * self.random.standard_normal(len(weight))
        for suffix, values in (("weight", weight), ("bias", bias)):
            self.weights.append(numpy_helper.from_array(values.astype(np.float32), f"{name}.{suffix}"))
        self.add(operation, name, (f"{name}.weight", f"{name}.bias"), **attributes)
        self.channels = len(weight)

    def normal(self, m, k, terms):
        """Weights that keep the size of what goes through, if every output is a sum of so many terms."""
        return self.random.standard_normal((m, k)) * np.sqrt(2 / terms)

    def pointwise(self, name, m):
        weight = pruned(self.normal(m, self.channels, self.channels / RATE))
        self.add_weights("Conv", name, weight[:, :, None, None], kernel_shape=[1, 1])
        self.add("Relu", f"{name}.relu")

    def depthwise(self, name):
        weight = self.normal(self.channels, 9, 9).reshape(self.channels, 1, 3, 3)
        self.add_weights("Conv", name, weight, kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=self.channels)
        self.add("Relu", f"{name}.relu")

    def fully_connected(self, name, m, prune):
        weight = self.normal(m, self.channels, self.channels / (RATE if prune else 1))
        self.add_weights("Gemm", name, pruned(weight) if prune else weight, transB=1)


def main():
    network = Network(channels=64)
    network.pointwise("pointwise1", 128)
    network.depthwise("depthwise1")
    network.pointwise("pointwise2", 256)
    network.depthwise("depthwise2")
    network.pointwise("pointwise3", 256)
    network.add("GlobalAveragePool", "mean")
    network.add("Flatten", "flat")
    network.fully_connected("hidden", 256, prune=True)
    network.add("Relu", "hidden.relu")
    network.fully_connected("scores", 10, prune=False)

    graph = helper.make_graph(
        network.nodes, "bcr_example",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 64, 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 10])], network.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], producer_name="bcr")
    model.ir_version = 6
    onnx.checker.check_model(model)
    onnx.save(model, OUTPUT)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
