#!/bin/bash
# Installs what is missing, builds everything and tests it; what fails soonest comes first. From two cores on, two stages
# run side by side, on half of the cores each: there is always one that keeps a core busy while another has a long test
# or a last file to wait for. What a stage prints is shown when it is done.
#   test/run.sh         all of it; with BCR_TEST_SECONDS set, only stages that begin before so many seconds are over, and
#                       those that are left out are named and count as skipped
#   test/run.sh quick   formatting, layering, headers, and the tests as g++ builds them for this machine
set -uo pipefail
cd "$(dirname "$0")/.." || exit
cores=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export CMAKE_BUILD_PARALLEL_LEVEL=$cores CTEST_OUTPUT_ON_FAILURE=1
results=build/results.txt # a line for what passed, failed or was skipped: the word, how many, what

announce() { printf '\n=== %s (%d s)\n' "$1" $SECONDS; }
passes() { echo "passed $1" >>$results; }
fails() { echo "failed $1 $2" >>$results; }
skips() { echo "skipped $1" >>$results; }
total() { awk -v word="$1" '$1 == word { sum += $2 } END { print sum + 0 }' $results; }

# beside COMMAND...: runs stages in the background, once fewer than two are running; await_all waits for the last of them.
lanes=$((cores < 2 ? 1 : 2)) stages=0 running=0
declare -A name_of=() log_of=()
beside() {
  while [ $running -ge $lanes ]; do await_one; done
  if [ -n "${BCR_TEST_SECONDS:-}" ] && [ $SECONDS -ge "$BCR_TEST_SECONDS" ]; then
    announce "left out for want of time: $*"
    skips 1
    return
  fi
  stages=$((stages + 1)) running=$((running + 1))
  (
    CMAKE_BUILD_PARALLEL_LEVEL=$(((cores + lanes - 1) / lanes)) "$@"
    exit 0 # and another status if it never comes to this
  ) >build/stage-$stages.log 2>&1 &
  name_of[$!]=$* log_of[$!]=build/stage-$stages.log
}
await_one() {
  local pid
  wait -n -p pid || fails 1 "the whole of: ${name_of[$pid]}"
  running=$((running - 1))
  cat "${log_of[$pid]}"
}
await_all() { while [ $running -gt 0 ]; do await_one; done; }
trap 'trap - TERM; kill 0' INT TERM # of the terminal's keys the background hears nothing

# stage NAME COMMAND...: counts as one test.
stage() {
  announce "$1"
  if "${@:2}"; then passes 1; else fails 1 "$1"; fi
}

# ctest_stage PRESET "TARGETS" CTEST_OPTION...: builds the targets and runs the ctest cases chosen, each of which counts.
ctest_stage() {
  local build=build/$1 log=build/$1.log targets cases total bad missed
  read -ra targets <<<"$2"
  announce "$1: $2"
  if ! { cmake --preset "$1" && cmake --build "$build" --target "${targets[@]}"; } >"$log" 2>&1; then
    tail -n 60 "$log"
    fails 1 "build of $1"
    return
  fi
  grep -h 'static target' "$log"
  ctest --test-dir "$build" --no-tests=error --parallel "$CMAKE_BUILD_PARALLEL_LEVEL" "${@:3}" >"$log" 2>&1
  cases=$(grep -E 'tests passed, [0-9]+ tests failed out of' "$log")
  total=$(sed -E 's/.* out of //' <<<"${cases:-1}") bad=$(sed -E 's/.* ([0-9]+) tests failed.*/\1/' <<<"${cases:-1}")
  missed=$(grep -c '[*]Skipped' "$log")
  passes $((total - bad - missed))
  skips "$missed"
  if [ "$bad" -eq 0 ]; then
    echo "$cases"
  else
    cat "$log"
    fails "$bad" "tests of $1"
  fi
}

# cpu_ctest_stage "CPU FLAGS" PRESET...: a ctest stage for processors with these flags.
cpu_ctest_stage() {
  local flag
  for flag in $1; do
    if ! grep -qw "$flag" /proc/cpuinfo; then
      announce "$2: skipped, this processor has no $flag"
      skips 1
      return
    fi
  done
  ctest_stage "${@:2}"
}

# needs NAME TOOL...: whether all of these are there; counts as skipped if not.
needs() {
  local tool
  for tool in "${@:2}"; do
    if ! command -v "$tool" >/dev/null; then
      announce "$1: skipped, there is no $tool here"
      skips 1
      return 1
    fi
  done
}

# emulated_stage PRESET BITS CTEST_OPTION...: a ctest stage in an emulator whose vectors have so many bits.
emulated_stage() {
  export BCR_TEST_VECTOR_BYTES=$(($2 / 8))
  local tests=bcr_test_highway
  case $1 in *xsimd) tests=bcr_test_xsimd ;; esac
  ctest_stage "$1" "$tests" "${@:3}"
  echo "vectors of $2 bits"
  unset QEMU_CPU BCR_TEST_VECTOR_BYTES
}
arm_stage() {
  needs "$1" aarch64-linux-gnu-g++ clang++-19 qemu-aarch64 || return
  export QEMU_CPU=max,sve-default-vector-length=$(($2 / 8))
  emulated_stage "$@"
}
riscv_stage() {
  needs "$1" clang++-14 riscv64-linux-gnu-ld qemu-riscv64 || return
  export QEMU_CPU=rv64,v=true,vext_spec=v1.0,vlen=$2
  emulated_stage "$@"
}

