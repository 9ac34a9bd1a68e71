#!/bin/bash
# Reads the machine code of the panel kernel for NEON, which nothing here can time: its loop over whole columns, four rows
# times a tile of six vectors, is to have at most LIMIT instructions an FMA, and no loop of that tile may keep sums in memory.
#   test/arm_loops.sh LIMIT COMPILER...   for instance: test/arm_loops.sh 1.35 aarch64-linux-gnu-g++ clang++-19
set -euo pipefail
cd "$(dirname "$0")/.."
limit=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s /usr/include/hwy "$work/hwy" # by itself: beside it stands another machine's C library
cat >"$work/kernels.cpp" <<'END'
#include "bcr/bcr.hpp"
extern const bcr::gemm_kernels<float, bcr::epilogue::none> kernels;
const bcr::gemm_kernels<float, bcr::epilogue::none> kernels =
    bcr::BCR_TARGET_NS::kGemmKernels<float, bcr::epilogue::none, false>;
END

# A loop is what lies between a label and a jump back to it; an inner one has no other inside. Prints, for each inner loop
# with FMAs in it: FMAs, instructions, loads and stores of vectors on the stack.
inner_loops() {
  awk '
    /^[_A-Za-z][_A-Za-z0-9]*:/ { inside = /RunGroupILi6EfN/; count = 0; inner = -1; delete label; next }
    !inside { next }
    /^[.]L[A-Za-z0-9_]*:/ { sub(/:.*/, ""); label[$1] = count; next }
    /^[ \t]+[a-z]/ && !/^[ \t]+[.]/ {
      text[count++] = $0
      if ($1 ~ /^(b|b[.]?(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|cbn?z|tbn?z)$/ && $NF in label && label[$NF] > inner) {
        fmas = spills = 0
        for (i = label[$NF]; i < count; ++i) {
          fmas += text[i] ~ /^[ \t]+fmla[ \t]/
          spills += text[i] ~ /^[ \t]+(ld|st)[a-z]+[ \t]+q[0-9].*\[(sp|x29)/
        }
        if (fmas) print fmas, count - label[$NF], spills
        inner = label[$NF]
      }
    }' "$1"
}

bad=0
for compiler in "$@"; do
  target=()
  case $compiler in *clang*) target=(--target=aarch64-linux-gnu) ;; esac
  "$compiler" "${target[@]}" -std=c++20 -O3 -DNDEBUG -march=armv8-a+crypto -Iinclude -isystem "$work" -S \
    -o "$work/kernels.s" "$work/kernels.cpp"
  inner_loops "$work/kernels.s" >"$work/loops"
  awk -v limit="$limit" -v compiler="$compiler" '
    $1 == 24 && (best == 0 || $2 < best) { best = $2 }
    { ++loops; spilt += $3 }
    END {
      if (loops < 15 || best == 0) {
        printf "%s: the loops of the panel kernel were not found, %d of at least 15\n", compiler, loops
        exit 1
      }
      ok = best <= limit * 24 && spilt == 0
      printf "%s: %d instructions for 24 FMAs, %.2f each, of at most %s; %d vectors of sums to or from the stack, in %d loops%s\n",
             compiler, best, best / 24, limit, spilt, loops, ok ? "" : ": FAILED"
      exit !ok
    }' "$work/loops" || bad=1
done
exit $bad
