#!/usr/bin/env python3
"""Prints what networks.py measured as one table a network and a summary, read from the JSON file that it wrote."""

import json
import sys

# What whole networks are to gain over the fastest dense one, at their rates.
FLOORS = {"vgg16": 2.5, "resnet18": 2.2, "mobilenet_v2": 2.0}
SPARSE_FLOOR = 1.3


def table(network, rows):
    rows = sorted(rows, key=lambda r: r["real_time"])
    print(f"{network}, pruned {rows[0]['rate']:g} times\n{'':<20} {'weights':<8} {'ms':>9} {'spread':>7} {'x bcr':>6} {'off by':>8}")
    for r in rows:
        print(f"{r['who']:<20} {'pruned' if r['sparse'] else 'dense':<8} {r['real_time'] / 1e3:>9.3f} {r['spread']:>7.3f} "
              f"{r['speedup']:>6.2f} {r['error']:>8.0e}")
    print()


def fastest(rows, sparse):
    peers = [r for r in rows if r["sparse"] == sparse and not r["who"].startswith("bcr")]
    return min(peers, key=lambda r: r["real_time"], default=None)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = json.load(file)
    networks = {}
    for r in found["benchmarks"]:
        if not r.get("error_occurred"):
            networks.setdefault(r["network"], []).append(r)
    for network, rows in networks.items():
        table(network, rows)
    print(f"{'Pruned, over':<16} {'fastest dense':<18} {'x':>6} {'at least':>9}  {'fastest sparse':<18} {'x':>6} {'at least':>9}")
    for network, rows in networks.items():
        line = f"{network:<16}"
        for sparse, floor in ((False, FLOORS[network]), (True, SPARSE_FLOOR)):
            peer = fastest(rows, sparse)
            line += f" {'none':<18} {'':>16} " if peer is None else (
                f" {peer['who']:<18} {peer['speedup']:>6.2f} {floor:>9.2f}{' ' if peer['speedup'] >= floor else '!'}")
        print(line.rstrip())
    for r in found["benchmarks"]:
        if r.get("error_occurred"):
            print(f"not available: {r['network']}, {r['who']}: {r['error_message']}")
    versions = [f"{name} {version}" for name, version in found["context"]["versions"].items() if version is not None]
    print(f"\nOne thread, {found['context']['rounds']} rounds, time of the processor; 'x bcr' is by how much bcr's pruned network is "
          f"faster, round by round, 'off by' a share of the largest result. A '!' misses what is asked. Found: oneDNN, {', '.join(versions)}.")


if __name__ == "__main__":
    main()
