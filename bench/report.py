#!/usr/bin/env python3
"""Prints what a benchmark measured as tables and a summary, read from the JSON file that it wrote."""

import json
import math
import sys

RATES = (2, 4, 10, 20)
PRUNINGS = ("columns", "rows3of4", "rows1of2")
TITLES = {"columns": "columns only", "rows3of4": "3/4 of the rows", "rows1of2": "half the rows"}
BLOCKS = ("b4x16", "b8x32", "b16x64")
# The blocks a pruning is judged with: rows are worth pruning in the larger ones.
PAIRED = {"columns": BLOCKS, "rows3of4": ("b8x32",), "rows1of2": ("b16x64",)}
SHOWN = {"columns": "b8x32", "rows3of4": "b8x32", "rows1of2": "b16x64"}

# MNN 3.6.1's block-sparse 1x1 convolutions at density 0.1, the better of its blocks of 4 and 8 channels: microseconds on
# one Zen 4 core with a peak of 117.4 GFLOP/s. Compared by the share of the peak, since the machines differ.
MNN_US = {(512, 512, 196): 142, (1024, 256, 196): 140, (256, 64, 3136): 257}
MNN_PEAK = 117.4e9


class Row:
    """One measured case of the library."""

    def __init__(self, entry):
        self.kernel, m, k, n, self.pruning, self.rate_name = entry["name"].split("/")
        self.block = next(part for part in self.kernel.split("_") if part.startswith("b") and "x" in part)
        self.shape = tuple(int(text[1:]) for text in (m, k, n))
        self.values = entry
        self.us = entry["real_time"]
        self.dense, self.sparse = (self._peer(kind) for kind in ("dense", "sparse"))

    def __getitem__(self, counter):
        return self.values.get(counter, math.nan)

    def _peer(self, kind):
        words = [word.split(":")[1] for word in self.values.get("label", "").split() if word.startswith(kind + ":")]
        return words[0] if words else "-"

    @property
    def whole(self):
        """Whether output columns come in whole AVX-512 vectors, and in enough of them."""
        return self.shape[2] % 16 == 0 and self.shape[2] >= 64

    @property
    def compute_bound(self):
        """Whether streaming B and the weights in, and C out, takes less time than the multiply-adds at the peak."""
        return self["roof_fraction"] <= 1.02 * self["peak_fraction"]

    @property
    def paired(self):
        return self.block in PAIRED[self.pruning]


