#!/usr/bin/env python3
"""Draws the time of a frame against the pruning rate: plot.py gru_speech.json gru_speech.svg"""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the back end comes first)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    dense, pruned = rows[0], rows[1:]

    plt.rcParams.update({"font.size": 10, "svg.hashsalt": "bcr", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, axes = plt.subplots(figsize=(7.2, 4.6))
    rates = [r["rate"] for r in pruned if r["weights"] == "f32"]
    axes.axhline(1e6 * dense["seconds"], color="#555555", linewidth=1, label=dense["name"])
    axes.plot(rates, [1e6 * dense["seconds"] / r for r in rates], color="#555555", linestyle="--", linewidth=1,
              label="ideal: dense / rate")
    for weights, color in (("f32", "#1f6fb4"), ("bf16", "#d9822b"), ("i8", "#2e8b57")):
        some = [r for r in pruned if r["weights"] == weights]
        axes.plot(rates, [1e6 * r["seconds"] for r in some], color=color, marker="o", markersize=4.5, linewidth=1.6,
                  label=f"bcr, {weights}")
        for r in some if weights == "f32" else []:
            axes.annotate(f"{dense['seconds'] / r['seconds']:.1f}×", (r["rate"], 1e6 * r["seconds"]), xytext=(4, 6),
                          textcoords="offset points", color=color)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(rates, [f"{r:.0f}×" for r in rates])
    axes.minorticks_off()
    axes.set_xlabel("pruning rate")
    axes.set_ylabel("microseconds a frame of 10 ms")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main()
