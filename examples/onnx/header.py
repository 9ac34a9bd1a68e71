"""Writes a network down as somebody would for bcr::net::builder, and its parameters as a .safetensors file."""
import json
import re
import struct

import numpy

from names import plain

KEYWORDS = set("""alignas alignof and asm auto bool break case catch char class concept const constexpr continue
decltype default delete do double else enum explicit export extern false float for friend goto if inline int long
mutable namespace new not operator or private protected public register requires return short signed sizeof static
struct switch template this throw true try typedef typename union unsigned using virtual void volatile while xor x
net pruned square function bcr std network""".split())
WIDTH = 120


def identifier(name):
    made = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
    if not made or made[0].isdigit():
        made = "layer_" + made
    return made + "_" if made in KEYWORDS else made


def extent(values):
    return "{%d, %d}" % tuple(values)


def window(w):
    (kernel, _), (stride, _), padding = w["kernel"], w["stride"], w["padding"]
    if w["kernel"] == (kernel, kernel) and w["stride"] == (stride, stride) and w["dilation"] == (1, 1) and len(
            set(padding)) == 1:
        arguments = [kernel, stride, padding[0]]
        while len(arguments) > 1 and arguments[-1] == (1 if len(arguments) == 2 else 0):
            arguments.pop()
        return f"square({', '.join(map(str, arguments))})"
    parts = [f".kernel = {extent(w['kernel'])}"]
    if w["stride"] != (1, 1):
        parts.append(f".stride = {extent(w['stride'])}")
    if w["dilation"] != (1, 1):
        parts.append(f".dilation = {extent(w['dilation'])}")
    if any(padding):
        names = "top", "left", "bottom", "right"
        parts.append(f".padding = {{{', '.join(f'.{n} = {p}' for n, p in zip(names, padding) if p)}}}")
    return f"{{{', '.join(parts)}}}"


def options(layer, block):
    o, parts = layer.options, []
    if layer.kind in ("conv", "linear"):
        parts.append(f".outputs = {layer.shape[1]}")
    if "window" in o:
        parts.append(f".window = {window(o['window'])}")
    if o.get("groups", 1) != 1:
        parts.append(f".groups = {o['groups']}")
    if layer.kind in ("conv", "linear"):
        bias = layer.parameters["bias"] is not None
        if bias != (layer.kind == "linear"):  # linear layers have one unless they say that they have none
            parts.append(f".bias = {'true' if bias else 'false'}")
        if block is not None:
            parts.append(f".weights = pruned({block[0]}, {block[1]})")
    if o.get("ceil_mode"):
        parts.append(".ceil_mode = true")
    if o.get("count_include_pad") is False and any(o["window"]["padding"]):
        parts.append(".count_include_pad = false")
    return parts


def wrapped(begin, parts):
    """A call with options, on as many lines as it takes."""
    lines = [begin + "{"]
    for part in parts:
        separator = "" if lines[-1].endswith("{") else ", "
        if len(lines[-1] + separator + part) > WIDTH - 10:
            lines[-1] += separator.rstrip()
            lines.append(" " * 10)
            separator = ""
        lines[-1] += separator + part
    return "\n".join(lines) + "})"


def call(layer, block, other):
    name = f'"{plain(layer.name)}"'
    if layer.kind in ("relu", "relu6"):
        return f".{layer.kind}()"
    if layer.kind == "activate":
        return f".activate(function::{layer.options['function']})"
    if layer.kind in ("add", "concat"):
        return f".{layer.kind}({name}, {other})"
    if layer.kind in ("batch_norm", "global_average", "softmax"):
        return f".{layer.kind}({name})"
    return wrapped(f".{layer.kind}({name}, ", options(layer, block))


class Writer:
    def __init__(self, layers, blocks):
        self.layers, self.blocks = layers, blocks
        self.uses = [sum(layer.inputs.count(i) for layer in layers) for i in range(len(layers))]
        self.variables, self.taken = {0: "x"}, set()

    def chain(self, first):
        """Layers from this one on, each of which is the only user of the one before, and begins with it."""
        made = [first]
        while True:
            last = made[-1]
            if self.uses[last] != 1:
                return made
            user = next(i for i, layer in enumerate(self.layers) if last in layer.inputs)
            # What else the user needs has to be there already.
            if self.layers[user].inputs[0] != last or any(i > first for i in self.layers[user].inputs[1:]):
                return made
            made.append(user)

    def variable(self, chain):
        telling = [i for i in chain if self.layers[i].kind not in ("relu", "relu6", "activate", "batch_norm")]
        made = name = identifier(self.layers[telling[-1] if telling else chain[-1]].name)
        number = 1
        while made in self.taken:
            number += 1
            made = f"{name}_{number}"
        self.taken.add(made)
        return made

    def statements(self):
        done, made = {0}, []
        for i in range(1, len(self.layers)):
            if i in done:
                continue
            chain = self.chain(i)
            done.update(chain)
            calls = []
            for number in chain:
                layer = self.layers[number]
                other = self.variables[layer.inputs[1]] if len(layer.inputs) > 1 else None
                calls.append(call(layer, self.blocks.get(number), other))
            name = self.variable(chain)
            self.variables[chain[-1]] = name
            begin = f"  const auto {name} = {self.variables[self.layers[i].inputs[0]]}"
            line = begin + "".join(calls) + ";"
            made.append(line if len(line) <= WIDTH and "\n" not in line else "\n      ".join([begin, *calls]) + ";")
        return made

    def text(self, name, source):
        n, c, h, w = self.layers[0].shape
        batch = f".batch = {n}, " if n != 1 else ""
        statements = "\n".join(self.statements())
        words = [word for word in ("function", "pruned", "square") if re.search(rf"\b{word}\b[(:]", statements)]
        used = [f"bcr::net::{word}" for word in words]
        return f"""// Written by convert.py, from {plain(source)}.
#pragma once

#include "bcr/net/builder.hpp"

namespace {name} {{

inline constexpr auto network = [] {{
{f"  using {', '.join(used)};" + chr(10) if used else ""}  bcr::net::builder<{len(self.layers)}> net("{name}");
  const auto x = net.input({{{batch}.channels = {c}, .height = {h}, .width = {w}}});
{statements}
  return net.finish({self.variables[len(self.layers) - 1]});
}}();

}}  // namespace {name}
"""


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.tobytes())


def parameters(layers):
    """All of them by name, as floats."""
    return {f"{plain(layer.name)}.{name}": numpy.ascontiguousarray(values, "<f4")
            for layer in layers for name, values in layer.parameters.items() if values is not None}
