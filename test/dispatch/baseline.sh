#!/bin/bash
# baseline.sh ARCHIVE: in an x86-64 library of bcr_add_dispatch_library(), built without optimisation so that every inline
# function shows, the instructions of AVX and later are used by functions with a target in their names, and by no others:
# an ordinary one could be the copy that the linker keeps for the whole program.
set -euo pipefail
objdump -dC --no-show-raw-insn "$1" | awk '
  /^[0-9a-f]+ <.*>:$/ { name = $0; sub(/^[0-9a-f]+ /, "", name); next }
  /[yz]mm|%k[0-7]|\tv[a-z0-9]+ / { found[name] = 1 }
  END {
    for (name in found) {
      if (name ~ /bcr::dispatch_[a-z0-9_]*::N_|hwy::N_|xsimd_[a-z0-9_]*_of_[a-z0-9_]*::/) ++kernels
      else { print "An ordinary function uses AVX: " name; ++ordinary }
    }
    print kernels + 0 " functions of kernels use AVX, " ordinary + 0 " others."
    exit kernels > 0 && ordinary == 0 ? 0 : 1
  }'
