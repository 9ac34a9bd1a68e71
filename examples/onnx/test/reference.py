"""What an ONNX model computes, and what the converter's layers do, operator by operator in double precision."""
import math

import numpy
import onnx
from onnx import numpy_helper

erf = numpy.vectorize(math.erf, otypes=[float])
ACTIVATIONS = {
    "relu": lambda x: numpy.maximum(x, 0),
    "relu6": lambda x: numpy.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "tanh": numpy.tanh,
    "silu": lambda x: x / (1 + numpy.exp(-x)),
    "hard_swish": lambda x: x * numpy.clip(x + 3, 0, 6) / 6,
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
}


def windows(x, kernel, stride, dilation, padding, shape, filling):
    """For every element of the kernel, the elements of the padded images at all positions of the output."""
    top, left, bottom, right = padding
    far = [(p - 1) * s + (k - 1) * d + 1 for p, s, k, d in zip(shape, stride, kernel, dilation)]
    more = [max(0, f - size - a - b) for f, size, a, b in zip(far, x.shape[2:], (top, left), (bottom, right))]
    x = numpy.pad(x, ((0, 0), (0, 0), (top, bottom + more[0]), (left, right + more[1])), constant_values=filling)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            y, z = i * dilation[0], j * dilation[1]
            yield i, j, x[:, :, y:y + (shape[0] - 1) * stride[0] + 1:stride[0],
                          z:z + (shape[1] - 1) * stride[1] + 1:stride[1]]


