#!/usr/bin/env python3
"""Prints what bench_recurrent measured as one table, read from the JSON file that it wrote."""

import json
import sys

TITLES = {"columns": "all rows", "rows3of4": "3/4 of rows", "rows1of2": "half the rows"}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        measured = json.load(file)
    rows = [r for r in measured["benchmarks"] if "bandwidth_fraction" in r]
    heads = ("case", "kept", "block", "rate", "us", "GB/s", "of a read", "dense us", "gain", "dense library", "indices")
    print(f"{heads[0]:<24} {heads[1]:<14} {heads[2]:>7} {heads[3]:>5} {heads[4]:>9} {heads[5]:>7} {heads[6]:>9} "
          f"{heads[7]:>9} {heads[8]:>6}  {heads[9]:<22} {heads[10]:>7}")
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
        print(f"{case:<24} {TITLES[pruning]:<14} {block[1:]:>7} {rate:>5} {r['real_time']:>9.1f} {r['gbps']:>7.1f} "
              f"{r['bandwidth_fraction']:>9.2f} {r.get('dense_us', 0):>9.1f} {r.get('speedup_dense', 0):>6.1f}  "
              f"{dense:<22} {r['index_bytes_fraction']:>7.3f}")
    errors = [r for r in measured["benchmarks"] if r.get("error_occurred")]
    for r in errors:
        print(f"{r['name']}: {r['error_message']}")
    if rows:
        context = measured["context"]
        noise = sorted(r["spread"] for r in rows)[len(rows) // 2]
        disturbed = sum(r["disturbed"] for r in rows) / len(rows)
        print(f"\n{context['vector_bits']}-bit vectors, one thread, {context['rounds']} rounds; a time's quartiles are "
              f"{100 * noise:.1f} % apart (median); {100 * disturbed:.0f} % of the samples were disturbed by others")
        print("of a read: the time of a plain read of as many bytes as the weights and indices have, over the time")


if __name__ == "__main__":
    main()
