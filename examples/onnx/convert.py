#!/usr/bin/python3
"""An ONNX model becomes a network of bcr's: NAME.hpp, a header that describes it for the compiler, and
NAME.safetensors, its parameters, from which pack.cpp makes the file that programs load.

    convert.py MODEL.onnx FOLDER [--name NAME] [--block 8x16] [--dense-above 0.8] [--input-shape 1,3,224,224]

Zeros among the weights are what was pruned. Needs python3-onnx and python3-numpy. What cannot be converted is named,
all of it, and the exit status is 1.
"""
import argparse
import pathlib
import sys

from google.protobuf.message import DecodeError

from graph import Problem, load
from header import Writer, identifier, parameters, write_safetensors
from layers import Converter
from storage import choose


def block(text):
    try:
        rows, columns = (int(size) for size in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError("a block is given as rows x columns: 8x16") from None
    if not (1 <= rows <= 128 and 1 <= columns <= 1024):
        raise argparse.ArgumentTypeError("a block has 1 to 128 rows and 1 to 1024 columns")
    return rows, columns


def shape(text):
    try:
        made = tuple(int(size) for size in text.split(","))
    except ValueError:
        made = ()
    if len(made) not in (2, 4) or min(made) < 1:
        raise argparse.ArgumentTypeError("a shape is batch, channels, height and width: 1,3,224,224")
    return made


def blocks_of(layers, dense_above, wanted):
    """The blocks of the layers that are pruned; convolutions in groups stay dense."""
    made, lines = {}, []
    for number, layer in enumerate(layers):
        if layer.kind not in ("conv", "linear") or layer.options.get("groups", 1) != 1:
            continue
        found, density = choose(layer.parameters["weight"], dense_above, wanted)
        if found is not None:
            made[number] = found
            lines.append(f"  {layer.name}: blocks of {found[0]} x {found[1]}, density {density:.3f}")
    return made, lines


def convert(model, folder, name=None, wanted=None, dense_above=0.8, input_shape=None):
    """Returns what is to be printed. Raises Problem, with a line for each."""
    name = identifier(name or pathlib.Path(model).stem)
    graph = load(model, input_shape)
    converter = Converter(graph)
    layers = converter.run()
    if converter.problems:
        raise Problem("\n".join(converter.problems))
    blocks, lines = blocks_of(layers, dense_above, wanted)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hpp").write_text(Writer(layers, blocks).text(name, pathlib.Path(model).name))
    write_safetensors(folder / f"{name}.safetensors", parameters(layers))
    return [f"{name}: {len(layers) - 1} layers, {len(blocks)} of them pruned", *lines]


def main():
    parser = argparse.ArgumentParser(description="Makes a bcr network of an ONNX model.")
    parser.add_argument("model")
    parser.add_argument("folder", help="where NAME.hpp and NAME.safetensors go to")
    parser.add_argument("--name", help="of the network; that of the file if not given")
    parser.add_argument("--block", type=block,
                        help="of pruned weights, ROWSxCOLUMNS; chosen for each layer if not given")
    parser.add_argument("--dense-above", type=float, default=0.8, metavar="DENSITY",
                        help="weights of which more is kept stay dense (0.8)")
    parser.add_argument("--input-shape", type=shape, help="N,C,H,W, where the model leaves that open")
    given = parser.parse_args()
    try:
        lines = convert(given.model, given.folder, given.name, given.block, given.dense_above, given.input_shape)
    except OSError as problem:
        sys.exit(f"{given.model}: The file cannot be read or written ({problem.strerror}).")
    except DecodeError:
        sys.exit(f"{given.model}: The file is no ONNX model.")
    except Problem as problem:
        sys.exit("\n".join(f"{given.model}: {line}" for line in str(problem).splitlines()))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
