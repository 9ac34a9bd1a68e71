#!/usr/bin/env python3
"""Races whole networks in one process and on one thread: bcr's, oneDNN's (both in the library that bench/networks/ is), and
those of the engines from PyPI that are there. Says which were found, checks that all compute the same, lets them take turns
and writes what it measured as JSON.
"""

import argparse
import ctypes
import gc
import json
import os
import statistics
import sys
import time

# Before any of the engines: a thread each.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NM_NUM_THREADS", "TVM_NUM_THREADS"):
    os.environ[variable] = "1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy  # noqa: E402
from peers import network_peers  # noqa: E402

RATES = {"mobilenet_v2": 4, "resnet18": 10, "vgg16": 10}
ONEDNN = ("onednn_direct", "onednn_auto", "onednn_winograd")
# Winograd's algorithm in float is off by up to some thousandths; what is wrong is off by much more.
TOLERANCE = 1e-2
# Seconds: what takes longer runs three times and no more, and without a run before each.
SLOW = 1.0


class Layer:
    def __init__(self, described, library, model, number):
        self.__dict__.update(described)
        self.shape, self.weights, self.bias = self.weights, None, None
        if self.shape[0] != 0:
            def array(function, shape):
                return numpy.ctypeslib.as_array(function(model, number), shape)
            self.weights = array(library.bench_weights, self.shape)
            self.bias = array(library.bench_bias, self.shape[:1])

    def shaped_weights(self):
        """Outputs, channels of a group, rows and columns of the window."""
        return self.weights.reshape(self.output[0], self.input[0] // self.groups, *self.kernel)

    @staticmethod
    def number(value):
        return numpy.array(value, numpy.float32)


class Model:
    """A network at a rate: its layers, and what the library makes of it."""

    def __init__(self, library, name, rate, folder):
        self.library, self.name, self.rate, self.folder = library, name, rate, folder
        self.handle = ctypes.c_void_p(library.bench_model(name.encode(), float(rate)))
        if not self.handle:
            raise RuntimeError(f"{name} could not be made.")
        described = json.loads(library.bench_layers(self.handle))
        self.layers = [Layer(d, library, self.handle, i) for i, d in enumerate(described)]
        self.outputs = self.layers[-1].output[0]

    def path(self, kind):
        os.makedirs(self.folder, exist_ok=True)
        return os.path.join(self.folder, f"{self.name}_{self.rate}x.{kind}")

    def contender(self, who):
        handle = ctypes.c_void_p(self.library.bench_contender(self.handle, who.encode()))
        if not handle:
            return None
        result = numpy.zeros(self.outputs, numpy.float32)

        def run(x):
            if not self.library.bench_run(handle, x.ctypes.data, x.size, result.ctypes.data, result.size):
                raise RuntimeError("The run failed.")
            return result

        return run


def load(path):
    library = ctypes.CDLL(path)
    library.bench_model.restype = library.bench_contender.restype = ctypes.c_void_p
    library.bench_model.argtypes = [ctypes.c_char_p, ctypes.c_double]
    library.bench_layers.restype, library.bench_layers.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    library.bench_contender.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for function in (library.bench_weights, library.bench_bias):
        function.restype, function.argtypes = ctypes.POINTER(ctypes.c_float), [ctypes.c_void_p, ctypes.c_size_t]
    library.bench_run.restype = ctypes.c_bool
    library.bench_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
    return library


class Racer:
    def __init__(self, who, sparse, run):
        self.who, self.sparse, self.run, self.seconds, self.error, self.calls, self.slow = who, sparse, run, [], 0.0, 1, False

    def sample(self, x):
        """Of the processor, for whatever thread of this process: what other programs do does not count."""
        if not self.slow:
            self.run(x)  # the caches are its own again
        begin = time.process_time()
        for _ in range(self.calls):
            self.run(x)
        return (time.process_time() - begin) / self.calls


def enter(who, sparse, make, x, expected, absent):
    """A racer, checked; or None, and why in `absent`."""
    try:
        run = make()
        if run is None:
            raise RuntimeError("This build does not have it.")
        racer = Racer(who, sparse, run)
        begin = time.process_time()
        found = numpy.array(run(x)).reshape(-1)
        racer.slow = time.process_time() - begin > SLOW
        racer.error = float(numpy.abs(found - expected).max() / numpy.abs(expected).max())
        if not racer.error <= TOLERANCE:
            raise RuntimeError(f"The result is wrong, by {racer.error:.1e} of the largest.")
        if not racer.slow:
            racer.calls = max(1, round(5e-3 / racer.sample(x)))
        return racer
    except Exception as problem:  # of whatever kind: the others go on without it
        absent[who] = f"{type(problem).__name__}: {problem}".splitlines()[0]
        return None


def spread(values):
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / statistics.median(values)


def race(library, name, options):
    x = numpy.random.default_rng(1).uniform(-1, 1, network_peers.IMAGE).astype(numpy.float32)
    rate = RATES[name]
    dense, pruned = (Model(library, name, r, options.models) for r in (1, rate))
    right = {}
    for model in (dense, pruned):
        right[model] = numpy.array(model.contender("bcr")(x))
    wanted = [("bcr_pruned", True, pruned, lambda: pruned.contender("bcr")),
              ("bcr_dense", False, dense, lambda: dense.contender("bcr"))]
    wanted += [(who, False, dense, lambda who=who: dense.contender(who)) for who in ONEDNN]
    for peers, sparse, model in ((network_peers.DENSE, False, dense), (network_peers.SPARSE, True, pruned)):
        wanted += [(who, sparse, model, lambda make=make, model=model: make(model)) for who, (_, make) in peers.items()]
    absent, racers = {}, []
    for who, sparse, model, make in wanted:
        if options.peers and not who.startswith("bcr") and who not in options.peers.split(","):
            continue
        racers.append(enter(who, sparse, make, x, right[model], absent))
    racers = [r for r in racers if r is not None]
    for who, why in absent.items():
        print(f"{name}: no {who}: {why}", file=sys.stderr)
    gc.disable()
    for number in range(options.rounds):
        for racer in racers:
            if not racer.slow or number < 3:
                racer.seconds.append(racer.sample(x))
    gc.enable()
    own = racers[0].seconds
    for racer in racers:
        gains = [other / mine for other, mine in zip(racer.seconds, own)]
        yield {"name": f"network_f32/{name}/{racer.who}", "network": name, "who": racer.who, "sparse": racer.sparse,
               "rate": rate, "real_time": 1e6 * statistics.median(racer.seconds), "time_unit": "us",
               "spread": spread(racer.seconds), "speedup": statistics.median(gains), "error": racer.error}
    for who, why in absent.items():
        yield {"name": f"network_f32/{name}/{who}", "network": name, "who": who, "error_occurred": True,
               "error_message": why}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("--filter", default="", help="networks whose name contains this")
    parser.add_argument("--peers", default="", help="only these, with commas between them")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="7 rounds")
    parser.add_argument("--models", default="models", help="where the models for peers are kept")
    parser.add_argument("--out", default="networks.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 7
    versions = {}
    for module, _ in [*network_peers.DENSE.values(), *network_peers.SPARSE.values()]:
        if module not in versions:
            versions[module], why = network_peers.version(module)
            print(f"{module} {versions[module]}" if why is None else f"no {module}: {why}", file=sys.stderr)
    library = load(os.path.abspath(options.library))
    rows = []
    for name in RATES:
        if options.filter in name:
            rows += race(library, name, options)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({"context": {"rounds": options.rounds, "versions": versions}, "benchmarks": rows}, file, indent=1)
    wrong = any("wrong" in r.get("error_message", "") for r in rows)
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
