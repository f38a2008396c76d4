#!/usr/bin/env python3
"""Prints the results of bench/run as tables, and whether each speed target holds.

usage: bench/summary.py RESULTS
"""

import json
import math
import pathlib
import statistics
import sys


def table(header, rows):
    cells = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |"
    print(line(cells[0]))
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for row in cells[1:]:
        print(line(row))
    print()


def spread(s, digits=0):
    return "{:,.{d}f} ({:,.{d}f}-{:,.{d}f})".format(s["median"], s["min"], s["max"], d=digits)


def show_ratio(number):
    return "" if number is None else "{:.2f}".format(number)


def print_stream(stream):
    print("{cpu}, {cores} cores, HDF5 {hdf5}; load {load_before} before, {load_after} after; "
          "{repetitions} repetitions, median (min-max)\n".format(**stream))
    table(
        ["file", "block KiB", "reader", "MB/s one pass", "ratio", "bare", "MB/s steady", "ratio",
         "bare", "first block ms"],
        [[row["file"], row["block_bytes"] // 1024, row["reader"],
          spread(row["one_pass_mb_per_s"]), show_ratio(row["one_pass_ratio"]),
          show_ratio(row["one_pass_to_bare"]), spread(row["steady_mb_per_s"]),
          show_ratio(row["steady_ratio"]), show_ratio(row["steady_to_bare"]),
          "" if " x " in row["reader"] or "bare" in row["reader"]
          else spread(row["first_block_ms"], 1)]
         for row in stream["rows"]],
    )


def ring_runs(ring):
    """Name, arguments and repetitions of each benchmark, in order."""
    repetitions = {}
    for run in ring["benchmarks"]:
        if run["run_type"] == "iteration":
            repetitions.setdefault(run["run_name"], []).append(run)
    found = []
    for name, runs in repetitions.items():
        kind, *rest = name.split("/")
        arguments = {key: int(value) for key, value in (p.split(":") for p in rest if ":" in p)}
        found.append((kind, arguments, runs))
    order = ("processes", "bytes", "ordered", "producers", "slots", "pause_us")
    return sorted(found, key=lambda run: (run[0], -run[1]["processes"],
                                          [run[1].get(name, 0) for name in order[1:]]))


def values(runs, name):
    return [run[name] for run in runs]


def median(runs, name):
    return statistics.median(values(runs, name))


def superiority(these, those):
    """How often one of `these` is above one of `those`, and the least that chance alone explains:
    the one-sided Mann-Whitney U test at 5 %, in its normal approximation."""
    above = statistics.mean((a > b) + (a == b) / 2 for a in these for b in those)
    n, m = len(these), len(those)
    return above, 0.5 - 1.645 * math.sqrt((n + m + 1) / (12 * n * m))


def producers(arguments):
    count = arguments.get("producers", 1)
    if arguments["processes"]:
        return "1 process" if count == 1 else f"{count} processes"
    return "1 thread" if count == 1 else f"{count} threads"


def print_ring(ring):
    blocks, latencies = [], []
    for kind, arguments, runs in ring_runs(ring):
        if kind == "hand_over":
            latencies.append([producers(arguments), arguments["pause_us"],
                              "{:.2f}".format(median(runs, "p50_us")),
                              "{:.2f}".format(median(runs, "p99_us"))])
            continue
        size = arguments["bytes"] // 1024
        rates = values(runs, "items_per_second")
        quarter, _, three_quarters = statistics.quantiles(rates)
        blocks.append([f"{size} KiB" if size else "empty", producers(arguments),
                       arguments["slots"], "yes" if arguments["ordered"] else "no",
                       "{:,.0f} ({:,.0f}-{:,.0f})".format(statistics.median(rates), quarter,
                                                          three_quarters),
                       "{:.1f}".format(median(runs, "bytes_per_second") / 1e9) if size else ""])
    table(["blocks", "producers", "slots", "ordered", "blocks/s, median (quartiles)", "GB/s"],
          blocks)
    table(["producer", "pause us", "hand-over p50 us", "p99 us"], latencies)


