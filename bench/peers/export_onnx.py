"""Writes a network of bench/networks.py as an ONNX model, with its weights as they are, zeros and all."""

import onnx
from onnx import TensorProto, helper, numpy_helper


def name_of(number):
    return "input" if number < 0 else f"r{number}"


def save(layers, path):
    """Normalisations are in the weights already, so a layer is an operator, a sum if it has a residual, and an activation."""
    nodes, tensors = [], []

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def tensor(array, name):
        tensors.append(numpy_helper.from_array(array, name))
        return name

    for i, layer in enumerate(layers):
        x = name_of(layer.inputs[0])
        after = int(layer.residual != -2) + int(layer.activation != "none")
        steps = iter([f"r{i}_{k}" for k in range(after)] + [f"r{i}"])
        window = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": layer.padding}
        if layer.kind == "convolution":
            given = [x, tensor(layer.shaped_weights(), f"w{i}"), tensor(layer.bias, f"b{i}")]
            y = node("Conv", given, next(steps), group=layer.groups, **window)
        elif layer.kind == "linear":
            flat = node("Flatten", [x], f"flat{i}", axis=1)
            y = node("Gemm", [flat, tensor(layer.weights, f"w{i}"), tensor(layer.bias, f"b{i}")], next(steps), transB=1)
        elif layer.kind == "max_pool":
            y = node("MaxPool", [x], next(steps), **window)
        elif layer.kind == "global_average":
            y = node("GlobalAveragePool", [x], next(steps))
        else:
            raise ValueError(f"There is no {layer.kind} here.")
        if layer.residual != -2:
            y = node("Add", [y, name_of(layer.residual)], next(steps))
        if layer.activation == "relu":
            node("Relu", [y], next(steps))
        elif layer.activation == "relu6":
            limits = [tensor(layer.number(value), f"limit{i}_{value}") for value in (0, 6)]
            node("Clip", [y, *limits], next(steps))
    ends = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, *layers[0].input]),
            helper.make_tensor_value_info(f"r{len(layers) - 1}", TensorProto.FLOAT, [1, layers[-1].output[0]])]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
