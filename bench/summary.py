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
    # 9 slots are what a stream with four workers has at least.
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


def print_random(random):
    print("{cpu}, {cores} cores, HDF5 {hdf5}; load {load_before} before, {load_after} after; "
          "{repetitions} repetitions, median (min-max)\n".format(**random))

    def cell(row, figure, digits=0):
        return spread(row[figure], digits) if row[figure] else ""

    for part in ("requests", "rows"):
        table(["file", "request", "way", "p50 us", "p99 us", "requests/s", "ratio"],
              [[row["file"], row["request"], row["way"], cell(row, "p50_us", 2),
                cell(row, "p99_us", 1), cell(row, "requests_per_s"), show_ratio(row["ratio"])]
               for row in random[part]])
    table(["file", "shuffled MB/s", "ordered stream MB/s", "ratio"],
          [[row["file"], cell(row, "shuffled_mb_per_s"), cell(row, "ordered_mb_per_s"),
            show_ratio(row["ratio"])] for row in random["shuffled"]])


def random_targets(random):
    """Rows of the table of targets: those that need no other reader."""
    rows = []
    for row in random["rows"]:
        if row["way"] != "stage":
            continue
        latency = row["p50_us"]["median"]
        what = f"{row['file']}, {row['request']}, through a stage"
        limit = 2 if row["request"] == "cached row" else 4 if row["file"] == "contiguous" else None
        if limit:
            rows.append([what, f"< {limit} us p50", f"{latency:.2f} us", latency < limit])
        elif row["file"] != "chunked":  # which has nothing to decode
            rows.append([what, "<= 1.15 of the bare decode", f"{row['ratio']:.2f}",
                         row["ratio"] <= 1.15])
    for row in random["shuffled"]:
        rows.append([f"{row['file']}, shuffled", ">= 0.5 of the ordered stream",
                     f"{row['ratio']:.2f}", row["ratio"] >= 0.5])
    return rows


def random_reader_targets(readers):
    """Rows of the table of targets: those against h5py and multitables, each in the way that serves
    most requests a second on two cores, and beside it h5flume from one thread."""
    def best(file, request, name):
        rates = [(row["requests_per_s"]["median"], row["reader"]) for row in readers["rows"]
                 if row["file"] == file and row["request"] == request
                 and row["reader"].startswith(name) and "requests_per_s" in row]
        return max(rates, default=(math.nan, name))

    wanted = [("contiguous", "row", "h5py", 10), ("contiguous", "row", "multitables", 40)]
    wanted += [(file, "batch", "h5py", 3) for file in ("sensor_gzip", "images_gzip", "table_gzip")]
    rows = []
    for file, request, name, times in wanted:
        rate, way = best(file, request, "h5flume")
        alone, _ = best(file, request, "h5flume, one at a time")
        theirs, _ = best(file, request, name)
        rows.append([f"{file}, {request}, requests/s, {way.removeprefix('h5flume, ')}",
                     f">= {times} x {name}",
                     f"{rate / theirs:.2f} x (one at a time {alone / theirs:.2f} x)",
                     rate / theirs >= times])
    return rows


# What is timed, the same with the standard library, the unit, and what is wanted: of the ratio, or
# of the time itself.
CONTAINERS = [
    ("look up an integer that is there", "mapped_lookup<std::uint64_t>/hit:1",
     "standard_lookup<std::uint64_t>/hit:1", "ns", 1.5),
    ("look up one that is not", "mapped_lookup<std::uint64_t>/hit:0",
     "standard_lookup<std::uint64_t>/hit:0", "ns", 1.5),
    ("look up a string that is there", "mapped_lookup<std::string>/hit:1",
     "standard_lookup<std::string>/hit:1", "ns", 1.2),
    ("look up one that is not", "mapped_lookup<std::string>/hit:0",
     "standard_lookup<std::string>/hit:0", "ns", 1.2),
    ("integers, two threads on one map: one lookup", "mapped_lookup<std::uint64_t>/hit:1/threads:2",
     "mapped_lookup<std::uint64_t>/hit:1", "ns", 0.5),
    ("strings, two threads on one map: one lookup", "mapped_lookup<std::string>/hit:1/threads:2",
     "mapped_lookup<std::string>/hit:1", "ns", None),
    ("sum one field of all values", "mapped_field", "vector_field", "ms", 1.3),
    ("the same through views", "mapped_views", "vector_field", "ms", None),
    ("build an index of strings, in 256 MiB", "build_map", "sort_and_write", "s", 2),
    ("open a file of 1 GiB, read one value", "open_file/bytes:1073741824", None, "us", 100),
    ("cold: open, look up one", "cold_lookup/keys:1/random:0", None, "ms", None),
    ("cold: open, look up 1,000", "cold_lookup/keys:1000/random:0", None, "ms", None),
    ("cold: open for random access, look up one", "cold_lookup/keys:1/random:1", None, "ms", None),
    ("cold: open for random access, look up 1,000", "cold_lookup/keys:1000/random:1", None, "ms",
     None),
    ("cold: sum one field of all values", "cold_field/ahead:0", "cold_read", "ms", None),
    ("cold: the same after preload()", "cold_field/ahead:1", "cold_read", "ms", None),
]
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def print_containers(containers):
    runs = {}
    for run in containers["benchmarks"]:
        if run["run_type"] == "iteration":
            name = "/".join(part for part in run["run_name"].split("/")
                            if part != "real_time" and not part.startswith("iterations:"))
            runs.setdefault(name, []).append(run["real_time"] * NANOSECONDS[run["time_unit"]])

    def timing(name, unit):
        times = [time / NANOSECONDS[unit] for time in runs[name]]
        digits = 1 if statistics.median(times) < 1000 else 0
        digits = 2 if statistics.median(times) < 10 else digits
        return spread({"median": statistics.median(times), "min": min(times), "max": max(times)},
                      digits) + " " + unit

    rows = []
    for what, name, beside, unit, wanted in CONTAINERS:
        median_ns = statistics.median(runs[name])
        ratio = median_ns / statistics.median(runs[beside]) if beside else None
        value = ratio if beside else median_ns / NANOSECONDS[unit]
        limit = "" if wanted is None else f"<= {wanted}" + ("" if beside else f" {unit}")
        rows.append([what, timing(beside, unit) if beside else "", timing(name, unit),
                     show_ratio(ratio), limit,
                     "" if wanted is None else "holds" if value <= wanted else "MISSED"])
    table(["containers", "beside it", "h5flume", "ratio", "wanted", ""], rows)


