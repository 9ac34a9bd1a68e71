"""Small models of which every operator has a part, with random weights, and the writing of one for the tests:

    models.py PATH writes PATH.onnx, PATH.input and PATH.expected.
"""
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Model:
    """Nodes are added one by one, each of which returns the name of its result."""

    def __init__(self, shape, seed=1):
        self.shape, self.random = shape, numpy.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def node(self, operation, *inputs, **attributes):
        name = f"{operation.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], name, **attributes))
        return name

    def constant(self, values, name=None):
        values = numpy.asarray(values)
        values = values.astype(numpy.float32 if values.dtype.kind == "f" else numpy.int64)
        self.constants.append(numpy_helper.from_array(values, name or f"constant{len(self.constants)}"))
        return self.constants[-1].name

    def weight(self, *shape, name=None, scale=1):
        fan = int(numpy.prod(shape[1:])) or 1
        return self.constant(self.random.uniform(-1, 1, shape) * scale * 2 / numpy.sqrt(fan), name)

    def pruned(self, *shape, block=8, name=None):
        """A quarter of the columns of each block of rows is kept."""
        values = self.random.uniform(-1, 1, shape).reshape(shape[0], -1)
        kept = numpy.repeat(self.random.random((-(-shape[0] // block), values.shape[1])) < 0.25, block, 0)[:shape[0]]
        return self.constant((values * kept).reshape(shape), name)

    def conv(self, x, outputs, channels, kernel, bias=False, name=None, prune=False, **attributes):
        shape = outputs, channels // attributes.get("group", 1), *kernel
        make = self.pruned if prune else self.weight
        weight = make(*shape, name=name and f"{name}.weight")
        return self.node("Conv", x, weight, *([self.weight(outputs)] if bias else []), **attributes)

    def norm(self, x, channels, epsilon=1e-3):
        positive = self.constant(self.random.uniform(0.5, 1.5, channels)), self.weight(channels), self.weight(channels)
        variance = self.constant(self.random.uniform(0.5, 1.5, channels))
        return self.node("BatchNormalization", x, *positive, variance, epsilon=epsilon)

    def model(self, output, shape=None, opset=13, check=True):
        value = helper.make_tensor_value_info
        graph = helper.make_graph(self.nodes, "small", [value("x", TensorProto.FLOAT, self.shape)],
                                  [value(output, TensorProto.FLOAT, shape or ())], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        made.ir_version = 7
        if check:
            onnx.checker.check_model(made)
        return made


def operators():
    """All of them in one network, of 2 x 6 x 12 x 10."""
    m = Model((2, 6, 12, 10))
    a = m.node("Relu", m.norm(m.conv("x", 8, 6, (3, 3), name="first", auto_pad="SAME_UPPER"), 8))
    padded = m.node("Pad", a, m.constant(numpy.array([0, 0, 1, 0, 0, 0, 0, 1])))
    b = m.conv(padded, 8, 8, (3, 2), True, dilations=[1, 2], pads=[0, 0, 1, 1])
    b = m.node("Relu", m.node("Add", a, b))
    zero, three, six = (m.constant(numpy.float32(v)) for v in (0, 3, 6))
    c = m.node("Clip", m.conv(b, 8, 8, (3, 3), True, group=8, pads=[1, 1, 1, 1]), zero, six)
    d = m.conv(b, 8, 8, (3, 3), group=2, pads=[1, 1, 1, 1])
    d = m.node("Mul", d, m.node("Sigmoid", d))
    e = m.conv(m.node("Identity", b), 16, 8, (1, 1), name="pruned1x1", prune=True)
    e = m.node("Mul", e, m.node("Div", m.node("Clip", m.node("Add", e, three), zero, six), six))
    f = m.node("Concat", c, d, e, axis=1)
    largest = m.node("MaxPool", f, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0], ceil_mode=1)
    mean = m.node("AveragePool", f, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0], ceil_mode=1)
    g = m.node("Sigmoid", m.node("Sum", largest, mean))
    g = m.norm(g, 32)
    h = m.conv(g, 8, 32, (3, 3), name="pruned3x3", prune=True, strides=[2, 2], pads=[1, 1, 1, 1])
    h = m.node("Tanh", m.node("Mul", h, m.weight(8, 1, 1, scale=4)))
    # As PyTorch exports x.view(x.size(0), -1).
    batch = m.node("Gather", m.node("Shape", h), m.constant(numpy.array(0)), axis=0)
    batch = m.node("Unsqueeze", batch, m.constant(numpy.array([0])))
    sizes = m.node("Concat", batch, m.constant(numpy.array([-1])), axis=0)
    h = m.node("Reshape", h, sizes)
    h = m.node("Gemm", h, m.pruned(24, 72), m.weight(24), transB=1)
    root, one, half = (m.constant(numpy.float32(v)) for v in (numpy.sqrt(2), 1, 0.5))
    h = m.node("Mul", m.node("Mul", h, m.node("Add", m.node("Erf", m.node("Div", h, root)), one)), half)
    h = m.node("Add", m.node("MatMul", h, m.weight(24, 10)), m.weight(10))
    i = m.node("Gemm", m.node("Flatten", m.node("GlobalAveragePool", g)), m.weight(32, 10), alpha=0.5)
    return m.model(m.node("Softmax", m.node("Dropout", m.node("Add", h, i)), axis=-1), (2, 10))


def main():
    from reference import of_model

    model, path = operators(), sys.argv[1]
    x = numpy.random.default_rng(2).uniform(-2, 2, (2, 6, 12, 10)).astype("<f4")
    onnx.save(model, path + ".onnx")
    pathlib.Path(path + ".input").write_bytes(x.tobytes())
    pathlib.Path(path + ".expected").write_bytes(of_model(model, x).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