def mean(values):
    """The geometric mean; NaN for nothing."""
    values = [v for v in values if v == v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def pick(rows, **wanted):
    return [r for r in rows if all(getattr(r, name) == value for name, value in wanted.items())]


def main_table(rows):
    titles = "".join(f" | {TITLES[p] + ', ' + SHOWN[p][1:]:^29}" for p in PRUNINGS)
    print(f"{'M x K, N':>16} {'rate':>5} | {'best dense':^31} | {'best sparse':^27}{titles}")
    heads = " |    us  peak  x dense x sparse" * len(PRUNINGS)
    print(f"{'':>16} {'':>5} | {'peer':<22} {'us':>8} | {'peer':<18} {'us':>8}{heads}")
    cases = {(r.shape, r.rate_name): None for r in rows}
    last_shape = None
    for shape, rate in cases:
        here = pick(rows, shape=shape, rate_name=rate)
        cells = ""
        for p in PRUNINGS:
            r = next(iter(pick(here, pruning=p, block=SHOWN[p])), None)
            cells += " |"
            cells += f"{'':29}" if r is None else (
                f"{r.us:7.1f} {r['peak_fraction']:5.2f} {r['speedup_dense']:8.2f} {r['speedup_sparse']:7.2f}")
        name = "" if shape == last_shape else f"{shape[0]} x {shape[1]}, {shape[2]}"
        last_shape = shape
        r = here[0]
        print(f"{name:>16} {rate:>5} | {r.dense:<22} {r['dense_us']:8.1f} | {r.sparse:<18} {r['sparse_us']:8.1f}{cells}")


def block_table(rows):
    tenth = pick(rows, rate_name="10x")
    if not tenth:
        return
    print("\nShare of the FMA peak at 10x for every block; share of the roof (peak or streaming bandwidth) for columns only, 8x32")
    print(f"{'M x K, N':>16}" + "".join(f" | {TITLES[p]:^20}" for p in PRUNINGS) + " | roof | spread")
    print(f"{'':>16}" + (" |" + "".join(f"{b[1:]:>7}" for b in BLOCKS)) * len(PRUNINGS) + " |      |")
    for shape in {r.shape: None for r in tenth}:
        here = pick(tenth, shape=shape)
        cells, roof = "", math.nan
        for p in PRUNINGS:
            cells += " |"
            for b in BLOCKS:
                found = pick(here, pruning=p, block=b)
                cells += f"{found[0]['peak_fraction']:7.3f}" if found else f"{'':7}"
                if found and (p, b) == ("columns", "b8x32"):
                    roof = found[0]["roof_fraction"]
        spread = mean(r["spread"] for r in here)
        print(f"{shape[0]} x {shape[1]}, {shape[2]}".rjust(16) + cells + f" | {roof:4.2f} | {spread:6.3f}")


def ratio_table(rows, counter, title):
    """A counter of all cases, a line a shape and rate."""
    print(f"{title}\n{'M x K, N':>16} {'rate':>5}" + "".join(f" | {TITLES[p]:^20}" for p in PRUNINGS))
    print(f"{'':>16} {'':>5}" + (" |" + "".join(f"{b[1:]:>7}" for b in BLOCKS)) * len(PRUNINGS))
    for shape, rate in {(r.shape, r.rate_name): None for r in rows}:
        here = pick(rows, shape=shape, rate_name=rate)
        line = f"{shape[0]} x {shape[1]}, {shape[2]}".rjust(16) + f" {rate:>5}"
        for p in PRUNINGS:
            found = [next(iter(pick(here, pruning=p, block=b)), None) for b in BLOCKS]
            line += " |" + "".join(f"{'':7}" if r is None else f"{r[counter]:7.3f}" for r in found)
        print(line)


def ceilings(lines):
    """Prints (what, values, the most that their mean is to be)."""
    print("\nSummary (geometric means)" + f"{'measured':>50} {'at most':>9}")
    for what, values, ceiling in lines:
        value = mean(values)
        if not math.isnan(value):
            verdict = "" if ceiling is None else f"{ceiling:9.2f}  {'' if value <= ceiling else 'MISSED'}"
            print(f"  {what:<64} {value:8.3f} {verdict}".rstrip())


def dispatch_tables(rows, context):
    """Kernels that are found at run time against the same ones, compiled for the target alone."""
    ratio_table(rows, "time_over_static", "Time over that of the static kernels")
    ratio_table(rows, "peak_fraction", "\nShare of the FMA peak")
    large = [r for r in rows if r["density"] * math.prod(r.shape) >= 1e6]
    over = [r["time_over_static"] for r in large]
    whole = [r for r in pick(rows, rate_name="10x", pruning="columns") if r.whole]
    wanted = 0.87 if context["vector_bits"] == "256" else 0.95
    ceilings((("time over static, a million multiply-adds or more", over, 1.02),
              ("    the slowest case of these", [max(over)] if over else [], None)))
    if whole:
        print(f"  peak_fraction, 10x, columns only, at least {wanted:.2f}: {mean(r['peak_fraction'] for r in whole):.3f}; "
              f"where the roof is the peak, not the memory: "
              f"{mean(r['peak_fraction'] for r in whole if r.compute_bound):.3f}")


def narrow_tables(rows):
    """Weights of sixteen bits against the same weights in f32: times, and bytes of the packed form."""
    ratio_table(rows, "time_over_f32", "Time over that of weights in f32")
    ratio_table(rows, "bytes_over_f32", "\nPacked bytes over those of weights in f32")
    large = [r for r in rows if r["packed_bytes"] >= 2e5]
    ceilings((
            ("time over f32, N >= 49", [r["time_over_f32"] for r in rows if r.shape[2] >= 49], 1.05),
            ("    the slowest case of these", [max(r["time_over_f32"] for r in rows if r.shape[2] >= 49)]
             if any(r.shape[2] >= 49 for r in rows) else [], None),
            ("time over f32, N < 49", [r["time_over_f32"] for r in rows if 1 < r.shape[2] < 49], None),
            ("time over f32, N = 1", [r["time_over_f32"] for r in rows if r.shape[2] == 1], 1.0),
            ("packed bytes over f32, layers of 200 kB and more", [r["bytes_over_f32"] for r in large], 0.55),
            *((f"    of these {TITLES[p]}, {b[1:]}", [r["bytes_over_f32"] for r in pick(large, pruning=p, block=b)], None)
              for p in PRUNINGS for b in BLOCKS)))


def unavailable(entries):
    """Peers that took part nowhere, with the reason."""
    ran = {"gemm", "gemv"} | {e["name"].split("_f32")[0] for e in entries if not e.get("error_occurred")}
    return {name: e["error_message"] for e in entries if e.get("error_occurred")
            and (name := e["name"].split("_f32")[0]) not in ran}


def break_even(rows):
    """The highest density at which the library is no slower than the best dense peer, columns only."""
    by_density = {}
    shapes = {r.shape for r in rows if r.rate_name == "1x"}
    for r in pick(rows, pruning="columns"):
        if r.shape in shapes:
            by_density.setdefault(round(r["density"], 2), []).append(r["speedup_dense"])
    curve = sorted((density, mean(values)) for density, values in by_density.items())
    if not shapes:
        return math.nan
    for (low, fast), (high, slow) in zip(curve[::-1][1:], curve[::-1]):
        if slow >= 1:
            return high
        if fast >= 1:
            return low + (high - low) * math.log(fast) / (math.log(fast) - math.log(slow))
    return 0.0


def measures(rows, context):
    """(what, value, floor) for all that this run can say something about."""
    avx2, threads = context["vector_bits"] == "256", int(context["threads"])
    # Most floors are for one thread and the machine's widest vectors.
    single = lambda floor: None if avx2 or threads > 1 else floor  # noqa: E731
    tenth = pick(rows, rate_name="10x")
    whole = [r for r in tenth if r.whole]
    lowest = math.inf
    floors = {"columns": 0.85 if avx2 else 0.95, "rows3of4": 0.91, "rows1of2": 0.87}
    for p in PRUNINGS:
        chosen = [r for r in pick(whole, pruning=p) if r.paired]
        lowest = min([lowest, *(r["peak_fraction"] for r in chosen)])
        floor = floors[p] if avx2 and threads == 1 and p == "columns" else single(floors[p])
        yield f"peak_fraction, 10x, {TITLES[p]}, {'/'.join(b[1:] for b in PAIRED[p])}", mean(
            r["peak_fraction"] for r in chosen), floor
        yield "    the same where the roof is the peak, not the memory", mean(
            r["peak_fraction"] for r in chosen if r.compute_bound), None
        yield "    roof_fraction instead", mean(r["roof_fraction"] for r in chosen), None
        if p != "columns":
            yield f"peak_fraction, 10x, {TITLES[p]}, every block", mean(
                r["peak_fraction"] for r in pick(whole, pruning=p)), None
    yield "peak_fraction, 10x, lowest of the paired ones", lowest, single(0.75)
    for p, floor in (("columns", 0.93), ("rows1of2", 0.85)):
        for rate in RATES:
            chosen = [r for r in pick(rows, pruning=p, rate_name=f"{rate}x") if r.paired]
            gain = [(r, r["speedup_dense"] * r["density"]) for r in chosen]
            yield f"speedup_dense over the rate, {rate}x, {TITLES[p]}", mean(g for _, g in gain), single(floor)
            yield "    the same where N is a multiple of 16 from 64 up", mean(g for r, g in gain if r.whole), None
    yield "speedup_sparse, 10x", mean(r["speedup_sparse"] for r in tenth if r.paired), single(2.0)
    mnn = [r["peak_fraction"] / (0.2e6 * math.prod(r.shape) / MNN_US[r.shape] / MNN_PEAK)
           for r in tenth if r.paired and r.shape in MNN_US]
    yield "over MNN's block-sparse 1x1 convolutions, by share of the peak", mean(mnn), single(1.4)
    yield "break-even density, columns only", break_even(rows), single(0.90)
    for n, floor in ((49, 0.68), (65, 0.72), (100, 0.80), (196, 0.88)):
        ragged = [r["peak_fraction"] for r in pick(tenth, pruning="columns") if r.shape[2] == n]
        yield f"peak_fraction, 10x, columns only, N = {n}", mean(ragged), single(floor)
    if threads > 1:
        scaled = [r["speedup_threads"] for r in rows if r.paired and r.shape[0] >= 256 and r.rate_name == "10x"]
        yield f"{threads} threads over one, 10x, M >= 256", mean(scaled), 1.85 if threads == 2 else None


def summary(rows, context):
    print("\nSummary (geometric means)" + f"{'measured':>50} {'at least':>9}")
    for what, value, floor in measures(rows, context):
        if math.isnan(value) or math.isinf(value):
            continue
        verdict = "" if floor is None else f"{floor:9.2f}  {'' if value >= floor else 'MISSED'}"
        print(f"  {what:<64} {value:8.3f} {verdict}".rstrip())


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = json.load(file)
    entries, context = found["benchmarks"], found["context"]
    rows = [Row(e) for e in entries if e["name"].startswith(("gemm_", "gemv_")) and not e.get("error_occurred")]
    narrow, dispatched = (any(counter in r.values for r in rows) for counter in ("time_over_f32", "time_over_static"))
    if narrow:
        narrow_tables(rows)
    elif dispatched:
        dispatch_tables(rows, context)
    elif rows:
        main_table(rows)
        block_table(rows)
    for name, why in unavailable(entries).items():
        print(f"not available: {name}: {why}")
    for e in entries:
        if e["name"].startswith(("gemm_", "gemv_")) and e.get("error_occurred"):
            print(f"FAILED: {e['name']}: {e['error_message']}")
    if rows:
        peak = sorted(r["peak_gflops"] for r in rows)[len(rows) // 2]
        noise = sorted(r["spread"] for r in rows)[len(rows) // 2]
        disturbed = sum(r["disturbed"] for r in rows) / len(rows)
        tasks = context.get("tasks", "1")
        threads = f"{context['threads']} thread(s)" + (f" of {tasks} tasks" if tasks != "1" else "")
        print(f"\n{context['vector_bits']}-bit vectors, {threads}, FMA peak {peak:.1f} GFLOP/s, "
              f"{context['rounds']} rounds; a time's quartiles are {100 * noise:.1f} % apart (median); "
              f"{100 * disturbed:.0f} % of the samples were disturbed by others")
        if not narrow and not dispatched:
            summary(rows, context)


if __name__ == "__main__":
    main()
