#!/bin/bash
# Installs what is missing, builds the examples for this machine, and runs one of them in its own folder.
#   examples/run.sh                    handwritten digits: a pruned network against the dense one
#   examples/run.sh NAME [ARGUMENT..]  another example: `minimal` is the one in 02_minimal, and so on
#   examples/run.sh vgg16 --image FILE  networks take a photograph, and --weights FILE.safetensors
#   examples/run.sh gru_speech --plot  and draws what it has measured
#   examples/run.sh test               all of them, as tests
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/.."
name=${1:-digits}
folders=(examples/*_"$name"/)
if [ "$name" != test ] && [ ! -d "${folders[0]}" ]; then
  echo "There is no example '$name' among these:" examples/*_*/ >&2
  exit 2
fi

cmake/install-packages.sh build examples
mkdir -p build
if ! { cmake --preset examples && cmake --build --preset examples; } >build/examples.log 2>&1; then
  tail -n 60 build/examples.log >&2
  exit 1
fi

build=$PWD/build/examples
if [ "$name" = test ]; then
  ctest --test-dir "$build/examples" --output-on-failure
elif [ "${2:-}" = --plot ] && [ -f "${folders[0]}plot.py" ]; then
  cmake/install-packages.sh plot
  cd "${folders[0]}"
  "$build/bin/$name" --json "$build/$name.json"
  # The packages belong to the system's own Python; another one may come first in PATH.
  python=/usr/bin/python3
  if [ ! -x "$python" ]; then python=python3; fi
  "$python" plot.py "$build/$name.json" "$build/$name.svg"
  echo "The plot is $build/$name.svg."
else
  # It runs in its own folder, and files are the caller's.
  arguments=()
  for argument in "${@:2}"; do
    if [ -f "$caller/$argument" ]; then argument=$caller/$argument; fi
    arguments+=("$argument")
  done
  cd "${folders[0]}"
  "$build/bin/$name" "${arguments[@]}"
fi
