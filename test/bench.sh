#!/bin/bash
# Whether the benchmarks compile: every file of bench/ is read as the compiler reads it, with plain C++ for vectors, and
# nothing is made of it. Files whose peer has no headers here are left out, and named. test/run.sh runs it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

# As cmake/dispatch_library.cmake makes it.
declarations=
for types in 'float, float' 'float, both<bf16>'; do
  table="kernel_table<$types>"
  declarations+="template <> inline constexpr bool has_types<$types> = true; "
  declarations+="dispatch_tables<$table> tables_of(std::type_identity<$table>) noexcept; "
done
sed -e 's/@id@/bench_kernels/; s/@name@/bench_kernels/; s/@epilogues@/epilogue::none/; s/@first_types@/float, float/' \
  -e "s/@declarations@/$declarations/" cmake/dispatch_library.hpp.in >"$folder/bench_kernels.hpp"
export BCR_FLAGS="-std=c++20 -fsyntax-only -Wall -Wextra -DBCR_SIMD_SCALAR -Iinclude -Ibench -Iexamples
-Iexamples/common -isystem /usr/include/eigen3 -isystem $folder"

check() {
  local complaints flags absent
  read -rd '' -a flags <<<"$BCR_FLAGS"
  if complaints=$("${CXX:-g++}" "${flags[@]}" '-DBCR_DISPATCH_LIBRARY="bench_kernels.hpp"' "$1" 2>&1); then return; fi
  absent=$(sed -n 's/.*fatal error: \(.*\): No such file or directory.*/\1/p' <<<"$complaints")
  case $absent in
    benchmark/* | CLI/* | oneapi/* | xnnpack.h | libxsmm.h | cblas.h | Eigen/*) echo "$1: left out, there is no $absent here" ;;
    *)
      head -n 20 <<<"$complaints"
      return 1
      ;;
  esac
}
export -f check
# shellcheck disable=SC2016
find bench -name '*.cpp' -print0 | xargs -0 -n 1 -P "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" bash -c 'check "$0"'
