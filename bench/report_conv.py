#!/usr/bin/env python3
"""Prints what bench_conv measured as one table and a summary, read from the JSON file that it wrote."""

import json
import math
import sys

TITLES = {"columns": "columns only", "rows1of2": "half the rows"}
PEERS = ("onednn_direct", "onednn_winograd", "xnnpack_dense", "xnnpack_sparse")

# MNN 3.6.1's block-sparse convolutions at density 0.1, the better of its blocks of 4 and 8 channels, its own im2col
# included: microseconds on one core of a Zen 4 machine whose peak is below. Being another machine, shares of the peak are
# compared.
MNN_US = {"3x3 64-64@56": 784, "3x3 128-128@28": 528, "3x3 256-256@14": 381, "3x3 512-512@7": 337,
          "1x1 512-512@14": 142, "1x1 64-256@56": 257}
MNN_PEAK = 117.4e9


def over_mnn(row):
    """By how much its share of the peak is larger; NaN where MNN was not measured."""
    layer = describe(row)[0]
    if layer not in MNN_US:
        return math.nan
    window, channels, at = layer.split(" ")[0], *layer.split(" ")[1].split("@")
    kept = 0.1 * math.prod(map(int, (*channels.split("-"), *window.split("x"), at, at)))
    return row["peak_fraction"] / (2e6 * kept / MNN_US[layer] / MNN_PEAK)


def mean(values):
    """The geometric mean; NaN for nothing."""
    values = [v for v in values if v == v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def describe(row):
    """(layer, layout, pruning, rate) of a row of the library. The layout "margins" is nchw with zeros around channels."""
    kernel, channels, outputs, size, window, stride, pruning, rate = row["name"].split("/")
    block = next(part for part in kernel.split("_") if part.startswith("b") and "x" in part)
    layer = f"{window[1:]}x{window[1:]} {channels[1:]}-{outputs[1:]}@{size[1:]}" + ("" if stride == "s1" else " /" + stride[1:])
    form = "nhwc" if row["nhwc"] else "margins" if row.get("margins") else "nchw"
    return layer, form, f"{TITLES[pruning]}, {block[1:]}", rate


def table(rows):
    print(f"{'layer':<20} {'layout':<7} {'kept':<21} {'rate':>5} {'us':>9} {'peak':>6} {'gain':>6}  {'fastest dense':<17} {'us':>9}"
          + "".join(f" {'x ' + (p if p.startswith('x') else p.split('_')[1]).replace('xnnpack', 'xnn'):>12}" for p in PEERS) + f"  {'kernel'}")
    before = None
    for r in rows:
        layer, layout, kept, rate = describe(r)
        if before not in (None, layer):
            print()
        before = layer
        dense = r["label"].split("dense:")[1] if "dense:" in r.get("label", "") else "none"
        print(f"{layer:<20} {layout:<7} {kept:<21} {rate:>5} {r['real_time']:>9.1f} {r['peak_fraction']:>6.3f} "
              f"{r.get('speedup_dense', 0):>6.2f}  {dense:<17} {r.get('dense_us', 0):>9.1f}"
              + "".join(f" {r.get('speedup_' + p, math.nan):>12.2f}" for p in PEERS) + f"  {r['name'].split('/')[0]}")


def summary(rows, threads):
    print("\nGeometric means at 10x" + f"{'measured':>52} {'at least':>9}")
    tenth = [r for r in rows if abs(r["density"] - 0.1) < 1e-6]
    four = {f"3x3 {c}-{c}@{s}" for c, s in ((64, 56), (128, 28), (256, 14), (512, 7))}
    for layout in ("nchw", "margins", "nhwc"):
        here = [r for r in tenth if describe(r)[1] == layout]
        for share, title, floor in ((1, "columns only", 0.84), (0.5, "half the rows", 0.77)):
            some = [r for r in here if r["rows_kept"] == share and r["kernel"] == 3]
            lines = [(f"{layout}, {title}: share of the peak, 3x3", mean(r["peak_fraction"] for r in some), floor),
                     ("    the lowest with an image of 7 x 7", min((r["peak_fraction"] for r in some if r["size"] == 7),
                                                                   default=math.nan), 0.68)]
            best = [r for r in some if describe(r)[0] in four]
            lines += [("    over oneDNN's direct, four layers of ResNet-18",
                       mean(r.get("speedup_onednn_direct", math.nan) for r in best), 8),
                      ("    over the fastest dense library", mean(r.get("speedup_dense", math.nan) for r in best), 3.2),
                      ("    over MNN's block-sparse, by share of the peak", mean(over_mnn(r) for r in best), 2.0)]
            ones = [r for r in here if r["rows_kept"] == share and r["kernel"] == 1]
            lines += [(f"{layout}, {title}: 1x1 over the fastest dense library",
                       mean(r.get("speedup_dense", math.nan) for r in ones), 8),
                      ("    over XNNPACK's sparse kernel", mean(r.get("speedup_xnnpack_sparse", math.nan) for r in ones), 4),
                      ("    over MNN's block-sparse, by share of the peak", mean(over_mnn(r) for r in ones), 1.4)]
            for what, value, least in lines:
                if not math.isnan(value):
                    verdict = f"{least:9.2f}  {'' if value >= least else 'MISSED'}" if threads == 1 else ""
                    print(f"  {what:<64} {value:8.3f} {verdict}".rstrip())
    if threads > 1:
        print(f"  {threads} threads over one: {mean(r['speedup_threads'] for r in tenth):.2f}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = json.load(file)
    context = found["context"]
    rows = [r for r in found["benchmarks"] if "peak_fraction" in r]
    if rows:
        table(rows)
        summary(rows, int(context["threads"]))
    for r in found["benchmarks"]:
        if r.get("error_occurred"):
            print(f"{r['name']}: {r['error_message']}")
    if rows:
        noise = sorted(r["spread"] for r in rows)[len(rows) // 2]
        disturbed = sum(r["disturbed"] for r in rows) / len(rows)
        print(f"\n{context['vector_bits']}-bit vectors, {context['threads']} thread(s), {context['rounds']} rounds; peak "
              f"{sorted(r['peak_gflops'] for r in rows)[len(rows) // 2]:.0f} GFLOP/s; a time's quartiles are {100 * noise:.1f} % "
              f"apart (median); {100 * disturbed:.0f} % of the samples were disturbed by others")


if __name__ == "__main__":
    main()
