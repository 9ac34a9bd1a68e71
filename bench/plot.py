#!/usr/bin/env python3
"""Draws speed-up over the best dense peer against density: plot.py gemm.json gemm.svg"""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the back end comes first)

from report import PAIRED, TITLES, Row, break_even, mean  # noqa: E402

STYLES = {"columns": ("#1f6fb4", "o"), "rows3of4": ("#c26a12", "s"), "rows1of2": ("#2c8a57", "^")}


def quantile(values, share):
    values = sorted(values)
    return values[round(share * (len(values) - 1))]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = json.load(file)["benchmarks"]
    rows = [Row(e) for e in entries if e["name"].startswith("gemm_") and not e.get("error_occurred")]
    # Tiny batches are bound by memory, where nobody's floating point counts; they have their place in the table.
    rows = [r for r in rows if r.paired and r.shape[2] >= 49]

    plt.rcParams.update({"font.size": 10, "svg.hashsalt": "bcr", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, axes = plt.subplots(figsize=(7.2, 4.6))
    ideal = [0.045, 1.0]
    axes.plot(ideal, [1 / d for d in ideal], color="#555555", linestyle="--", linewidth=1, label="ideal: 1 / density")
    axes.axhline(1, color="#555555", linewidth=1)
    for pruning, (color, marker) in STYLES.items():
        by_density = {}
        for r in rows:
            if r.pruning == pruning:
                by_density.setdefault(round(r["density"], 2), []).append(r["speedup_dense"])
        if not by_density:
            continue
        densities = sorted(by_density)
        blocks = ", ".join(b[1:].replace("x", "×") for b in PAIRED[pruning])
        axes.plot(densities, [mean(by_density[d]) for d in densities], color=color, marker=marker, markersize=4.5,
                  linewidth=1.6, label=f"bcr, {TITLES[pruning]} (blocks {blocks})")
        low, high = ([quantile(by_density[d], share) for d in densities] for share in (0.25, 0.75))
        axes.fill_between(densities, low, high, color=color, alpha=0.12, linewidth=0)
    even = break_even(rows)
    if even == even:
        axes.axvline(even, color="#aa3333", linewidth=1, linestyle=":")
        axes.annotate(f"break-even at {even:.2f}", (even, 1), xytext=(-14, -20), textcoords="offset points", ha="right",
                      color="#aa3333", arrowprops={"arrowstyle": "-", "color": "#aa3333", "linewidth": 0.8})
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [0.05, 0.1, 0.25, 0.5, 1.0]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_yticks([1, 2, 4, 10, 20], ["1×", "2×", "4×", "10×", "20×"])
    axes.minorticks_off()
    axes.set_xlim(0.045, 1.08)
    axes.set_ylim(0.7, 26)
    axes.set_xlabel("density: share of the weights that is kept")
    axes.set_ylabel("speed-up over the best dense library")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right", title="mean over all shapes; bands: the middle half of them")
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main()
