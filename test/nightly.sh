#!/bin/bash
# A million random layers against the reference, for every preset named; takes some minutes each. The seed is the date,
# so that every night has its own.
#   test/nightly.sh [CASES [SEED [PRESET...]]]
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:-1000000} seed=${2:-$(date +%Y%m%d)000000}
shift $(($# < 2 ? $# : 2))
if [ $# -eq 0 ]; then set -- native clang xsimd; fi
mkdir -p build
cmake/install-packages.sh build test

for preset in "$@"; do
  build=build/nightly-$preset log=build/nightly-$preset.log
  if ! { cmake --preset "$preset" -B "$build" -DBCR_TEST_NIGHTLY_OPTIMIZATION=-O3 -DBCR_TEST_KERNEL_OPTIMIZATION=-O3 &&
         cmake --build "$build" --target bcr_test_nightly; } >"$log" 2>&1; then
    tail -n 60 "$log"
    exit 1
  fi
  "$build/test/nightly/bcr_test_nightly" "$cases" "$seed"
done
