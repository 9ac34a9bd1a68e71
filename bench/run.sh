#!/bin/bash
# Builds and runs a benchmark beside the peers it is compared with, and prints one table:
#   bench/run.sh gemm [--quick] [--plot] [--simd avx2] [--threads N] [--filter REGEX] [--weights f16|bf16]
#   bench/run.sh recurrent [--quick] [--simd avx2] [--threads N] [--filter REGEX] [--weights f16|bf16|i8]
#   bench/run.sh conv [--quick] [--simd avx2] [--threads N] [--filter REGEX]
#   bench/run.sh dense [--simd avx2] [--filter WORDS] [--rounds N]
# Installs what is missing (Debian, root or sudo). All that was measured is in build/bench*/gemm*.json, recurrent*.json
# or conv*.json; dense prints its table only. Where python3, or the Python that BCR_MNN_PYTHON names, has the package
# MNN, recurrent compares with its sparse layer as well, if nothing is left out.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

usage() {
  sed -n '2,7s/^# \?//p' bench/run.sh >&2
  exit 2
}
kind=${1:-}
case $kind in
  gemm) report=bench/report.py ;;
  recurrent | conv) report=bench/report_$kind.py ;;
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
    --filter | --rounds)
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
"build/$preset/bench/bench_$kind" "${arguments[@]}" --out "$json" || status=$?
# 1: the library failed somewhere, and the table says where. Anything else: there is no table.
if [ "$status" -gt 1 ]; then exit "$status"; fi
# The packages belong to the system's own Python; another one may come first in PATH.
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
if [ ! -x "$python" ]; then python=python3; fi
"$python" "$report" "$json"
if [ -n "$plot" ] && [[ $suffix != *f16 ]]; then
  "$python" bench/plot.py "$json" "${json%.json}.svg"
  echo "The plot is ${json%.json}.svg."
fi
echo "All that was measured is in $json."
mnn=${BCR_MNN_PYTHON:-python3}
if [ "$kind$suffix$filtered" = recurrent ] && "$mnn" -c 'import MNN, numpy' >/dev/null 2>&1; then
  "$mnn" bench/peers/mnn.py "build/$preset/bench/bench_$kind"
fi
exit "$status"
