"""The operators that exporters leave among constants, such as the shape of a Reshape, computed with numpy."""
import numpy
import onnx

from graph import Problem


def axes_of(node, given):
    axes = node.attributes.get("axes") if len(given) < 2 or given[1] is None else given[1].tolist()
    return None if axes is None else tuple(axes)


def sliced(node, inputs):
    data, *rest = inputs
    a = node.attributes
    if not rest:
        axes = a.get("axes", range(len(a["starts"])))
        rest = [numpy.asarray(values) for values in (a["starts"], a["ends"], axes)]
    starts, ends = rest[0].tolist(), rest[1].tolist()
    axes = rest[2].tolist() if len(rest) > 2 and rest[2] is not None else range(len(starts))
    steps = rest[3].tolist() if len(rest) > 3 else [1] * len(starts)
    index = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps):
        index[axis] = slice(start, None if step < 0 and end < -data.shape[axis] else end, step)
    return data[tuple(index)]


def reshaped(node, inputs):
    data, shape = inputs
    return data.reshape([data.shape[i] if s == 0 else s for i, s in enumerate(shape.tolist())])


def cast(node, inputs):
    kinds = {1: numpy.float32, 6: numpy.int32, 7: numpy.int64, 9: bool, 11: numpy.float64}
    if node.attributes["to"] not in kinds:
        raise Problem(f"It casts to type {onnx.TensorProto.DataType.Name(node.attributes['to'])}.")
    return inputs[0].astype(kinds[node.attributes["to"]])


def divided(_, inputs):
    a, b = inputs
    return a // b if numpy.issubdtype(a.dtype, numpy.integer) else a / b


def unsqueezed(node, inputs):
    data, axes = inputs[0], axes_of(node, inputs)
    rank = data.ndim + len(axes)
    for axis in sorted(a % rank for a in axes):
        data = numpy.expand_dims(data, axis)
    return data


def filled(node, inputs):
    value = numpy.asarray(node.attributes.get("value", numpy.float32(0)))
    return numpy.full(inputs[0].tolist(), value.reshape(-1)[0])


# Each takes the node and its inputs, of which those left out are None.
CONSTANT_OPERATIONS = {
    "Add": lambda n, i: i[0] + i[1],
    "Cast": cast,
    "Concat": lambda n, i: numpy.concatenate(i, n.attributes["axis"]),
    "ConstantOfShape": filled,
    "Div": divided,
    "Floor": lambda n, i: numpy.floor(i[0]),
    "Gather": lambda n, i: numpy.take(i[0], i[1], n.attributes.get("axis", 0)),
    "Identity": lambda n, i: i[0],
    "Mul": lambda n, i: i[0] * i[1],
    "Neg": lambda n, i: -i[0],
    "ReduceProd": lambda n, i: numpy.prod(i[0], axes_of(n, i), keepdims=bool(n.attributes.get("keepdims", 1))),
    "Reshape": reshaped,
    "Shape": lambda n, i: numpy.asarray(i[0].shape, numpy.int64),
    "Slice": sliced,
    "Sqrt": lambda n, i: numpy.sqrt(i[0]),
    "Squeeze": lambda n, i: numpy.squeeze(i[0], axes_of(n, i)),
    "Sub": lambda n, i: i[0] - i[1],
    "Transpose": lambda n, i: numpy.transpose(i[0], n.attributes.get("perm")),
    "Unsqueeze": unsqueezed,
}
