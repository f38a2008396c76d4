#!/usr/bin/env python3
"""Times UltraDict, a shared dict of Python, and h5flume's shared dict beside it, in turns.

usage: bench/compare_shared_dicts.py --shared-dict-bench build/bench/bin/shared_dict_bench
                                     [--repetitions N] [--seconds S] [--json FILE]

Needs `pip install UltraDict atomics` (bench/requirements.txt). UltraDict is called from Python, as
it is made for; h5flume from C++, by shared_dict_bench. Both have 10,000 entries of a short text and
an integer. Writes of one process are with UltraDict's default lock, which only processes that were
forked from one another share; everything contended is with the lock that any may share.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import time

from UltraDict import UltraDict

KEYS = 10_000

# What is timed, and the benchmark of h5flume that does the same.
ROWS = [
    ("reads, one key", "dict_read_hot/real_time"),
    ("reads, random keys", "dict_read_random/real_time"),
    ("writes, one key", "dict_write_hot/real_time"),
    ("writes, random keys", "dict_write/real_time"),
    ("writes, random keys, two processes", "dict_processes/write/2/manual_time"),
    ("increments, two processes", "dict_processes/count/2/manual_time"),
    ("increments, four processes", "dict_processes/count/4/manual_time"),
]


def order():
    chosen = random.Random(1)
    return [f"key{chosen.randrange(KEYS)}" for _ in range(65_536)]


def count_for(work, seconds):
    """How many steps were done, and how many a second, where each `work()` does some and says how
    many."""
    count, begin = 0, time.perf_counter()
    while True:
        count += work()
        taken = time.perf_counter() - begin
        if taken >= seconds:
            return count, count / taken


def filled(**options):
    shared = UltraDict(buffer_size=1_000_000, **options)
    for number in range(KEYS):
        shared[f"key{number}"] = 0
    shared["counter"] = 0
    return shared


def read_hot(shared, seconds):
    def work():
        for _ in range(1000):
            shared["key17"]
        return 1000

    return count_for(work, seconds)


def read_random(shared, seconds):
    keys = order()

    def work():
        for key in keys:
            shared[key]
        return len(keys)

    return count_for(work, seconds)


def write_hot(shared, seconds):
    def work():
        for value in range(2000):
            shared["key17"] = value
        return 2000

    return count_for(work, seconds)


def write(shared, seconds):
    keys = order()

    def work():
        for value, key in enumerate(keys[:2000]):
            shared[key] = value
        return 2000

    return count_for(work, seconds)


def increment(shared, seconds):
    def work():
        for _ in range(100):
            with shared.lock:
                shared["counter"] += 1
        return 100

    return count_for(work, seconds)


def contend(name, what, seconds, barrier, results):
    shared = UltraDict(name=name, shared_lock=True)
    barrier.wait()
    results.put(what(shared, seconds))
    barrier.wait()  # nobody is gone while another is at work
    shared.close()


def by_processes(what, processes, seconds):
    """What all together do a second, and how many increments were lost."""
    context = multiprocessing.get_context("spawn")
    shared = filled(shared_lock=True)
    barrier, results = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=contend, args=(shared.name, what, seconds, barrier, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    done = [results.get(timeout=60 + 20 * seconds) for _ in workers]
    for worker in workers:
        worker.join()
    lost = sum(count for count, _ in done) - shared["counter"] if what is increment else 0
    shared.unlink()
    return sum(each for _, each in done), lost


def ultradict(seconds):
    """One repetition of each row, and the increments lost."""
    shared = filled()
    rates = [what(shared, seconds)[1] for what in (read_hot, read_random, write_hot, write)]
    shared.unlink()
    lost = []
    for what, processes in ((write, 2), (increment, 2), (increment, 4)):
        each, missing = by_processes(what, processes, seconds)
        rates.append(each)
        lost.append(missing)
    return rates, sum(lost)


def h5flume(program, seconds):
    pattern = "|".join(f"^{name}$" for _, name in ROWS)
    arguments = [program, f"--benchmark_filter={pattern}", "--benchmark_format=json",
                 f"--benchmark_min_time={seconds}"]
    out = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    runs = {run["name"]: run for run in json.loads(out)["benchmarks"]}
    lost = sum(run.get("lost", 0) for run in runs.values())
    return [runs[name]["items_per_second"] for _, name in ROWS], lost


def text(rates):
    return "{:,.2f} ({:,.2f}-{:,.2f})".format(
        *(rate / 1e6 for rate in (statistics.median(rates), min(rates), max(rates))))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared-dict-bench", required=True)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()

    load_before = os.getloadavg()[0]
    peers, ours, lost = [], [], [0, 0]
    for _ in range(options.repetitions):
        rates, missing = ultradict(options.seconds)
        peers.append(rates)
        lost[0] += missing
        rates, missing = h5flume(options.shared_dict_bench, options.seconds)
        ours.append(rates)
        lost[1] += missing

    print(f"Python {platform.python_version()}, UltraDict, {os.cpu_count()} cores; load "
          f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after; {options.repetitions} "
          "repetitions, median (min-max)\n")
    print("| million a second | UltraDict | h5flume | ratio |")
    print("|---|---|---|---|")
    rows = []
    for place, (what, _) in enumerate(ROWS):
        theirs, own = [one[place] for one in peers], [one[place] for one in ours]
        ratio = statistics.median(own) / statistics.median(theirs)
        rows.append({"what": what, "ultradict": theirs, "h5flume": own, "ratio": ratio})
        print(f"| {what} | {text(theirs)} | {text(own)} | {ratio:,.0f} x |")
    print(f"\nIncrements lost: UltraDict {lost[0]:,}, h5flume {lost[1]:,.0f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"rows": rows, "lost": lost}, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
