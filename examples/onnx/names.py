"""Names of layers: those that the model was trained with, as far as the exporter kept them."""
import re

SUFFIXES = re.compile(r"\.(weight|bias|running_mean|running_var)$")
TELLING = {"conv", "linear", "batch_norm"}  # kinds whose parameters have names


def scope(name):
    """PyTorch's '/layer2/layer2.0/downsample/downsample.1/Conv' is layer2.0.downsample.1."""
    made = []
    for part in name.strip("/").split("/")[:-1]:
        if made and part.startswith(made[-1] + "."):
            made.pop()
        made.append(part)
    return ".".join(made)


def plain(name):
    return re.sub(r"[^A-Za-z0-9_./:-]", "_", name)


class Names:
    def __init__(self, graph):
        self.constants, self.taken = graph.constants, set()

    def of(self, node, kind):
        for tensor in node.inputs[1:] if kind in TELLING else ():
            if tensor in self.constants and SUFFIXES.search(tensor):
                return self.new(SUFFIXES.sub("", tensor))
        within = scope(node.name)
        if within:
            return self.new(f"{within}.{kind}" if kind in ("add", "concat") else within)
        numbered = re.fullmatch(rf"/?{node.operation}(_\d+)?", node.name)
        return self.new(kind if numbered else node.name or kind)

    def new(self, name):
        name, number = plain(name), 1
        made = name
        while made in self.taken:
            number += 1
            made = f"{name}_{number}"
        self.taken.add(made)
        return made
