#!/bin/bash
# Builds and runs a benchmark beside the peers it is compared with, and prints one table:
#   bench/run.sh gemm [--quick] [--plot] [--simd avx2] [--threads N [--tasks M]] [--filter REGEX]
#                      [--weights f16|bf16 | --dispatch | --weights bf16 --bf16-input [--dispatch]]
#   bench/run.sh recurrent [--quick] [--simd avx2] [--threads N] [--filter REGEX] [--weights f16|bf16|i8]
#   bench/run.sh conv [--quick] [--simd avx2] [--threads N] [--filter REGEX]
#   bench/run.sh dense [--simd avx2] [--filter WORDS] [--rounds N]
#   bench/run.sh networks [--quick] [--simd avx2] [--filter NAME] [--peers NAME,..] [--rounds N]
# With --tasks M the library's plans are cut into M tasks for each of the N threads, so that one that is late, or on a core
# that others use too, holds up little: 4 or 8 where threads are not bound to cores.
# Installs what is missing (Debian, root or sudo; for networks, engines from PyPI into build/bench/engines). All that was
# measured is in build/bench*/gemm*.json, recurrent*.json, conv*.json or networks*.json; dense prints its table only.
# Where python3, or the Python that BCR_MNN_PYTHON names, has the package MNN, recurrent compares with its sparse layer as
# well, if nothing is left out.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

usage() {
  sed -n '2,14s/^# \?//p' bench/run.sh >&2
  exit 2
}
kind=${1:-}
case $kind in
  gemm) report=bench/report.py ;;
  recurrent | conv | networks) report=bench/report_$kind.py ;;
  dense) report= ;; # prints its table by itself
  *) usage ;;
esac
shift

preset=bench
suffix=
plot=
filtered=
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) arguments+=(--quick) ;;
    --plot)
      if [ "$kind" != gemm ]; then usage; fi
      plot=yes
      ;;
    --simd)
      if [ "${2:-}" = avx2 ]; then preset=bench-avx2; elif [ "${2:-}" != native ]; then usage; fi
      shift
      ;;
    --threads)
      arguments+=(--threads "${2:?}")
      if [ "$2" != 1 ]; then suffix=$suffix-threads$2; fi
      shift
      ;;
    --weights)
      arguments+=(--weights "${2:?}")
      if [ "$2" != f32 ]; then suffix=$suffix-$2; fi
      shift
      ;;
    --dispatch | --bf16-input)
      arguments+=("$1")
      suffix=$suffix-${1#--}
      ;;
    --tasks)
      if [ "$kind" != gemm ]; then usage; fi
      arguments+=(--tasks "${2:?}")
      if [ "$2" != 1 ]; then suffix=$suffix-tasks$2; fi
      shift
      ;;
    --filter | --rounds | --peers)
      arguments+=("$1" "${2:?}")
      filtered=yes
      shift
      ;;
    *) usage ;;
  esac
  shift
done

cmake/install-packages.sh build bench
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target "bench_$kind"
if [ -z "$report" ]; then exec "build/$preset/bench/bench_$kind" "${arguments[@]}"; fi
json=build/$preset/$kind$suffix.json
status=0
export PYTHONDONTWRITEBYTECODE=1
if [ "$kind" = networks ]; then
  engines=$(bench/peers/install.sh build/bench/engines)
  "$engines" bench/networks.py "build/$preset/bench/libbench_networks.so" --models build/bench/models "${arguments[@]}" \
    --out "$json" || status=$?
else
  "build/$preset/bench/bench_$kind" "${arguments[@]}" --out "$json" || status=$?
fi
# 1: the library failed somewhere, and the table says where. Anything else: there is no table.
if [ "$status" -gt 1 ]; then exit "$status"; fi
# The packages belong to the system's own Python; another one may come first in PATH.
python=/usr/bin/python3
if [ ! -x "$python" ]; then python=python3; fi
"$python" "$report" "$json"
if [ -n "$plot" ] && [[ $suffix != *f16* && $suffix != *dispatch ]]; then
  "$python" bench/plot.py "$json" "${json%.json}.svg"
  echo "The plot is ${json%.json}.svg."
fi
echo "All that was measured is in $json."
mnn=${BCR_MNN_PYTHON:-python3}
if [ "$kind$suffix$filtered" = recurrent ] && "$mnn" -c 'import MNN, numpy' >/dev/null 2>&1; then
  "$mnn" bench/peers/mnn.py "build/$preset/bench/bench_$kind"
fi
exit "$status"
