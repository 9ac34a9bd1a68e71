#!/usr/bin/env python3
"""Writes the library as one header, for projects that would rather copy a file than a folder.

    cmake/amalgamate.py build/single/bcr/bcr.hpp                          # bcr/bcr.hpp and the thread pool
    cmake/amalgamate.py build/single/bcr.hpp bcr/bcr.hpp bcr/pack/bcrc.hpp   # these instead, and what they include

The same sources give the same bytes. The header is for the one target that the compiler's flags allow, as bcr/bcr.hpp
is, and needs nothing but the headers of Highway (or xsimd). Ordinary headers come first, each after those that it
includes; then those that hold or include vector code (-inl.h), every one where it is first included, so that what stands
between #if and #endif stays there.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "include"
DEFAULT = ["bcr/bcr.hpp", "bcr/core/executor_thread.hpp"]
OWN = re.compile(r'^\s*#\s*include\s*[<"](bcr/[^>"]+)[>"]')
STANDARD = re.compile(r"^\s*#\s*include\s*(<[a-z_]+>)")


def own_includes(name):
    matches = (OWN.match(line) for line in (ROOT / name).read_text().splitlines())
    return [m.group(1) for m in matches if m]


def has_vector_code(name):
    return name.endswith("-inl.h") or any(has_vector_code(other) for other in own_includes(name))


class Amalgamation:
    def __init__(self):
        self.lines = []
        self.done = set()
        self.standard = set()

    def ordinary_first(self, name, seen):
        """Adds the ordinary headers below `name`, lowest first."""
        if name in seen:
            return
        seen.add(name)
        for other in own_includes(name):
            self.ordinary_first(other, seen)
        if not has_vector_code(name):
            self.add(name)

    def add(self, name):
        if name in self.done:
            return
        self.done.add(name)
        self.lines += ["", f"// ---- {name}", ""]
        depth = 0  # of #if
        for line in (ROOT / name).read_text().splitlines():
            own, standard = OWN.match(line), STANDARD.match(line)
            depth += bool(re.match(r"\s*#\s*if", line)) - bool(re.match(r"\s*#\s*endif", line))
            if own:
                self.add(own.group(1))
            elif line == "#pragma once" or (standard and standard.group(1) in self.standard):
                continue
            else:
                if standard and depth == 0:
                    self.standard.add(standard.group(1))
                self.lines.append(line)

    def text(self):
        version = [re.search(rf"BCR_VERSION_{part} (\d+)", (ROOT / "bcr/core/version.hpp").read_text()).group(1)
                   for part in ("MAJOR", "MINOR", "PATCH")]
        head = [f"// bcr {'.'.join(version)} in one header, made by cmake/amalgamate.py of {len(self.done)} files.",
                "// SPDX-License-Identifier: Apache-2.0", "#pragma once"]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(head + self.lines) + "\n")


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    output, names = Path(arguments[0]), arguments[1:] or DEFAULT
    made = Amalgamation()
    for name in names:
        made.ordinary_first(name, set())
    for name in names:
        made.add(name)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(made.text())


if __name__ == "__main__":
    main(sys.argv[1:])
