#!/usr/bin/env python3
"""Streams the same files by h5py, multitables and h5flume, in turns, and reports the speeds.

The files are those of stream_bench, which writes them. Every pass is a process of its own:
multitables leaves threads and shared memory behind. One byte of each block is touched.
Needs the packages of bench/requirements.txt.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

FILES = [  # name, dataset, bytes of a row, rows of the blocks
    ("images_gzip", "/images", 64 * 64 * 3, (32, 128)),
    ("sensor_gzip", "/sensor", 2048, (128, 512)),
    ("contiguous", "/values", 2048, (64, 512)),
    ("chunked", "/values", 2048, (128, 512)),
]


class Pass:
    """Counts from its construction; block() is called with each block."""

    def __init__(self):
        self.start = time.perf_counter()
        self.bytes = self.first_bytes = 0

    def block(self, array):
        array.flat[0]
        self.seconds = time.perf_counter() - self.start
        if self.bytes == 0:
            self.first_seconds = self.seconds
            self.first_bytes = array.nbytes
        self.bytes += array.nbytes

    def result(self):
        return {
            "mb_per_s": self.bytes / 1e6 / self.seconds,
            "steady_mb_per_s": (self.bytes - self.first_bytes)
            / 1e6
            / (self.seconds - self.first_seconds),
            "first_block_ms": self.first_seconds * 1000,
        }


def read_h5py(file, dataset, block_rows):
    import h5py

    clock = Pass()
    with h5py.File(file, "r") as opened:
        rows = opened[dataset]
        for first in range(0, len(rows), block_rows):
            clock.block(rows[first : first + block_rows])
    return clock.result()


def read_multitables(file, dataset, block_rows, workers):
    import h5py
    import multitables

    with h5py.File(file, "r") as opened:
        blocks = len(opened[dataset]) // block_rows
    clock = Pass()
    streamer = multitables.Streamer(file)  # its queue closes when it is collected
    queue = streamer.get_queue(dataset, n_procs=workers, block_size=block_rows)
    for _ in range(blocks):  # an unordered queue does not end by itself
        with queue.get() as block:
            clock.block(block)
    print(json.dumps(clock.result()), flush=True)
    queue.close()


def unlink_leaked_memory():
    """multitables leaves the shared memory of its stages behind; this process still maps it."""
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if path.startswith("/dev/shm/") and os.path.exists(path):
            os.unlink(path)


def read_h5flume(program, file, dataset, block_rows, workers):
    command = [program, "stream", file, dataset, "--json"]
    command += ["--workers", str(workers), "--block-rows", str(block_rows)]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    first_bytes = done["bytes"] * block_rows / done["rows"]
    return {
        "mb_per_s": done["mb_per_s"],
        "steady_mb_per_s": (done["bytes"] - first_bytes)
        / 1e6
        / (done["seconds"] - done["first_block_seconds"]),
        "first_block_ms": done["first_block_seconds"] * 1000,
    }


def one_pass(reader, workers, program, file, dataset, block_rows):
    if reader == "h5flume":
        return read_h5flume(program, file, dataset, block_rows, workers)
    job = json.dumps([reader, file, dataset, block_rows, workers])
    child = subprocess.run(
        [sys.executable, __file__, "--pass", job],
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    return json.loads(child.stdout)


def run_pass(job):
    reader, file, dataset, block_rows, workers = json.loads(job)
    if reader == "h5py":
        print(json.dumps(read_h5py(file, dataset, block_rows)))
    else:
        read_multitables(file, dataset, block_rows, workers)
        unlink_leaked_memory()
        os._exit(0)  # its threads would keep the process


def spread(samples):
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples)}


def show(samples, digits=0):
    s = spread(samples)
    return "{:.{d}f} ({:.{d}f}-{:.{d}f})".format(s["median"], s["min"], s["max"], d=digits)


def measure(arguments):
    readers = [("h5py", 0)]
    readers += [(name, n) for n in (1, 2) for name in ("multitables", "h5flume")]
    rows = []
    for name, dataset, row_bytes, sizes in FILES:
        file = str(arguments.folder / f"{name}.h5")
        for block_rows in sizes:
            passes = {reader: [] for reader in readers}
            for repetition in range(arguments.repetitions + 1):
                for reader in readers:
                    result = one_pass(*reader, arguments.h5flume, file, dataset, block_rows)
                    if repetition > 0:  # the first warms the page cache
                        passes[reader].append(result)
            for (reader, workers), results in passes.items():
                rows.append(
                    {
                        "file": name,
                        "block_bytes": block_rows * row_bytes,
                        "reader": reader,
                        "workers": workers,
                        **{key: [r[key] for r in results] for key in results[0]},
                    }
                )
    return rows


def print_table(rows):
    line = "{:<12} {:>9} {:<24} {:>20} {:>20} {:>22} {:>14}"
    print(
        line.format(
            "file", "block KiB", "reader", "MB/s one pass", "MB/s steady", "first block ms",
            "to multitables",
        )
    )
    peer = {
        (row["file"], row["block_bytes"], row["workers"]): statistics.median(row["mb_per_s"])
        for row in rows
        if row["reader"] == "multitables"
    }
    for row in rows:
        processes = {0: "", 1: " 1 process"}.get(row["workers"], f" {row['workers']} processes")
        to_peer = ""
        if row["reader"] == "h5flume":
            of_peer = peer[row["file"], row["block_bytes"], row["workers"]]
            to_peer = "{:.2f}".format(statistics.median(row["mb_per_s"]) / of_peer)
        print(
            line.format(
                row["file"],
                row["block_bytes"] // 1024,
                row["reader"] + processes,
                show(row["mb_per_s"]),
                show(row["steady_mb_per_s"]),
                show(row["first_block_ms"], 1),
                to_peer,
            )
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default="/tmp/h5flume-bench",
                        help="where the files of stream_bench are (default: %(default)s)")
    parser.add_argument("--h5flume", default="h5flume", help="the program (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=5,
                        help="after one that does not count (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--pass", dest="job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        return run_pass(arguments.job)
    load_before = os.getloadavg()
    rows = measure(arguments)
    loads = "load before {:.2f}, after {:.2f}".format(load_before[0], os.getloadavg()[0])
    if arguments.json:
        for row in rows:
            for key in ("mb_per_s", "steady_mb_per_s", "first_block_ms"):
                row[key] = spread(row[key])
        print(json.dumps({"cores": os.cpu_count(), "load": loads, "rows": rows}, indent=2))
    else:
        print_table(rows)
        print(f"\n{arguments.repetitions} repetitions, in turns; median (min-max); {loads}")


if __name__ == "__main__":
    main()
