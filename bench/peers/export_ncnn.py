"""Writes a network of bench/networks.py as ncnn's two files: a text with the layers, and their weights."""

import numpy

ACTIVATIONS = {"none": {}, "relu": {9: "1"}, "relu6": {9: "3", -23310: "2,0,6"}}


def save(layers, text_path, weights_path):
    # A result that is used more than once has a name for each use: all but the last layer of them are a Split's.
    uses = {}
    for layer in layers:
        for used in [*layer.inputs, layer.residual]:
            uses[used] = uses.get(used, 0) + 1
    lines, free, blobs = [], {}, 0

    def line(kind, name, inputs, outputs, parameters):
        nonlocal blobs
        blobs += len(outputs)
        said = " ".join(f"{key}={value}" for key, value in parameters.items())
        lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {' '.join([*inputs, *outputs])} {said}".rstrip())

    def finish(number, blob):
        names = [blob]
        if uses.get(number, 0) > 1:
            names = [f"{blob}_{k}" for k in range(uses[number])]
            line("Split", f"split_{blob}", [blob], names, {})
        free[number] = names

    line("Input", "input", [], ["input"], dict(enumerate(reversed(layers[0].input))))
    finish(-1, "input")
    with open(weights_path, "wb") as file:
        for i, layer in enumerate(layers):
            x = free[layer.inputs[0]].pop()
            blob = f"r{i}"
            residual = layer.residual != -2
            own = ACTIVATIONS["none" if residual else layer.activation]
            window = {1: layer.kernel[1], 11: layer.kernel[0], 3: layer.stride[0], 4: layer.padding[0]}
            first = f"{blob}_alone" if residual else blob
            if layer.kind == "convolution":
                grouped = {7: layer.groups} if layer.groups != 1 else {}
                line("ConvolutionDepthWise" if grouped else "Convolution", first, [x], [first],
                     {0: layer.output[0], **window, 5: 1, 6: layer.weights.size, **grouped, **own})
            elif layer.kind == "linear":
                line("InnerProduct", first, [x], [first], {0: layer.output[0], 1: 1, 2: layer.weights.size, **own})
            elif layer.kind == "max_pool":
                line("Pooling", first, [x], [first],
                     {0: 0, 1: layer.kernel[0], 2: layer.stride[0], 3: layer.padding[0], 5: 1})
            elif layer.kind == "global_average":
                line("Pooling", first, [x], [first], {0: 1, 4: 1})
            else:
                raise ValueError(f"There is no {layer.kind} here.")
            if layer.weights is not None:
                file.write(numpy.zeros(1, "<u4").tobytes())  # floats follow
                file.write(layer.weights.tobytes())
                file.write(layer.bias.tobytes())
            if residual:
                summed = blob if layer.activation == "none" else f"{blob}_sum"
                line("BinaryOp", summed, [first, free[layer.residual].pop()], [summed], {0: 0})
                if layer.activation == "relu":
                    line("ReLU", blob, [summed], [blob], {})
                elif layer.activation == "relu6":
                    line("Clip", blob, [summed], [blob], {0: 0, 1: 6})
            finish(i, blob)
    with open(text_path, "w", encoding="ascii") as file:
        file.write(f"7767517\n{len(lines)} {blobs}\n" + "\n".join(lines) + "\n")