def print_targets(stream, ring):
    def find(file, reader, block_kib):
        return next(row for row in stream["rows"] if row["file"] == file
                    and row["reader"] == reader and row["block_bytes"] // 1024 == block_kib)

    rows = []

    def check(what, wanted, value, text, holds):
        rows.append([what, wanted, text.format(value), "holds" if holds else "MISSED"])

    def first(file, reader):
        """With default blocks, which come first."""
        return next(r for r in stream["rows"] if r["file"] == file and r["reader"] == reader)

    for file in ("images_gzip", "sensor_gzip"):
        value = first(file, "2 processes, libhdf5")["one_pass_ratio"]
        check(f"{file}, 2 processes, libhdf5", ">= 1.85 x H5Dread", value, "{:.2f} x",
              value >= 1.85)
        rows.append(["  two H5Dread loops at once", "the machine's limit",
                     "{:.2f} x".format(first(file, "2 x H5Dread")["one_pass_ratio"]), ""])
    for file in ("sensor_gzip", "images_gzip", "table_gzip", "sensor_zstd", "sensor_lz4"):
        for reader in ("2 workers", "2 threads"):
            value = first(file, reader)["steady_to_bare"]
            check(f"{file}, {reader}, directly", ">= 0.90 of bare", value, "{:.2f}", value >= 0.9)
    value = (first("sensor_gzip", "2 workers")["one_pass_ratio"]
             / first("sensor_gzip", "2 x H5Dread")["one_pass_ratio"])
    check("sensor_gzip, 2 workers, directly", ">= 3.5 x two H5Dread loops", value, "{:.2f} x",
          value >= 3.5)
    for reader in ("2 workers", "2 workers, index kept"):
        value = first("small_chunks", reader)["one_pass_ratio"]
        check(f"small_chunks, {reader}, directly", ">= 3 x H5Dread", value, "{:.2f} x", value >= 3)
    for file in ("contiguous", "chunked"):
        for kib, wanted in ((128, 6), (1024, 10)):
            for reader in ("1 worker", "2 workers"):
                value = find(file, reader, kib)["steady_mb_per_s"]["median"] / 1000
                check(f"{file}, {kib} KiB, {reader}", f">= {wanted} GB/s steady", value,
                      "{:.1f} GB/s", value >= wanted)
    value = max(r["first_block_ms"]["median"] for r in stream["rows"]
                if ("worker" in r["reader"] or "libhdf5" in r["reader"]) and r["file"] != "small_chunks")
    check("first block, the slowest case", "<= 30 ms", value, "{:.1f} ms", value <= 30)

    empty = {(a["producers"], a["slots"], a["ordered"]): values(runs, "items_per_second")
             for kind, a, runs in ring_runs(ring) if kind == "empty" and a["processes"]}
    # 9 slots are what a stream with four workers has by default.
    for ordered in (0, 1):
        order = "ordered" if ordered else "unordered"
        for slots in (9, 64):
            one, four = (empty[producers, slots, ordered] for producers in (1, 4))
            value = statistics.median(one) / 1e6
            check(f"empty blocks, one to one, {slots} slots, {order}", ">= 1 million/s", value,
                  "{:.2f} million/s", value >= 1)
            faster, chance = superiority(four, one)
            check(f"empty blocks, four producers, {slots} slots, {order}",
                  f"no slower: faster in >= {chance:.0%} of pairs",
                  (statistics.median(four) / statistics.median(one), faster),
                  "{0[0]:.2f} x one, faster in {0[1]:.0%}", faster >= chance)
    table(["target", "wanted", "measured", ""], rows)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    folder = pathlib.Path(sys.argv[1])
    stream = json.loads((folder / "stream.json").read_text())
    ring = json.loads((folder / "ring.json").read_text())
    print_stream(stream)
    print_ring(ring)
    print_targets(stream, ring)


if __name__ == "__main__":
    main()