# loops_stage TARGET COMPILER...: reads the machine code of a target's loops.
loops_stage() {
  if needs "loops of $1" "${@:2}"; then stage "loops of $1" test/loops.sh "$@"; fi
}

sources() { find include test examples bench cmake .ci -not -path '*/build/*' "$@"; }
check_format() {
  local complaints
  complaints=$(sources '(' -name '*.hpp' -o -name '*.h' -o -name '*.cpp' ')' -exec clang-format-19 --dry-run '{}' + 2>&1)
  grep -oE '^[^ :]+:[0-9]+' <<<"$complaints" | sort -u | head -n 20
  [ -z "$complaints" ]
}
check_scripts() { sources -type f '(' -name '*.sh' -o -path .ci/run ')' -exec shellcheck '{}' +; }
check_tidy() { cmake --preset clang >/dev/null && clang-tidy-19 --quiet -p build/clang build/clang/test/headers/all.cpp; }

# Stages of one build folder, which come one after the other.
clang_stages() {
  # Without the examples of the README, the installed packages and the fuzzers, which are g++'s and other stages', and
  # without what has no vector code, which clang compiles for the sanitizers.
  ctest_stage clang "bcr_test_headers bcr_test_highway bcr_test_fast_math bcr_test_threads bcr_test_no_exceptions" \
    -R '^(compile_fail|highway|fast_math|threads|no_exceptions)'
  stage "clang-tidy" check_tidy
}
sve_stages() {
  # One program for vectors of any length: what is the same instructions for every length, and takes long in the emulator,
  # runs for one.
  arm_stage sve 256 -R '^highway'
  arm_stage sve 128 -R '^highway.*(simd.ops|kernel|op.gemm|op.linear|op.conv2d|op.bytes|op.not_finite)'
  arm_stage sve 512 -R '^highway.*(simd.ops|kernel|op.gemm|op.conv2d|op.bytes|op.not_finite)'
}
rvv_stages() {
  riscv_stage rvv 256 -R '^highway' -E simd.math
  riscv_stage rvv 128 -R '^highway.*(simd.ops|kernel)'
}
wasm_stage() { if needs wasm clang++-19 wasm-ld-19 node; then ctest_stage wasm all; fi; }
dispatch_arm_stage() {
  needs dispatch-arm aarch64-linux-gnu-g++ qemu-aarch64 || return
  # The rest, the same tests on each target, would take two minutes, and is what the stages of these targets test.
  ctest_stage dispatch-arm "bcr_test_dispatch_header_highway bcr_test_no_exceptions_highway bcr_test_own_targets" \
    -R '^dispatch.*(header|no_exceptions|baseline|own_targets)'
}
loops_stages() {
  loops_stage neon aarch64-linux-gnu-g++ clang++-19
  loops_stage sve aarch64-linux-gnu-g++ clang++-19
  loops_stage rvv clang++-14
  if [ "$(uname -m)" = x86_64 ]; then
    loops_stage avx2 g++ clang++-19
    loops_stage avx512 g++ clang++-19
  fi
}

mkdir -p build
: >$results
cmake/install-packages.sh build test || fails 1 "installing packages"

stage "format (repair with clang-format-19 -i)" check_format
stage "layering" test/headers/layering.sh
stage "shell scripts" check_scripts
ctest_stage native bcr_test_headers -R '^compile_fail'
if [ "${1:-all}" = quick ]; then
  ctest_stage native all -E '^compile_fail'
else
  beside ctest_stage native all -E '^compile_fail'
  beside clang_stages
  beside ctest_stage asan-ubsan "bcr_test_plain bcr_test_highway bcr_test_hostile" -R '^(plain|highway|hostile)'
  beside ctest_stage dispatch bcr_test_dispatch -R '^dispatch'
  beside ctest_stage xsimd "bcr_test_headers bcr_test_xsimd" -R '^xsimd'
  beside ctest_stage scalar "bcr_test_headers bcr_test_scalar" -R '^scalar'
  beside sve_stages
  beside cpu_ctest_stage "avx2 fma aes" avx2 bcr_test_highway -R '^highway'
  beside cpu_ctest_stage "sse4_2 aes" sse4 bcr_test_highway -R '^highway'
  beside stage "examples" examples/run.sh test
  beside arm_stage neon 128 -R '^highway'
  beside ctest_stage fuzz bcr_fuzz -R '^fuzz'
  beside loops_stages
  beside stage "benchmarks compile" test/bench.sh
  beside rvv_stages
  beside arm_stage sve2 256 -R '^highway.*(simd.ops|kernel|op.gemm$)'
  beside arm_stage sve-256 256 -R '^highway.*(simd.ops|kernel|op.gemm$)'
  beside arm_stage sve2-128 128 -R '^highway.*(simd.ops|kernel|op.gemm$)'
  beside arm_stage neon-xsimd 128 -R '^xsimd.*(simd.ops|kernel|op.gemm$|op.not_finite)'
  beside dispatch_arm_stage
  beside wasm_stage
  await_all
fi

announce "done"
failed=$(total failed) skipped=$(total skipped)
if [ "$failed" -ne 0 ]; then sed -n 's/^failed [0-9]* /Failed: /p' $results; fi
echo "$(total passed) passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