def conv(x, weight, bias, stride, dilation, padding, groups, shape):
    n, m = len(x), len(weight)
    made = numpy.zeros((n, groups, m // groups, *shape))
    weight = weight.astype(float).reshape(groups, m // groups, *weight.shape[1:])
    for i, j, part in windows(x, weight.shape[3:], stride, dilation, padding, shape, 0):
        part = part.reshape(n, groups, -1, *shape)
        made += numpy.einsum("ngchw,gmc->ngmhw", part, weight[:, :, :, i, j])
    made = made.reshape(n, m, *shape)
    return made if bias is None else made + bias.astype(float).reshape(-1, 1, 1)


def max_pool(x, kernel, stride, dilation, padding, shape):
    parts = [part for _, _, part in windows(x, kernel, stride, dilation, padding, shape, -numpy.inf)]
    return numpy.max(parts, 0)


def average_pool(x, kernel, stride, padding, shape, include):
    total = sum(part for _, _, part in windows(x, kernel, stride, (1, 1), padding, shape, 0))
    ones = numpy.ones((1, 1, *x.shape[2:]))
    if include:
        ones = numpy.pad(ones, ((0, 0), (0, 0), (padding[0], padding[2]), (padding[1], padding[3])), constant_values=1)
        padding = 0, 0, 0, 0
    return total / sum(part for _, _, part in windows(ones, kernel, stride, (1, 1), padding, shape, 0))


def softmax(x):
    e = numpy.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def channels(values):
    return values.astype(float).reshape(-1, 1, 1)


def of_layers(layers, x):
    """The converter's layers, each as bcr/net/record.hpp means it."""
    made = [x.astype(float).reshape(layers[0].shape)]
    for layer in layers[1:]:
        inputs, o, p = [made[i] for i in layer.inputs], layer.options, layer.parameters
        x, w = inputs[0], o.get("window", {})
        where = (w["stride"], w["dilation"], w["padding"]) if w else ()
        if layer.kind == "conv":
            y = conv(x, p["weight"], p["bias"], *where, o["groups"], layer.shape[2:])
        elif layer.kind == "linear":
            y = x.reshape(len(x), -1) @ p["weight"].astype(float).T + (0 if p["bias"] is None else p["bias"])
        elif layer.kind == "batch_norm":
            mean, variance = channels(p["running_mean"]), channels(p["running_var"]) + 1e-5
            y = (x - mean) / numpy.sqrt(variance) * channels(p["weight"]) + channels(p["bias"])
        elif layer.kind in ("add", "concat"):
            y = inputs[0] + inputs[1] if layer.kind == "add" else numpy.concatenate(inputs, 1)
        elif layer.kind == "max_pool":
            y = max_pool(x, w["kernel"], *where, layer.shape[2:])
        elif layer.kind == "average_pool":
            y = average_pool(x, w["kernel"], w["stride"], w["padding"], layer.shape[2:], o["count_include_pad"])
        elif layer.kind == "global_average":
            y = x.mean((2, 3))
        elif layer.kind == "softmax":
            y = softmax(x)
        else:
            y = ACTIVATIONS[o.get("function", layer.kind)](x)
        made.append(y.reshape(layer.shape))
    return made[-1]


def of_node(operation, a, x, rest, shape):
    """An operator; `shape` is its result's, where it has a window: onnx's own inference has it."""
    at = (a.get("strides", (1, 1)), a.get("dilations", (1, 1)), padding_of(a, x, rest, shape))
    if operation == "Conv":
        return conv(x, rest[0], rest[1] if len(rest) > 1 else None, *at, a.get("group", 1), shape[2:])
    if operation == "MaxPool":
        return max_pool(x, a["kernel_shape"], *at, shape[2:])
    if operation == "AveragePool":
        return average_pool(x, a["kernel_shape"], at[0], at[2], shape[2:], a.get("count_include_pad", 0))
    if operation == "Gemm":
        b = rest[0].T if a.get("transB", 0) else rest[0]
        return a.get("alpha", 1) * (x @ b) + (a.get("beta", 1) * rest[1] if len(rest) > 1 else 0)
    if operation == "BatchNormalization":
        scale, shift, mean, variance = (v.astype(float).reshape(-1, *[1] * (x.ndim - 2)) for v in rest)
        return (x - mean) / numpy.sqrt(variance + a.get("epsilon", 1e-5)) * scale + shift
    if operation == "Pad":
        p = rest[0].reshape(2, -1).T
        return numpy.pad(x, p)
    axes = tuple(numpy.atleast_1d(rest[0]).astype(int) if rest and rest[0].ndim == 1 else a.get("axes", ()))
    simple = {
        "Add": lambda: x + rest[0], "Sub": lambda: x - rest[0], "Mul": lambda: x * rest[0],
        "Div": lambda: x / rest[0], "Sum": lambda: sum(rest, x), "Relu": lambda: numpy.maximum(x, 0),
        "Concat": lambda: numpy.concatenate((x, *rest), a["axis"]), "MatMul": lambda: x @ rest[0],
        "Clip": lambda: numpy.clip(x, *(rest if rest else (a["min"], a["max"]))), "Erf": lambda: erf(x),
        "Sigmoid": lambda: ACTIVATIONS["sigmoid"](x), "Tanh": lambda: numpy.tanh(x),
        "HardSwish": lambda: ACTIVATIONS["hard_swish"](x), "Gelu": lambda: ACTIVATIONS["gelu"](x),
        "HardSigmoid": lambda: numpy.clip(a["alpha"] * x + a["beta"], 0, 1),
        "Softmax": lambda: softmax(x), "GlobalAveragePool": lambda: x.mean((2, 3), keepdims=True),
        "GlobalMaxPool": lambda: x.max((2, 3), keepdims=True), "Shape": lambda: numpy.asarray(x.shape),
        "ReduceMean": lambda: x.mean((2, 3), keepdims=bool(a.get("keepdims", 1))), "Identity": lambda: x,
        "Dropout": lambda: x, "Cast": lambda: x, "Flatten": lambda: x.reshape(len(x), -1),
        "Reshape": lambda: x.reshape([n or x.shape[i] for i, n in enumerate(rest[0])]),
        "Squeeze": lambda: numpy.squeeze(x, axes), "Unsqueeze": lambda: numpy.expand_dims(x, axes),
        "Transpose": lambda: x.transpose(a["perm"]), "Gather": lambda: numpy.take(x, rest[0], a.get("axis", 0)),
    }
    return simple[operation]()


def padding_of(a, x, rest, shape):
    """Half of what is missing before; the odd one behind, or before with SAME_LOWER."""
    mode = a.get("auto_pad", "NOTSET")
    if not mode.startswith("SAME"):
        return tuple(a.get("pads", (0, 0, 0, 0)))
    kernel = a.get("kernel_shape") or rest[0].shape[2:]
    begin, end = [], []
    for i in range(2):
        stride, dilation = a.get("strides", (1, 1))[i], a.get("dilations", (1, 1))[i]
        total = max(0, (shape[2 + i] - 1) * stride + (kernel[i] - 1) * dilation + 1 - x.shape[2 + i])
        begin.append((total + (mode == "SAME_LOWER")) // 2)
        end.append(total - begin[-1])
    return (*begin, *end)


def of_model(model, x):
    inferred = onnx.shape_inference.infer_shapes(model)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
              for v in (*inferred.graph.value_info, *inferred.graph.output)}
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values[model.graph.input[0].name] = x.astype(float)
    for node in model.graph.node:
        a = {i.name: onnx.helper.get_attribute_value(i) for i in node.attribute}
        a = {k: v.decode() if isinstance(v, bytes) else v for k, v in a.items()}
        inputs = [values[i] for i in node.input if i]
        values[node.output[0]] = (numpy_helper.to_array(a["value"]) if node.op_type == "Constant" else
                                  of_node(node.op_type, a, inputs[0], inputs[1:], shapes.get(node.output[0])))
    return values[model.graph.output[0].name]
