"""From the nodes of an ONNX model to the layers of a bcr::net::network: shapes are followed, what is constant is
computed, and what there is no layer for is collected, a sentence each.
"""
from dataclasses import dataclass, field

import numpy

from constants import CONSTANT_OPERATIONS
from graph import Problem
from names import Names

EPSILON = 1e-5  # what the library adds to a variance


@dataclass
class Layer:
    kind: str  # as the builder's functions are called
    name: str
    inputs: list  # numbers of layers; 0 is the network's input
    shape: tuple  # of the result: batch, channels, height, width
    options: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)


@dataclass
class Value:
    """A tensor that a layer computes, of the shape that the model sees."""

    layer: int
    shape: tuple
    padding: tuple = (0, 0, 0, 0)  # top, left, bottom, right: of a Pad that has not found its window yet
    alone: bool = False  # nobody else uses the layer's result


UNKNOWN = object()  # a result of what cannot be converted


def pair(values, what):
    if len(values) != 2:
        raise Problem(f"{what} has {len(values)} dimensions, and images have two.")
    return tuple(int(v) for v in values)


def per_channel(constant, channels, rank):
    """A constant beside an N x C x H x W or N x C tensor as a number a channel, or None."""
    if constant.size == 1:
        return numpy.full(channels, float(constant.reshape(-1)[0]))
    shape = (1,) * (rank - constant.ndim) + constant.shape
    return constant.astype(float).reshape(-1) if shape == (1, channels) + (1,) * (rank - 2) else None


