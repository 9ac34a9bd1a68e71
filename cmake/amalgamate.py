#!/usr/bin/env python3
"""Writes the library as one header, for projects that would rather copy a file than a folder.

    cmake/amalgamate.py build/single/bcr/bcr.hpp                          # bcr/bcr.hpp and the thread pool
    cmake/amalgamate.py build/single/bcr.hpp bcr/bcr.hpp bcr/pack/bcrc.hpp   # these instead, and what they include
    cmake/amalgamate.py --dispatch build/engine_kernels.dispatch build/single

The last writes a library of kernels with Highway as a header and a source a type (two for bf16): bcr/dispatch.hpp and, say,
bcr/engine_kernels_float.cpp, from the folder NAME.dispatch that bcr_add_dispatch_library(NAME) makes. The sources are to be
compiled with the folder that holds bcr/ among the include paths, for the least processor that the program is for.

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
LIBRARY = "#include BCR_DISPATCH_LIBRARY"
OWN = re.compile(r'^\s*#\s*include\s*[<"](bcr/[^>"]+)[>"]')
STANDARD = re.compile(r"^\s*#\s*include\s*(<[a-z_]+>)")


def own_includes(name):
    matches = (OWN.match(line) for line in (ROOT / name).read_text().splitlines())
    return [m.group(1) for m in matches if m]


def has_vector_code(name):
    return name.endswith("-inl.h") or any(has_vector_code(other) for other in own_includes(name))


class Amalgamation:
    def __init__(self, library=None):
        self.library = library  # the generated header of a dispatch library
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
        self.add_text((ROOT / name).read_text())

    def add_text(self, text):
        depth = 0  # of #if
        for line in text.splitlines():
            own, standard = OWN.match(line), STANDARD.match(line)
            depth += bool(re.match(r"\s*#\s*if", line)) - bool(re.match(r"\s*#\s*endif", line))
            if own:
                self.add(own.group(1))
            elif line == LIBRARY and self.library:
                self.add_text(self.library.read_text())
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


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_library(folder, output):
    """bcr/dispatch.hpp and the sources of the dispatch library whose generated files are in `folder`."""
    (library,) = folder.glob("bcr_dispatch/*.hpp")
    header = Amalgamation(library)
    header.lines.append(f'#define BCR_DISPATCH_LIBRARY "{library.name}" // which is in here')
    header.ordinary_first("bcr/dispatch.hpp", set())
    write(output / "bcr" / "dispatch.hpp", header.text())
    for generated in folder.glob(f"{library.stem}_*.cpp"):
        write(output / "bcr" / generated.name, library_source(generated, set(header.done)))


def library_source(generated, done):
    """One file that Highway compiles once a target, or once. What is ordinary in it is for the first time only."""
    text, name, guard = generated.read_text(), generated.name, f"BCR_ORDINARY_PART_OF_{generated.stem}"
    if "foreach_target" not in text and "#define BCR_KERNELS_BF16" not in text:
        sys.exit(f"{generated} is not made with Highway: with xsimd, each file needs flags of its own.")
    made = Amalgamation()
    made.done = done
    made.lines.append("// SPDX-License-Identifier: Apache-2.0")
    for line in text.splitlines():
        own = OWN.match(line)
        if line.startswith("#define BCR_KERNELS_NS"):
            made.lines += ['#include "bcr/dispatch.hpp"', line, f"#ifndef {guard}", f"#define {guard}"]
            made.ordinary_first("bcr/kernel/dispatch-inl.h", set())
            made.lines += [f"#endif  // {guard}"]
        elif line.startswith("#define HWY_TARGET_INCLUDE"):
            made.lines.append(f'#define HWY_TARGET_INCLUDE "bcr/{name}"')
        elif own:
            made.add(own.group(1))
        elif not line.startswith('#include "bcr_dispatch/'):
            made.lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(made.lines) + "\n")


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--dispatch":
        return write_library(Path(arguments[1]), Path(arguments[2]))
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    output, names = Path(arguments[0]), arguments[1:] or DEFAULT
    made = Amalgamation()
    for name in names:
        made.ordinary_first(name, set())
    for name in names:
        made.add(name)
    write(output, made.text())


if __name__ == "__main__":
    main(sys.argv[1:])
