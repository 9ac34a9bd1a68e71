#!/bin/bash
# baseline.sh ARCHIVE OBJDUMP LINKER: in a library of bcr_add_dispatch_library(), built without optimisation so that every inline
# function shows, the instructions of AVX and later on x86-64, or of SVE on 64-bit Arm, are used by functions with a target
# in their names, and by no others: an ordinary one could be the copy that the linker keeps for the whole program. Names stay
# mangled, as binutils 2.40 cannot read all that clang 19 writes.
set -euo pipefail
objdump=$2 linker=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1" "$work/archive.a"
cd "$work"

# Each object by itself, so that of two copies of a function none is dropped, and its code in one section: objdump takes
# a hundred times as long for Arm's thousands of them.
echo 'SECTIONS { .text : { *(.text .text.*) } }' >one_section
disassemble() {
  local object
  ar x archive.a
  for object in *.o; do
    "$linker" -r --force-group-allocation -T one_section -o "$object.text" "$object"
    "$objdump" -d --no-show-raw-insn "$object.text"
  done
}
disassemble | awk '
  /file format/ {
    arm = /aarch64/
    optional = arm ? "[ \t{,](z[0-9]+|p[0-9]+)[./,} ]|\t(cnt[bhwd]|addvl|addpl|rdvl)\t" : "[yz]mm|%k[0-7]|\tv[a-z0-9]+ "
  }
  /^[0-9a-f]+ <.*>:$/ { name = $0; sub(/^[0-9a-f]+ /, "", name); next }
  /^ *[0-9a-f]+:\t/ && $0 ~ optional { found[name] = 1 }
  END {
    for (name in found) {
      if (name ~ /[0-9]dispatch_[a-z0-9_]*N_[A-Z]|3hwy[0-9]+N_[A-Z]|[0-9]xsimd_[a-z0-9_]*_of_/) ++kernels
      else { print "An ordinary function is for newer processors only: " name; ++ordinary }
    }
    print kernels + 0 " functions of kernels use " (arm ? "SVE, " : "AVX, ") ordinary + 0 " others."
    exit kernels > 0 && ordinary == 0 ? 0 : 1
  }'
