#!/usr/bin/env python3
"""MNN's 8 x 1 block-sparse layer beside bcr's products with one vector, 3072 x 1024 with a tenth of the weights kept:

    python3 bench/peers/mnn.py build/bench/bench/bench_recurrent

bench/run.sh recurrent runs it where the Python that BCR_MNN_PYTHON names, or python3, has the packages MNN and numpy
(`pip install MNN`). Both programs take one thread and turns, round by round; each round's ratios are formed with what
MNN takes before and after bcr. The layer is a 1 x 1 convolution of one pixel, converted as MNN's own tool does for
layers that were pruned in blocks of eight outputs; its results are checked. MNN's times are without what a call from
Python takes, which is that of a layer of next to nothing.

MNN's wheel of 3.6.1 has kernels for AVX2 and none for AVX-512: `bench/run.sh recurrent --simd avx2` compares like with
like, and a MNN that was built with MNN_AVX512 is faster than what is measured here.
"""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROWS, COLUMNS, BLOCK, DENSITY = 3072, 1024, 8, 0.1
ROUNDS = 3
FLOAT = 1  # ONNX's number of the type


@contextlib.contextmanager
def quiet():
    """MNN talks, from C++, of what it does."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


with quiet():
    import MNN
    import _tools  # MNN.tools would install a package that reports to its makers


def number(value):
    coded = b""
    while value > 127:
        coded, value = coded + bytes([value & 127 | 128]), value >> 7
    return coded + bytes([value])


def field(place, value):
    """A field of a protocol buffer: a number, or bytes."""
    if isinstance(value, int):
        return number(place << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(place << 3 | 2) + number(len(value)) + value


def onnx_convolution(weight):
    """y = weight x as an ONNX model of one 1 x 1 convolution."""
    rows, columns = weight.shape

    def tensor(name, array):
        return b"".join(field(1, n) for n in array.shape) + field(2, FLOAT) + field(8, name) + field(9, array.tobytes())

    def value(name, channels):
        shape = b"".join(field(1, field(1, n)) for n in (1, channels, 1, 1))
        return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))

    kernel = field(1, "kernel_shape") + field(8, 1) + field(8, 1) + field(20, 7)
    node = b"".join(field(1, name) for name in "xwb") + field(2, "y") + field(4, "Conv") + field(5, kernel)
    graph = (field(1, node) + field(2, "layer") + field(5, tensor("w", weight.reshape(rows, columns, 1, 1))) +
             field(5, tensor("b", np.zeros(rows, np.float32))) + field(11, value("x", columns)) +
             field(12, value("y", rows)))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 12))


class Layer:
    """A matrix as a layer of MNN, sparse by blocks of so many outputs or, without, dense; `run` multiplies by it."""

    def __init__(self, folder, name, weight, x, block=None):
        source, model = str(folder / f"{name}.onnx"), str(folder / f"{name}.mnn")
        pathlib.Path(source).write_bytes(onnx_convolution(weight))
        arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", model, "--bizCode", "bcr"]
        if block is not None:
            # MNN_compression.proto: a pipeline of one pruning, SIMD_OC, with its blocks.
            pruning = field(1, 1) + field(3, field(1, 1) + field(3, field(4, block)))
            how = folder / f"{name}.pruning"
            how.write_bytes(field(1, "0.0.0") + field(2, pruning))
            arguments += ["--detectSparseSpeedUp", "--compressionParamsFile", str(how)]
        with quiet():
            _tools.mnnconvert(arguments)
            self.net = MNN.Interpreter(model)
            self.session = self.net.createSession({"backend": "CPU", "numThread": 1, "precision": "high"})
        self.is_sparse = b"sparseBlockOC" in pathlib.Path(model).read_bytes()
        shape = (1, weight.shape[1], 1, 1)
        self.net.getSessionInput(self.session).copyFrom(
            MNN.Tensor(shape, MNN.Halide_Type_Float, x.reshape(shape), MNN.Tensor_DimensionType_Caffe))
        self.run()
        y = MNN.Tensor((1, weight.shape[0], 1, 1), MNN.Halide_Type_Float,
                       np.zeros((1, weight.shape[0], 1, 1), np.float32), MNN.Tensor_DimensionType_Caffe)
        self.net.getSessionOutput(self.session).copyToHostTensor(y)
        expected = weight.astype(np.float64) @ x
        difference = np.abs(np.array(y.getData(), np.float64).ravel() - expected).max()
        if not difference <= 1e-4 * np.abs(weight).sum(axis=1).max():
            raise SystemExit(f"MNN's {name} layer is off by {difference}.")

    def run(self):
        self.net.runSession(self.session)

    def microseconds(self):
        """A call's, of processor time: the median of samples of some milliseconds."""
        samples = []
        for _ in range(60):
            calls, start = 0, time.thread_time()
            while (passed := time.thread_time() - start) < 3e-3:
                for _ in range(10):
                    self.run()
                calls += 10
            samples.append(1e6 * passed / calls)
        return statistics.median(samples)


def measured(bench, folder):
    """Microseconds of bcr's cases of this shape."""
    out = folder / "bcr.json"
    subprocess.run([bench, "--quick", "--filter", f"gemv.*/M{ROWS}/K{COLUMNS}/", "--out", str(out)],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = json.loads(out.read_text(encoding="utf-8"))["benchmarks"]
    return {r["name"]: r["real_time"] for r in rows if "index_bytes_fraction" in r}


def main():
    random = np.random.default_rng(1)
    weight = random.standard_normal((ROWS, COLUMNS)).astype(np.float32)
    x = random.standard_normal(COLUMNS).astype(np.float32)
    kept = np.zeros(ROWS // BLOCK * COLUMNS, bool)
    kept[random.permutation(kept.size)[: round(DENSITY * kept.size)]] = True
    pruned = weight * np.repeat(kept.reshape(-1, COLUMNS), BLOCK, axis=0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sparse = Layer(folder, "sparse", pruned, x, BLOCK)
        if not sparse.is_sparse:
            raise SystemExit("MNN has not made a sparse layer of it.")
        dense = Layer(folder, "dense", weight, x)
        empty = Layer(folder, "empty", weight[:8, :8].copy(), x[:8].copy())
        of_mnn, ratios, times = [], {}, {}
        for turn in range(ROUNDS + 1):
            of_mnn.append(sparse.microseconds() - empty.microseconds())
            if turn == ROUNDS:
                break
            for case, time_of_case in measured(sys.argv[1], folder).items():
                times.setdefault(case, []).append(time_of_case)
        for case, of_bcr in times.items():
            ratios[case] = [(before + after) / 2 / own for before, after, own in zip(of_mnn, of_mnn[1:], of_bcr)]
        of_dense = dense.microseconds() - empty.microseconds()
    print(f"\nMNN {MNN.version()}, {ROWS} x {COLUMNS}, one vector, one thread: {BLOCK}x1 blocks, {1 / DENSITY:.0f}x, "
          f"{statistics.median(of_mnn):.1f} us; dense {of_dense:.1f} us")
    for case in times:
        kernel, *_, how, rate = case.split("/")
        print(f"  bcr {kernel} {how} {rate}: {statistics.median(times[case]):.1f} us, "
              f"{statistics.median(ratios[case]):.2f} times as fast as MNN's sparse layer")


if __name__ == "__main__":
    main()