# What is timed, the name of the benchmark, what is beside it, and what is wanted: of the rate in
# millions a second, or of the ratio to another.
SHARED_DICTS = [
    ("reads, one key", "dict_read_hot", 50, None),
    ("reads, one key, two threads", "dict_read_hot/threads:2", None, ("dict_read_hot", 1.9)),
    ("reads, random keys", "dict_read_random", 40, None),
    ("reads, random keys, two threads", "dict_read_random/threads:2", None,
     ("dict_read_random", 1.9)),
    ("reads, random keys, one process", "dict_processes/read_random/1", None, None),
    ("reads, random keys, two processes", "dict_processes/read_random/2", None,
     ("dict_processes/read_random/1", 1.9)),
    ("reads of data(), random keys", "dict_read_data", None, None),
    ("writes, one key", "dict_write_hot", 7, None),
    ("writes, random keys", "dict_write", 7, None),
    ("writes, one key, two processes", "dict_processes/write_hot/2", 3, None),
    ("writes, random keys, two processes", "dict_processes/write/2", 3, None),
    ("increments", "dict_increment", None, None),
    ("increments of one counter, two processes", "dict_processes/count/2", None, None),
    ("increments of one counter, four processes", "dict_processes/count/4", None, None),
    ("map and mutex: reads, one key", "map_read_hot", None, None),
    ("map and mutex: reads, random keys", "map_read_random", None, None),
    ("map and mutex: reads, random keys, two threads", "map_read_random/threads:2", None, None),
    ("map and mutex: writes, random keys", "map_write", None, None),
    ("map and mutex: writes, random keys, two threads", "map_write/threads:2", None, None),
    ("Redis: reads, random keys", "redis_read", None, None),
    ("Redis: writes, random keys", "redis_write", None, None),
    ("Redis: increments", "redis_increment", None, None),
]


def print_shared_dicts(results):
    runs, lost = {}, 0
    for run in results["benchmarks"]:
        if run["run_type"] == "iteration":
            name = "/".join(part for part in run["run_name"].split("/")
                            if part not in ("real_time", "manual_time"))
            runs.setdefault(name, []).append(run["items_per_second"] / 1e6)
            lost += run.get("lost", 0)
    rows = []
    for what, name, wanted, beside in SHARED_DICTS:
        rate = statistics.median(runs[name])
        digits = 3 if rate < 1 else 1
        ratio = rate / statistics.median(runs[beside[0]]) if beside else None
        limit = f">= {wanted}" if wanted else f">= {beside[1]} x one" if beside else ""
        holds = rate >= wanted if wanted else ratio >= beside[1] if beside else None
        rows.append([what, spread({"median": rate, "min": min(runs[name]), "max": max(runs[name])},
                                  digits),
                     show_ratio(ratio), limit,
                     "" if holds is None else "holds" if holds else "MISSED"])
    rows.append(["increments lost", f"{lost:,.0f}", "", "none", "holds" if lost == 0 else "MISSED"])
    table(["shared dicts", "million/s", "ratio", "wanted", ""], rows)


def print_random_results(folder):
    random = json.loads((folder / "random.json").read_text())
    print_random(random)
    rows = random_targets(random)
    readers = folder / "random_readers.json"
    if readers.exists():
        rows += random_reader_targets(json.loads(readers.read_text()))
    table(["target", "wanted", "measured", ""],
          [[*row, "holds" if holds else "MISSED"] for *row, holds in rows])


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
    print_random_results(folder)
    print_containers(json.loads((folder / "containers.json").read_text()))
    print_shared_dicts(json.loads((folder / "shared_dict.json").read_text()))


if __name__ == "__main__":
    main()
