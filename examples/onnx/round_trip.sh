#!/bin/bash
# From PyTorch through ONNX to a program of bcr's, and back to PyTorch's results:
#   examples/onnx/round_trip.sh resnet18|vgg16|mobilenet_v2 [RATE]
# exports the network, pruned RATE times if that is said, converts it, packs it, runs it, and compares.
set -euo pipefail
cd "$(dirname "$0")/../.."
network=${1:?resnet18, vgg16 or mobilenet_v2}
name=$network${2:+_x$2}
cmake/install-packages.sh build examples pytorch
python=/usr/bin/python3 # the packages belong to the system's own Python
if [ ! -x "$python" ]; then python=python3; fi

path=$PWD/build/onnx/$name
mkdir -p "$PWD/build/onnx"
"$python" examples/onnx/export.py "$network" "$path" "${@:2}"
cmake --preset examples "-DBCR_ONNX_MODELS=$path.onnx" >"$path.log"
cmake --build --preset examples --target "${name}_weights" "${name}_run" >>"$path.log" ||
  { tail -n 60 "$path.log" >&2 && exit 1; }
# Rounding to float, in a network of many layers; the results of PyTorch's are in double precision.
"build/examples/bin/${name}_run" "build/examples/examples/onnx/$name/$name.bcr" "$path.input" "$path.expected" 1e-5
