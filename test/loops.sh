#!/bin/bash
# Reads the machine code of the panel kernel for a target, for most of which there is no machine here to time it on: the
# loop over whole columns, four rows times the widest tile, is to have at most so many instructions a multiply-add (FMA),
# and no loop of that tile may keep sums in memory.
#   test/loops.sh TARGET COMPILER...   for instance: test/loops.sh neon aarch64-linux-gnu-g++ clang++-19
set -euo pipefail
cd "$(dirname "$0")/.."

# A policy a target: vectors in its widest tile, instructions an FMA at most, the compiler's flags; and as regular
# expressions an FMA, a vector that goes to the stack or comes from it, and the instructions that jump.
arm_jump='^(b|b[.]?(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|any|none|first|last)|cbn?z|tbn?z)$'
machine='' include=()
case ${1:-} in
  neon)
    vectors=6 limit=1.35 flags=(-march=armv8-a+crypto) machine=aarch64 jump=$arm_jump
    fma='fmla[ \t]' spill='(ld|st)[a-z]+[ \t]+q[0-9].*\[(sp|x29)'
    ;;
  sve) # Loads and stores of whole registers, without a predicate, are for nothing but spills.
    vectors=6 limit=2.6 flags=(-march=armv8.2-a+sve) machine=aarch64 jump=$arm_jump
    fma='fm(la|ad)[ \t]+z' spill='(ld|st)r[ \t]+z|(ld|st)[1-4][a-z]*[ \t].*\[(sp|x29)'
    ;;
  rvv) # clang 14 sets the length again before almost every instruction.
    vectors=6 limit=4.2 flags=(-march=rv64gcv) machine=riscv64 jump='^(b[a-z]+|j)$'
    fma='vfm(acc|add)[.]v' spill='v[ls][1248]re?[0-9]*[.]v' include=(-include cmake/riscv_vector_14.h)
    ;;
  avx2)
    vectors=3 limit=2.25 flags=(-march=x86-64-v3 -maes -mpclmul) jump='^j[a-z]+$'
    fma='vfmadd[0-9]+ps[ \t].*ymm' spill='v.*(ymm.*\(%rsp|\(%rsp.*ymm)'
    ;;
  avx512)
    vectors=6 limit=2.15 flags=(-march=x86-64-v4 -maes -mpclmul) jump='^j[a-z]+$'
    fma='vfmadd[0-9]+ps[ \t].*zmm' spill='v.*(zmm.*\(%rsp|\(%rsp.*zmm)'
    ;;
  *)
    sed -n '2,5s/^# \?//p' "$0" >&2
    exit 2
    ;;
esac
target=$1
shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s /usr/include/hwy "$work/hwy" # by itself: beside it stands another machine's C library
cat >"$work/kernels.cpp" <<'END'
#include "bcr/bcr.hpp"
extern const bcr::gemm_kernels<float, bcr::epilogue::none> kernels;
const bcr::gemm_kernels<float, bcr::epilogue::none> kernels =
    bcr::BCR_TARGET_NS::kGemmKernels<float, bcr::epilogue::none, float, false>;
END

# A loop is what lies between a label and a jump back to it; an inner one has no other inside. Prints, for each inner loop
# with FMAs in it: FMAs, instructions, loads and stores of vectors on the stack.
inner_loops() {
  awk -v function_name="(RunGroup|RunGroupInTiles)ILi${vectors}EfN" -v jump="$jump" -v fma="^[ \t]+($fma)" -v spill="^[ \t]+($spill)" '
    /^[_A-Za-z][_A-Za-z0-9]*:/ { inside = $0 ~ function_name; count = 0; inner = -1; delete label; next }
    !inside { next }
    /^[.]L[A-Za-z0-9_]*:/ { sub(/:.*/, ""); label[$1] = count; next }
    /^[ \t]+[a-z]/ && !/^[ \t]+[.]/ {
      sub(/[ \t]*(#|\/\/|@).*/, "")
      text[count++] = $0
      if ($1 ~ jump && $NF in label && label[$NF] > inner) {
        fmas = spills = 0
        for (i = label[$NF]; i < count; ++i) {
          fmas += text[i] ~ fma
          spills += text[i] ~ spill
        }
        if (fmas) print fmas, count - label[$NF], spills
        inner = label[$NF]
      }
    }' "$1"
}

compile() {
  local other_machine=()
  if [[ $machine && $1 == *clang* ]]; then other_machine=("--target=$machine-linux-gnu"); fi
  "$1" "${other_machine[@]}" "${flags[@]}" "${include[@]}" -std=c++20 -O3 -DNDEBUG -Iinclude -isystem "$work" -S \
    -o "$work/$1.s" "$work/kernels.cpp"
}
bad=0 jobs=()
for compiler in "$@"; do
  compile "$compiler" &
  jobs+=($!)
done
for i in "${!jobs[@]}"; do
  compiler=${*:i+1:1}
  wait "${jobs[i]}"
  inner_loops "$work/$compiler.s" >"$work/loops"
  awk -v limit="$limit" -v name="$target, $compiler" -v whole=$((4 * vectors)) '
    $1 == whole && (best == 0 || $2 < best) { best = $2 }
    { ++loops; spilt += $3 }
    END {
      if (loops < 15 || best == 0) {
        printf "%s: the loops of the panel kernel were not found, %d of at least 15\n", name, loops
        exit 1
      }
      ok = best <= limit * whole && spilt == 0
      printf "%s: %d instructions for %d FMAs, %.2f each, of at most %s; %d vectors of sums to or from the stack, in %d loops%s\n",
             name, best, whole, best / whole, limit, spilt, loops, ok ? "" : ": FAILED"
      exit !ok
    }' "$work/loops" || bad=1
done
exit $bad
