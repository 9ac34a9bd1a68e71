"""An ONNX model as the converter reads it: the nodes that the output depends on, in order, with the activations that
exporters spell out put together again.
"""
import math
from dataclasses import dataclass, field

import numpy
import onnx
from onnx import numpy_helper


class Problem(Exception):
    """One sentence that says why something cannot be converted."""


@dataclass
class Node:
    operation: str
    name: str
    inputs: list
    outputs: list
    attributes: dict = field(default_factory=dict)


@dataclass
class Graph:
    name: str
    nodes: list
    constants: dict  # by name
    input: str
    input_shape: tuple
    output: str
    opset: int

    def consumers(self, tensor):
        """How often a tensor is used, as the model's result among others."""
        return sum(node.inputs.count(tensor) for node in self.nodes) + (tensor == self.output)


def attribute(a):
    value = onnx.helper.get_attribute_value(a)
    if a.type == onnx.AttributeProto.TENSOR:
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if isinstance(value, (list, tuple)) or a.ints or a.floats else value


def needed(nodes, there, output):
    """The nodes that the output depends on. ONNX has them in order: each behind those whose results it uses."""
    wanted, made = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.difference_update(node.outputs)
            wanted.update(node.inputs)
            made.append(node)
    for tensor in sorted(wanted - there - {""}):
        raise Problem(f"The tensor '{tensor}' is used before anything makes it.")
    return made[::-1]


def shape_of(value, asked):
    """The input's shape: as asked for, or as in the model, a batch of unknown size being 1."""
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        raise Problem("The model's input is not of 32-bit floats, which networks here compute in.")
    if asked is not None:
        return tuple(asked)
    shape = [d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim]
    if shape and shape[0] == 0:
        shape[0] = 1
    if len(shape) not in (2, 4) or 0 in shape:
        raise Problem("The model's input has no fixed shape of batch, channels, height and width, or of batch and "
                      "channels: --input-shape 1,3,224,224 says what it is.")
    return tuple(shape)


def load(path, input_shape=None):
    model = onnx.load(path)
    graph = model.graph
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    nodes = []
    for node in graph.node:
        attributes = {a.name: attribute(a) for a in node.attribute}
        nodes.append(Node(node.op_type, node.name or (node.output[0] if node.output else ""), list(node.input),
                          list(node.output), attributes))
        if node.op_type == "Constant" and attributes:
            constants[node.output[0]] = numpy.asarray(next(iter(attributes.values())))
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise Problem(f"The model has {len(inputs)} inputs and {len(graph.output)} outputs; a network has one of each.")
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    made = Graph(graph.name, nodes, constants, inputs[0].name, shape_of(inputs[0], input_shape), graph.output[0].name,
                 opset)
    made.nodes = needed(nodes, set(constants) | {made.input}, made.output)
    put_together(made)
    return made


# Activations as exporters spell them out. "x" is whatever goes in, the same everywhere; numbers are constants.
SIX = ("Clip", ("Add", "x", 3), 0, 6)
PATTERNS = [
    ("Silu", ("Mul", "x", ("Sigmoid", "x"))),
    ("HardSwish", ("Mul", "x", ("HardSigmoid", "x"))),
    ("HardSwish", ("Mul", "x", ("Div", SIX, 6))),
    ("HardSwish", ("Div", ("Mul", "x", SIX), 6)),
    ("Gelu", ("Mul", ("Mul", "x", ("Add", ("Erf", ("Div", "x", math.sqrt(2))), 1)), 0.5)),
    ("Gelu", ("Mul", ("Mul", "x", 0.5), ("Add", ("Erf", ("Div", "x", math.sqrt(2))), 1))),
]


class Match:
    """One attempt to find a pattern that ends with a node."""

    def __init__(self, graph, maker):
        self.graph, self.maker, self.x, self.inside = graph, maker, None, []

    def tensor(self, pattern, tensor):
        if pattern == "x":
            self.x = self.x or tensor
            return tensor == self.x
        if not isinstance(pattern, tuple):
            value = self.graph.constants.get(tensor)
            return value is not None and value.size == 1 and abs(float(value.reshape(-1)[0]) - pattern) < 1e-5
        node = self.maker.get(tensor)
        return node is not None and self.node(pattern, node)

    def node(self, pattern, node):
        operation, *operands = pattern
        inputs = list(node.inputs)
        if operation == "Clip":
            inputs += [self.bound(node, name) for name in ("min", "max") if name in node.attributes]
        if node.operation != operation or len(inputs) != len(operands):
            return False
        if operation == "HardSigmoid":
            alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
            if abs(alpha - 1 / 6) > 1e-4 or abs(beta - 0.5) > 1e-6:
                return False
        orders = [inputs] + ([inputs[::-1]] if operation in ("Add", "Mul") else [])
        before = self.x, list(self.inside)
        for order in orders:
            if all(self.tensor(p, t) for p, t in zip(operands, order)):
                self.inside.append(node)
                return True
            self.x, self.inside = before[0], list(before[1])
        return False

    def bound(self, node, name):
        """Clip's bounds as older models have them, made constants."""
        tensor = f"{node.name}.{name}"
        self.graph.constants[tensor] = numpy.float32(node.attributes[name]).reshape(1)
        return tensor


def put_together(graph):
    maker = {tensor: node for node in graph.nodes for tensor in node.outputs}
    for node in reversed(graph.nodes):
        for operation, pattern in PATTERNS:
            match = Match(graph, maker)
            if node.operation != pattern[0] or not match.node(pattern, node):
                continue
            inside = [n for n in match.inside if n is not node]
            users = [n for n in graph.nodes for t in n.inputs if any(t in i.outputs for i in inside)]
            if match.x is None or any(all(user is not n for n in match.inside) for user in users):
                continue
            node.operation, node.inputs, node.attributes = operation, [match.x], {}
            graph.nodes = [n for n in graph.nodes if all(n is not i for i in inside)]
            break
