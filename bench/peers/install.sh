#!/bin/bash
# Installs the inference engines that bench/networks.py knows, from PyPI, into the virtual environment FOLDER, and prints
# its Python. What cannot be had is left out; what is there already is not touched.
set -euo pipefail
folder=${1:?}
if [ ! -x "$folder/bin/python" ]; then /usr/bin/python3 -m venv "$folder" >&2; fi
python=$folder/bin/python
for package in deepsparse onnx onnxruntime openvino ncnn MNN ai-edge-litert apache-tvm; do
  if [ -e "$folder/tried-$package" ]; then continue; fi
  # DeepSparse wants these versions of numpy and onnx, and the others do not mind.
  "$python" -m pip install -q --only-binary :all: "$package" 'numpy<2' 'onnx<1.15' >&2 ||
    echo "There is no $package here." >&2
  touch "$folder/tried-$package"
done
echo "$python"
