#!/usr/bin/env python3
"""Prints what bench_recurrent measured as one table, read from the JSON file that it wrote."""

import json
import sys

TITLES = {"columns": "all rows", "rows3of4": "3/4 of rows", "rows1of2": "half the rows"}


def batch_ratios(rows):
    """How many times as long a step for a batch takes as for a batch of one, by case."""
    times = {}
    for r in rows:
        kernel, *where, pruning, rate = r["name"].split("/")
        block = next(part for part in kernel.split("_") if part.startswith("b") and "x" in part)
        batch = next((w for w in where if w.startswith("B")), None)
        if batch is not None:
            case = (" ".join(w for w in where if w != batch), block[1:], TITLES[pruning], rate)
            times.setdefault(case, {})[int(batch[1:])] = r["real_time"]
    for case, by_batch in times.items():
        for batch, time in by_batch.items():
            if batch != 1 and 1 in by_batch:
                print(f"{', '.join(case)}: a batch of {batch} takes {time / by_batch[1]:.2f} times as long as one")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        measured = json.load(file)
    context = measured["context"]
    threads = int(context["threads"])
    rows = [r for r in measured["benchmarks"] if "index_bytes_fraction" in r]
    narrow = any("speedup_f32" in r for r in rows)
    fourth = "of a read" if threads == 1 else "of one"
    print(f"{'case':<24} {'kept':<14} {'block':>7} {'rate':>5} {'us':>9} {'GB/s':>7} {fourth:>9} {'dense us':>9} "
          f"{'gain':>6}  {'dense library':<22} {'indices':>7}" + (f" {'over f32':>8}" if narrow else ""))
    before = None
    for r in rows:
        kernel, *where, pruning, rate = r["name"].split("/")
        operation = kernel.split("_")[0]
        case = " ".join([operation] + [w for w in where if w != operation])
        block = next(part for part in kernel.split("_") if part.startswith("b") and "x" in part)
        if before not in (None, case):
            print()
        before = case
        label = r.get("label", "")
        dense = label.split("dense:")[1] if "dense:" in label else "none"
        share = r["bandwidth_fraction"] if threads == 1 else r["speedup_threads"]
        print(f"{case:<24} {TITLES[pruning]:<14} {block[1:]:>7} {rate:>5} {r['real_time']:>9.1f} {r['gbps']:>7.1f} "
              f"{share:>9.2f} {r.get('dense_us', 0):>9.1f} {r.get('speedup_dense', 0):>6.1f}  "
              f"{dense:<22} {r['index_bytes_fraction']:>7.3f}" + (f" {r['speedup_f32']:>8.2f}" if narrow else ""))
    for r in measured["benchmarks"]:
        if r.get("error_occurred"):
            print(f"{r['name']}: {r['error_message']}")
    if rows:
        print()
        batch_ratios(rows)
        noise = sorted(r["spread"] for r in rows)[len(rows) // 2]
        disturbed = sum(r["disturbed"] for r in rows) / len(rows)
        print(f"\n{context['vector_bits']}-bit vectors, {threads} thread(s), {context['rounds']} rounds; a time's "
              f"quartiles are {100 * noise:.1f} % apart (median); {100 * disturbed:.0f} % of the samples were disturbed by others")
        if narrow:
            print("over f32: how many times as fast as the same with weights in f32")
        print("of a read: the time of a plain read of as many bytes as the weights and indices have, over the time" if
              threads == 1 else "of one: how many times as fast as on one thread")


if __name__ == "__main__":
    main()
