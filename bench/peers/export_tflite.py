"""Writes a network of bench/networks.py as a TFLite model. Images lie pixel by pixel there (NHWC), so weights and the
order of a first linear layer's inputs are turned round; kernels of 3 x 3 with a stride of 2 get a layer of padding, as
TFLite has "same" and "valid" only.
"""

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema

ACTIVATIONS = {"none": schema.ActivationFunctionType.NONE, "relu": schema.ActivationFunctionType.RELU,
               "relu6": schema.ActivationFunctionType.RELU6}


class Writer:
    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.buffers, self.codes = [schema.BufferT()], {}

    def tensor(self, shape, array=None, kind=schema.TensorType.FLOAT32):
        made = schema.TensorT()
        made.shape, made.type, made.buffer = [int(n) for n in shape], kind, 0
        made.name = f"t{len(self.graph.tensors)}"
        if array is not None:
            made.buffer = len(self.buffers)
            self.buffers.append(schema.BufferT())
            self.buffers[-1].data = numpy.frombuffer(numpy.ascontiguousarray(array).tobytes(), numpy.uint8)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def constant(self, array):
        whole = array.dtype == numpy.int32
        return self.tensor(array.shape, array, schema.TensorType.INT32 if whole else schema.TensorType.FLOAT32)

    def operator(self, code, inputs, shape, options=None, **values):
        made = schema.OperatorT()
        made.opcodeIndex = self.codes.setdefault(code, len(self.codes))
        made.inputs, made.outputs = inputs, [self.tensor(shape)]
        if options is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, options + "T")()
            for name, value in values.items():
                setattr(made.builtinOptions, name, value)
        self.graph.operators.append(made)
        return made.outputs[0]

    def save(self, path):
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [self.graph], self.buffers, []
        for code in self.codes:
            made = schema.OperatorCodeT()
            made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), 1
            model.operatorCodes.append(made)
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        with open(path, "wb") as file:
            file.write(builder.Output())


def shape_of(extents):
    channels, height, width = extents
    return [1, height, width, channels]


def save(layers, path):
    ops, w = schema.BuiltinOperator, Writer()
    results = {-1: w.tensor(shape_of(layers[0].input))}
    w.graph.inputs = [results[-1]]
    flat = False
    for i, layer in enumerate(layers):
        x = results[layer.inputs[0]]
        own = ACTIVATIONS["none" if layer.residual != -2 else layer.activation]
        window = {"padding": schema.Padding.SAME, "strideH": layer.stride[0], "strideW": layer.stride[1]}
        if any(layer.padding) and layer.stride != [1, 1]:
            top, left, bottom, right = layer.padding
            channels, height, width = layer.input
            around = w.constant(numpy.array([[0, 0], [top, bottom], [left, right], [0, 0]], numpy.int32))
            # Pooling follows a ReLU here, so that zeros change no maximum.
            x = w.operator(ops.PAD, [x, around], [1, height + top + bottom, width + left + right, channels],
                           "PadOptions")
            window["padding"] = schema.Padding.VALID
        elif not any(layer.padding):
            window["padding"] = schema.Padding.VALID
        if layer.kind == "convolution" and layer.groups != 1:
            weights = w.constant(layer.shaped_weights().transpose(1, 2, 3, 0))
            y = w.operator(ops.DEPTHWISE_CONV_2D, [x, weights, w.constant(layer.bias)], shape_of(layer.output),
                           "DepthwiseConv2DOptions", depthMultiplier=1, dilationHFactor=1, dilationWFactor=1,
                           fusedActivationFunction=own, **window)
        elif layer.kind == "convolution":
            weights = w.constant(layer.shaped_weights().transpose(0, 2, 3, 1))
            y = w.operator(ops.CONV_2D, [x, weights, w.constant(layer.bias)], shape_of(layer.output), "Conv2DOptions",
                           dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=own, **window)
        elif layer.kind == "linear":
            channels, height, width = layer.input
            if not flat:
                shape = w.constant(numpy.array([1, channels * height * width], numpy.int32))
                x = w.operator(ops.RESHAPE, [x, shape], [1, channels * height * width])
            turned = layer.weights.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(layer.weights.shape)
            y = w.operator(ops.FULLY_CONNECTED, [x, w.constant(turned), w.constant(layer.bias)], [1, layer.output[0]],
                           "FullyConnectedOptions", fusedActivationFunction=own)
            flat = True
        elif layer.kind == "max_pool":
            y = w.operator(ops.MAX_POOL_2D, [x], shape_of(layer.output), "Pool2DOptions", filterHeight=layer.kernel[0],
                           filterWidth=layer.kernel[1], **window)
        elif layer.kind == "global_average":
            axes = w.constant(numpy.array([1, 2], numpy.int32))
            y = w.operator(ops.MEAN, [x, axes], shape_of(layer.output), "ReducerOptions", keepDims=True)
        else:
            raise ValueError(f"There is no {layer.kind} here.")
        if layer.residual != -2:
            y = w.operator(ops.ADD, [y, results[layer.residual]], shape_of(layer.output), "AddOptions",
                           fusedActivationFunction=ACTIVATIONS[layer.activation])
        results[i] = y
    w.graph.outputs = [results[len(layers) - 1]]
    w.save(path)