class Converter:
    def __init__(self, graph):
        self.graph, self.names, self.problems = graph, Names(graph), []
        n, c, h, w = graph.input_shape if len(graph.input_shape) == 4 else (*graph.input_shape, 1, 1)
        self.layers = [Layer("input", "input", [], (n, c, h, w))]
        self.values = {"": None, graph.input: Value(0, graph.input_shape)}
        self.values.update({name: numpy.asarray(value) for name, value in graph.constants.items()})

    def run(self):
        for node in self.graph.nodes:
            self.convert(node)
        result = self.values.get(self.graph.output)
        if not self.problems and (not isinstance(result, Value) or result.layer == 0 or any(result.padding)):
            self.problems.append("The model's result is not that of a layer.")
        return self.layers

    def convert(self, node):
        inputs = [self.values.get(tensor, UNKNOWN) for tensor in node.inputs]
        handler = getattr(self, "on_" + node.operation, None)
        constant = inputs and all(v is None or isinstance(v, numpy.ndarray) for v in inputs)
        result = UNKNOWN
        try:
            if node.outputs[0] in self.graph.constants:
                result = self.values[node.outputs[0]]
            elif constant and node.operation in CONSTANT_OPERATIONS:
                result = numpy.asarray(CONSTANT_OPERATIONS[node.operation](node, inputs))
            elif constant:
                raise Problem("It is constant, and the converter cannot compute it.")
            elif handler is None:
                raise Problem("bcr's networks have no such layer.")
            elif not any(v is UNKNOWN for v in inputs):
                result = handler(node, *inputs)
            if any(t and self.graph.consumers(t) for t in node.outputs[1:]):
                raise Problem("Its second result is used.")
        except Problem as problem:
            self.problems.append(f"{node.operation} '{node.name}': {problem}")
            result = UNKNOWN
        except (IndexError, KeyError, TypeError, ValueError) as problem:
            self.problems.append(f"{node.operation} '{node.name}': It is not as ONNX has it ({problem}).")
        self.values[node.outputs[0]] = result

    # What handlers are made of.

    def image(self, value, padded=False):
        """The layer's result, which has to be an image, and not padded unless the caller sees to that."""
        if not isinstance(value, Value):
            raise Problem("A constant takes the place of an image.")
        if any(value.padding) and not padded:
            raise Problem("What comes before is padded, which only convolutions and average pooling can take in.")
        return self.layers[value.layer].shape

    def add(self, node, kind, inputs, shape, options=None, parameters=None, name=None, seen=None):
        name = name or self.names.of(node, kind)
        self.layers.append(Layer(kind, name, inputs, shape, options or {}, parameters or {}))
        return Value(len(self.layers) - 1, seen or shape, alone=self.graph.consumers(node.outputs[0]) == 1)

    def same(self, node, value, shape=None):
        """A tensor that is another, maybe seen in another shape."""
        alone = value.alone and self.graph.consumers(node.outputs[0]) == 1
        return Value(value.layer, shape or value.shape, value.padding, alone)

    def elementwise(self, node, value, kind, **options):
        shape = self.image(value)
        return self.add(node, kind, [value.layer], shape, options, name=kind, seen=value.shape)

    def window(self, node, value, kernel, dilations=True):
        """Kernel, stride, dilation and padding of a node; padding is top, left, bottom, right."""
        _, _, height, width = self.image(value, padded=True)
        a = node.attributes
        stride = pair(a.get("strides", (1, 1)), "Its stride")
        dilation = pair(a.get("dilations", (1, 1)), "Its dilation")
        if not dilations and dilation != (1, 1):
            raise Problem("Average pooling has no dilation.")
        padding = tuple(a.get("pads", (0, 0, 0, 0)))
        mode = a.get("auto_pad", "NOTSET")
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            begin, end = [], []
            extents = height + value.padding[0] + value.padding[2], width + value.padding[1] + value.padding[3]
            for size, k, s, d in zip(extents, kernel, stride, dilation):
                total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
                begin.append(total // 2 if mode == "SAME_UPPER" else total - total // 2)
                end.append(total - begin[-1])
            padding = (*begin, *end)
        elif mode == "VALID":
            padding = (0, 0, 0, 0)
        elif mode != "NOTSET":
            raise Problem(f"There is no auto_pad of '{mode}'.")
        if len(padding) != 4 or min(padding) < 0:
            raise Problem("Its padding is not that of an image, or less than nothing.")
        padding = tuple(p + q for p, q in zip(padding, value.padding))
        return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}

    def positions(self, value, w, ceil_mode=False):
        _, _, *size = self.image(value, padded=True)
        made = []
        for i in range(2):
            before, after = w["padding"][i], w["padding"][i + 2]
            space = size[i] + before + after - (w["kernel"][i] - 1) * w["dilation"][i] - 1
            if space < 0:
                raise Problem("Its window does not fit into the padded image.")
            count = space // w["stride"][i] + 1
            if ceil_mode and space % w["stride"][i] and count * w["stride"][i] < size[i] + before:
                count += 1  # a last window has to begin within the image or the padding before it
            made.append(count)
        return tuple(made)

    # Layers with parameters.

    def on_Conv(self, node, x, weight, bias=None):
        batch, channels, _, _ = self.image(x, padded=True)
        if not isinstance(weight, numpy.ndarray) or not (bias is None or isinstance(bias, numpy.ndarray)):
            raise Problem("Its weights are not constant.")
        kernel, groups = pair(weight.shape[2:], "Its kernel"), node.attributes.get("group", 1)
        if weight.shape[1] * groups != channels:
            raise Problem(f"Its weights are for {weight.shape[1] * groups} channels, and the image has {channels}.")
        window = self.window(node, x, kernel)
        shape = (batch, weight.shape[0], *self.positions(x, window))
        return self.add(node, "conv", [x.layer], shape, {"window": window, "groups": groups},
                        {"weight": weight, "bias": bias})

    def fully_connected(self, node, x, weight, bias):
        batch, *rest = self.image(x)
        if len(x.shape) != 2 or weight.ndim != 2 or weight.shape[1] != numpy.prod(rest):
            raise Problem("It does not multiply a matrix of a row an item by a constant one of its columns.")
        return self.add(node, "linear", [x.layer], (batch, weight.shape[0], 1, 1), {},
                        {"weight": weight, "bias": bias}, seen=(batch, weight.shape[0]))

    def on_Gemm(self, node, a, b, c=None):
        if not isinstance(b, numpy.ndarray) or not (c is None or isinstance(c, numpy.ndarray)):
            raise Problem("Its weights are not constant.")
        if node.attributes.get("transA", 0):
            raise Problem("It transposes what is no constant.")
        weight = b if node.attributes.get("transB", 0) else b.T
        bias = None if c is None else per_channel(c, weight.shape[0], 2)
        if c is not None and bias is None:
            raise Problem("What it adds is not a bias, a number for every output.")
        alpha, beta = node.attributes.get("alpha", 1), node.attributes.get("beta", 1)
        return self.fully_connected(node, a, weight if alpha == 1 else weight * alpha,
                                    None if bias is None else bias * beta)

    def on_MatMul(self, node, a, b):
        if not isinstance(b, numpy.ndarray) or b.ndim != 2:
            raise Problem("It does not multiply by a constant matrix from the right.")
        return self.fully_connected(node, a, b.T, None)

    def on_BatchNormalization(self, node, x, scale, shift, mean, variance):
        shape = self.image(x)
        constants = scale, shift, mean, variance
        if any(not isinstance(v, numpy.ndarray) or v.size != shape[1] for v in constants):
            raise Problem("Its parameters are not constant, or not as many as there are channels.")
        if node.attributes.get("training_mode", 0):
            raise Problem("It is meant for training.")
        epsilon = node.attributes.get("epsilon", 1e-5)
        before = self.layers[x.layer]
        if x.alone and before.kind in ("conv", "linear"):
            parameters = {"weight": scale, "bias": shift, "running_mean": mean,
                          "running_var": variance.astype(float) + (epsilon - EPSILON)}
            return self.add(node, "batch_norm", [x.layer], shape, {}, parameters, seen=x.shape)
        # Nothing to disappear into: a factor and a term for every channel.
        factor = scale / numpy.sqrt(variance.astype(float) + epsilon)
        return self.channelwise(node, x, factor, shift - mean * factor)

    def channelwise(self, node, x, factor, term):
        """A factor and a term for every channel: into the layer before, or a depthwise convolution of one element."""
        shape = self.image(x)
        before = self.layers[x.layer]
        if x.alone and before.kind in ("conv", "linear"):
            weight, bias = before.parameters["weight"], before.parameters["bias"]
            if not (factor == 1).all():
                weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
            before.parameters = {"weight": weight, "bias": (0 if bias is None else bias * factor) + term}
            return self.same(node, x)
        window = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0)}
        return self.add(node, "conv", [x.layer], shape, {"window": window, "groups": shape[1]},
                        {"weight": factor.reshape(-1, 1, 1, 1), "bias": term}, seen=x.shape)

    # Sums, and constants that are added or multiplied by.

    def on_Add(self, node, *summands):
        values = [v for v in summands if isinstance(v, Value)]
        if len(values) < len(summands):
            if len(summands) != 2:
                raise Problem("It adds a constant and more than one image.")
            constant = next(v for v in summands if not isinstance(v, Value))
            return self.with_constant(node, values[0], 1, constant)
        made = values[0]
        for other in values[1:]:
            shape = self.image(made)
            if shape != self.image(other) or made.shape != other.shape:
                raise Problem(f"It adds {list(other.shape)} to {list(made.shape)}, and sums are of equal shapes.")
            inputs = sorted((made.layer, other.layer), reverse=True)  # the later one is usually the layer just before
            made = self.add(node, "add", inputs, shape, seen=made.shape)
        return made

    on_Sum = on_Add

    def with_constant(self, node, x, factor, term):
        channels = self.image(x)[1]
        factor, term = (per_channel(numpy.asarray(c), channels, len(x.shape)) for c in (factor, term))
        if factor is None or term is None:
            raise Problem("Its constant has a number for something else than channels.")
        return self.channelwise(node, x, factor, term)

    def on_Sub(self, node, a, b):
        if isinstance(a, Value) and isinstance(b, numpy.ndarray):
            return self.with_constant(node, a, 1, -b)
        if isinstance(b, Value) and isinstance(a, numpy.ndarray):
            return self.with_constant(node, b, -1, a)
        raise Problem("There is no difference of two images.")

    def on_Mul(self, node, a, b):
        if isinstance(a, Value) and isinstance(b, Value):
            raise Problem("There is no product of two images.")
        return self.with_constant(node, *((a, b) if isinstance(a, Value) else (b, a)), 0)

    def on_Div(self, node, a, b):
        if not isinstance(a, Value) or not isinstance(b, numpy.ndarray):
            raise Problem("There is no division by an image.")
        return self.with_constant(node, a, 1 / b.astype(float), 0)

    def on_Concat(self, node, *parts):
        shapes = [self.image(part) for part in parts]
        axis, rank = node.attributes["axis"], len(parts[0].shape)
        flat = any(len(p.shape) == 2 and s[2:] != (1, 1) for p, s in zip(parts, shapes))
        if axis % rank != 1 or flat or any(len(p.shape) != rank for p in parts):
            raise Problem("It puts something else together than channels.")
        if any(s[0] != shapes[0][0] or s[2:] != shapes[0][2:] for s in shapes):
            raise Problem("Images whose channels are put together have the same height and width.")
        made = parts[0]
        for part, shape in zip(parts[1:], shapes[1:]):
            before = self.layers[made.layer].shape
            whole = (before[0], before[1] + shape[1], *before[2:])
            made = self.add(node, "concat", [made.layer, part.layer], whole, seen=whole[:rank])
        return self.same(node, made) if len(parts) == 1 else made

    # Activations.

    def on_Relu(self, node, x):
        return self.elementwise(node, x, "relu")

    def on_Clip(self, node, x, low=None, high=None):
        def bound(given, name):
            given = node.attributes.get(name) if given is None else given
            if isinstance(given, Value):
                raise Problem("Its bounds are not constant.")
            return None if given is None or abs(float(given)) > 1e30 else float(given)

        bounds = bound(low, "min"), bound(high, "max")
        if bounds not in ((0, 6), (0, None)):
            raise Problem(f"It clips to {bounds[0]} and {bounds[1]}; there are 0 and 6, and 0 alone.")
        return self.elementwise(node, x, "relu6" if bounds[1] else "relu")

    def activation(self, node, x, function):
        return self.elementwise(node, x, "activate", function=function)

    def on_Sigmoid(self, node, x):
        return self.activation(node, x, "sigmoid")

    def on_Tanh(self, node, x):
        return self.activation(node, x, "tanh")

    def on_Silu(self, node, x):
        return self.activation(node, x, "silu")

    def on_HardSwish(self, node, x):
        return self.activation(node, x, "hard_swish")

    def on_Gelu(self, node, x):
        if node.attributes.get("approximate", "none") != "none":
            raise Problem("There is no GELU by an approximation.")
        return self.activation(node, x, "gelu")

    def on_Softmax(self, node, x):
        shape = self.image(x)
        axis = node.attributes.get("axis", -1 if self.graph.opset >= 13 else 1) % len(x.shape)
        if shape[2:] != (1, 1) or axis != 1:
            raise Problem("A softmax is over the channels of images of one pixel.")
        return self.elementwise(node, x, "softmax")

    # Pooling.

    def pool(self, node, x, kind, options, dilations=True):
        shape = self.image(x, padded=True)
        window = self.window(node, x, pair(node.attributes["kernel_shape"], "Its kernel"), dilations)
        ceil_mode = bool(node.attributes.get("ceil_mode", 0))
        for i in range(4):
            if window["padding"][i] >= window["kernel"][i % 2]:
                raise Problem("A pooling window's padding is smaller than its kernel.")
        made = (*shape[:2], *self.positions(x, window, ceil_mode))
        return self.add(node, kind, [x.layer], made, {"window": window, "ceil_mode": ceil_mode, **options})

    def on_MaxPool(self, node, x):
        self.image(x)  # a Pad before it is of zeros, its own padding of nothing
        return self.pool(node, x, "max_pool", {})

    def on_AveragePool(self, node, x):
        include = bool(node.attributes.get("count_include_pad", 0))
        own = any(node.attributes.get("pads", ())) or node.attributes.get("auto_pad", "NOTSET").startswith("SAME")
        if any(x.padding) and own and not include:
            raise Problem("It counts the zeros of the Pad before it and not those of its own padding.")
        return self.pool(node, x, "average_pool", {"count_include_pad": include or any(x.padding)}, dilations=False)

    def global_pool(self, node, x, kind, seen=None):
        batch, channels, height, width = self.image(x)
        if len(x.shape) != 4:
            raise Problem("It is not of images.")
        options = {}
        if kind == "max_pool":
            options = {"window": {"kernel": (height, width), "stride": (1, 1), "dilation": (1, 1),
                                  "padding": (0, 0, 0, 0)}, "ceil_mode": False}
        return self.add(node, kind, [x.layer], (batch, channels, 1, 1), options, seen=seen)

    def on_GlobalAveragePool(self, node, x):
        return self.global_pool(node, x, "global_average")

    def on_GlobalMaxPool(self, node, x):
        return self.global_pool(node, x, "max_pool")

    def on_ReduceMean(self, node, x, axes=None):
        axes = node.attributes.get("axes", ()) if axes is None else axes.tolist()
        rank = len(x.shape)
        if rank != 4 or sorted(a % rank for a in axes) != [2, 3]:
            raise Problem("It is not the mean over height and width.")
        seen = None if node.attributes.get("keepdims", 1) else x.shape[:2]
        return self.global_pool(node, x, "global_average", seen)

    # What changes no element.

    def on_Identity(self, node, x, *_):
        return self.same(node, x)

    on_Dropout = on_Identity

    def on_Cast(self, node, x):
        if node.attributes["to"] != 1:
            raise Problem("It casts to another type than float.")
        return self.same(node, x)

    def on_Shape(self, node, x):
        self.image(x)
        return numpy.asarray(x.shape, numpy.int64)[node.attributes.get("start", 0):node.attributes.get("end")]

    def reshaped(self, node, x, shape):
        batch, *rest = self.image(x)
        shape = tuple(int(s) for s in shape)
        flat, image = (batch, int(numpy.prod(rest))), (batch, *rest)
        if shape not in (flat, image):
            raise Problem(f"It makes {list(shape)} of {list(x.shape)}, which is neither flat nor the image as it was.")
        return self.same(node, x, shape)

    def on_Flatten(self, node, x):
        self.image(x)
        axis = node.attributes.get("axis", 1) % len(x.shape)
        sizes = [int(numpy.prod(part)) for part in (x.shape[:axis], x.shape[axis:])]
        return self.reshaped(node, x, sizes)

    def on_Reshape(self, node, x, shape):
        self.image(x)
        if not isinstance(shape, numpy.ndarray):
            raise Problem("Its shape is not constant.")
        wanted = [x.shape[i] if s == 0 and not node.attributes.get("allowzero", 0) else int(s)
                  for i, s in enumerate(shape.tolist())]
        if -1 in wanted:
            rest = int(numpy.prod([s for s in wanted if s != -1]))
            wanted[wanted.index(-1)] = int(numpy.prod(x.shape)) // max(rest, 1)
        return self.reshaped(node, x, wanted)

    def on_Squeeze(self, node, x, axes=None):
        axes = node.attributes.get("axes") if axes is None else axes.tolist()
        rank = len(x.shape)
        gone = [a % rank for a in axes] if axes else [i for i in range(1, rank) if x.shape[i] == 1]
        return self.reshaped(node, x, [s for i, s in enumerate(x.shape) if i not in gone])

    def on_Unsqueeze(self, node, x, axes=None):
        axes = node.attributes.get("axes") if axes is None else axes.tolist()
        shape = list(x.shape)
        for axis in sorted(a % (len(shape) + len(axes)) for a in axes):
            shape.insert(axis, 1)
        return self.reshaped(node, x, shape)

    def on_Transpose(self, node, x):
        moved = [a for a in node.attributes.get("perm", range(len(x.shape))[::-1]) if x.shape[a] != 1]
        if moved != sorted(moved):
            raise Problem("It changes the order of elements.")
        order = node.attributes.get("perm", range(len(x.shape))[::-1])
        return self.reshaped(node, x, [x.shape[a] for a in order])

    def on_Pad(self, node, x, pads=None, value=None, axes=None):
        self.image(x)
        pads = node.attributes.get("pads") if pads is None else pads.tolist()
        value = node.attributes.get("value", 0) if value is None else float(value)
        if node.attributes.get("mode", "constant") != "constant" or value != 0 or axes is not None:
            raise Problem("It pads with something else than zeros.")
        if len(pads) != 8 or any(pads[i] for i in (0, 1, 4, 5)) or min(pads) < 0:
            raise Problem("It pads something else than height and width.")
        return Value(x.layer, (*x.shape[:2], x.shape[2] + pads[2] + pads[6], x.shape[3] + pads[3] + pads[7]),
                     (pads[2], pads[3], pads[6], pads[7]))
