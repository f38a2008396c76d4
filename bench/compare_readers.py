#!/usr/bin/env python3
"""Reads the same files by h5py, hidefix, PyTables, multitables and h5flume, in turns.

The files are those of stream_bench, which writes them. Every pass is a process of its own:
multitables leaves threads and shared memory behind. One byte of each block is touched. The first
pass of each reader does not count: it warms the page cache and compares the values with h5py's.
A reader that cannot read a file gets no figures; why not is said below the table.
Needs the packages of bench/requirements.txt.
"""

import argparse
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from summary import show_ratio, spread, table

FILES = [  # name, dataset, rows of the blocks
    ("images_gzip", "/images", (32, 128)),
    ("sensor_gzip", "/sensor", (128, 512)),
    ("table_gzip", "/events", (2299,)),
    ("sensor_zstd", "/sensor", (128,)),
    ("sensor_lz4", "/sensor", (128,)),
    ("small_chunks", "/values", (32_768,)),
    ("contiguous", "/values", (64, 512)),
    ("chunked", "/values", (128, 512)),
]
FIGURES = ("mb_per_s", "steady_mb_per_s", "first_block_ms")
LONGEST_SECONDS = 60


class Pass:
    """Counts from its construction; block() is called with each block, in any order."""

    def __init__(self, block_rows, check):
        self.block_rows, self.check = block_rows, check
        self.bytes = self.first_bytes = self.sum = 0
        self.start = time.perf_counter()

    def block(self, array, first_row):
        array.flat[0]
        self.seconds = time.perf_counter() - self.start
        if self.bytes == 0:
            self.first_seconds = self.seconds
            self.first_bytes = array.nbytes
        self.bytes += array.nbytes
        if self.check:
            self.sum = (self.sum + checksum(array, first_row, self.block_rows)) % 2**64

    def result(self):
        result = {"mb_per_s": self.bytes / 1e6 / self.seconds, "sum": self.sum}
        if self.bytes > self.first_bytes:  # more than one block
            after_first = self.seconds - self.first_seconds
            result["steady_mb_per_s"] = (self.bytes - self.first_bytes) / 1e6 / after_first
            result["first_block_ms"] = self.first_seconds * 1000
        return result


def checksum(array, first_row, block_rows):
    """Sums add up whichever process read which rows; multitables leaves out the remainder."""
    total = 0
    for at in range(0, len(array) - block_rows + 1, block_rows):
        key = (first_row + at).to_bytes(8, "little")
        block = array[at : at + block_rows].tobytes()
        total += int.from_bytes(hashlib.blake2b(block, digest_size=8, key=key).digest(), "little")
    return total


# --- readers: each gets (file, dataset, block_rows, check) --------------------------------------


def read_slices(rows, count, clock, first=0):
    for row in range(first, first + count, clock.block_rows):
        clock.block(rows[row : min(row + clock.block_rows, first + count)], row)


def read_h5py(file, dataset, block_rows, check):
    import h5py
    import hdf5plugin  # noqa: F401, filters for h5py

    clock = Pass(block_rows, check)
    with h5py.File(file, "r") as opened:
        read_slices(opened[dataset], len(opened[dataset]), clock)
    return clock.result()


def read_h5py_part(job):
    """Some rows, in a process that has h5py already."""
    import h5py

    file, dataset, first, count, block_rows, check = job
    clock = Pass(block_rows, check)
    with h5py.File(file, "r") as opened:
        read_slices(opened[dataset], count, clock, first)
    return clock.bytes, clock.sum


def read_h5py_twice(file, dataset, block_rows, check):
    """Half of the blocks in each of two processes, which keep what they read to themselves."""
    import h5py
    import hdf5plugin  # noqa: F401

    clock = Pass(block_rows, check)
    with h5py.File(file, "r") as opened:
        count = len(opened[dataset])
    half = count // block_rows // 2 * block_rows
    jobs = [(file, dataset, first, rows, block_rows, check)
            for first, rows in ((0, half), (half, count - half))]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = pool.map(read_h5py_part, jobs, chunksize=1)
    seconds = time.perf_counter() - clock.start
    return {"mb_per_s": sum(size for size, _ in parts) / 1e6 / seconds,
            "sum": sum(part for _, part in parts) % 2**64}


class HidefixRows:
    def __init__(self, file, dataset):
        import hidefix

        self.dataset = hidefix.Index(file).dataset(dataset)

    def __len__(self):
        return int(self.dataset.shape()[0])

    def __getitem__(self, rows):
        return self.dataset[(rows,)]


def read_hidefix(file, dataset, block_rows, check):
    import hidefix  # noqa: F401

    clock = Pass(block_rows, check)
    rows = HidefixRows(file, dataset)
    read_slices(rows, len(rows), clock)
    return clock.result()


def read_hidefix_whole(file, dataset, block_rows, check):
    """Everything in one slice: hidefix divides a slice among its threads."""
    import hidefix  # noqa: F401

    clock = Pass(block_rows, check)
    rows = HidefixRows(file, dataset)
    clock.block(rows[0 : len(rows)], 0)
    return clock.result()


def read_pytables(file, dataset, block_rows, check):
    import tables

    clock = Pass(block_rows, check)
    with tables.open_file(file, "r") as opened:
        rows = opened.get_node(dataset)
        for row in range(0, len(rows), block_rows):
            clock.block(rows.read(row, min(row + block_rows, len(rows))), row)
    return clock.result()


def read_multitables(file, dataset, block_rows, check, workers):
    import h5py
    import multitables

    with h5py.File(file, "r") as opened:
        blocks = len(opened[dataset]) // block_rows
    clock = Pass(block_rows, check)
    streamer = multitables.Streamer(file)  # its queue closes when it is collected
    queue = streamer.get_queue(dataset, n_procs=workers, block_size=block_rows, ordered=check)
    for number in range(blocks):  # an unordered queue does not end by itself
        with queue.get() as block:
            clock.block(block, number * block_rows)
    print(json.dumps(clock.result()), flush=True)
    queue.close()
    unlink_leaked_memory()
    os._exit(0)  # its threads would keep the process


def unlink_leaked_memory():
    """multitables leaves the shared memory of its stages behind; this process still maps it."""
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if path.startswith("/dev/shm/") and os.path.exists(path):
            os.unlink(path)


def read_h5flume(file, dataset, block_rows, check, program, *options):
    """The program's own figures; its values by way of a file."""
    command = [program, "stream", file, dataset, "--json", "--block-rows", str(block_rows), *options]
    if not check:
        done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        first_bytes = done["bytes"] * block_rows / done["rows"]
        after_first = done["seconds"] - done["first_block_seconds"]
        return {"mb_per_s": done["mb_per_s"],
                "steady_mb_per_s": (done["bytes"] - first_bytes) / 1e6 / after_first,
                "first_block_ms": done["first_block_seconds"] * 1000}
    import numpy as np

    with tempfile.TemporaryDirectory(dir=os.path.dirname(file)) as folder:
        out = os.path.join(folder, "values.npy")
        subprocess.run([*command, "--out", out], check=True, stdout=subprocess.PIPE)
        values = np.load(out, mmap_mode="r")
        return {"sum": checksum(values, 0, block_rows) % 2**64}


def readers(program):
    """Name, function, and what it is given beside the file; the first is what ratios are to."""
    return [
        ("h5py", read_h5py, []),
        ("h5py, 2 processes", read_h5py_twice, []),
        ("hidefix, 2 threads", read_hidefix, []),
        ("hidefix, 2 threads, one slice", read_hidefix_whole, []),
        ("PyTables", read_pytables, []),
        ("multitables, 1 process", read_multitables, [1]),
        ("multitables, 2 processes", read_multitables, [2]),
        ("h5flume, 1 worker", read_h5flume, [program, "--workers", "1"]),
        ("h5flume, 2 workers", read_h5flume, [program, "--workers", "2"]),
        ("h5flume, 2 threads", read_h5flume, [program, "--workers", "2", "--threads"]),
    ]


def reason_to_leave_out(function, name):
    """Where a try would not end, or say nothing new."""
    if function is read_pytables and name != "table_gzip":
        return "h5py stands for it: an array is one H5Dread a block either way"
    if function is read_multitables and name in ("sensor_zstd", "sensor_lz4"):
        return "its HDF5 has no such filter"
    return None


# --- passes -----------------------------------------------------------------------------------


def one_pass(function, *arguments):
    """The reader's result, from a process of its own; or {"why": ...}."""
    job = json.dumps([function.__name__, *arguments])
    try:
        child = subprocess.run(
            [sys.executable, __file__, "--pass", job],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=LONGEST_SECONDS,
            env={**os.environ, "RAYON_NUM_THREADS": "2", "RUST_BACKTRACE": "0"},
        )
    except subprocess.TimeoutExpired:
        return {"why": f"more than {LONGEST_SECONDS} s"}
    try:
        return json.loads(child.stdout)
    except ValueError:
        lines = child.stderr.strip().splitlines()
        return {"why": lines[-1] if lines else f"status {child.returncode}"}


def run_pass(job):
    function, *arguments = json.loads(job)
    try:
        result = globals()[function](*arguments)
    except BaseException as error:  # hidefix throws panics, which are no Exception
        text = str(error).strip().splitlines() or [""]
        result = {"why": f"{type(error).__name__}: {text[0]}"}
    print(json.dumps(result))


def measure_block_size(arguments, name, dataset, block_rows):
    import h5py

    file = str(arguments.folder / f"{name}.h5")
    with h5py.File(file, "r") as opened:
        row_bytes = opened[dataset].nbytes // len(opened[dataset])
    candidates = readers(arguments.h5flume)
    rows = [{"file": name, "block_bytes": block_rows * row_bytes, "reader": reader}
            for reader, _, _ in candidates]
    samples = [[] for _ in rows]
    expected = None
    for repetition in range(arguments.repetitions + 1):
        check = repetition == 0
        for row, passes, (_, function, options) in zip(rows, samples, candidates):
            if "why" in row:
                continue
            why = reason_to_leave_out(function, name)
            done = {"why": why} if why else one_pass(function, file, dataset, block_rows, check, *options)
            if "why" in done:
                row["why"] = done["why"]
            elif not check:
                passes.append(done)
            elif expected is None:
                expected = done["sum"]
            elif done["sum"] != expected:
                row["why"] = "DIFFERENT VALUES from h5py's"
    for row, passes in zip(rows, samples):
        for figure in FIGURES:
            values = [done[figure] for done in passes if figure in done]
            if values and "why" not in row:
                row[figure] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    add_ratios(rows)
    return rows


def add_ratios(rows):
    for figure, ratio in (("mb_per_s", "ratio"), ("steady_mb_per_s", "steady_ratio")):
        for row in rows:
            if figure in row and figure in rows[0]:
                row[ratio] = row[figure]["median"] / rows[0][figure]["median"]


def versions():
    packages = ("h5py", "hdf5plugin", "hidefix", "multitables", "numpy", "tables")
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


# --- output -----------------------------------------------------------------------------------


def print_table(result):
    print("{cores} cores; load {load_before:.2f} before, {load_after:.2f} after; {repetitions} "
          "repetitions, in turns, median (min-max)".format(**result))
    print(", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    print()

    def cell(row, figure, digits=0):
        return spread(row[figure], digits) if figure in row else ""

    table(
        ["file", "block KiB", "reader", "MB/s one pass", "ratio", "MB/s steady", "ratio",
         "first block ms"],
        [[row["file"], row["block_bytes"] // 1024, row["reader"], cell(row, "mb_per_s"),
          show_ratio(row.get("ratio")), cell(row, "steady_mb_per_s"),
          show_ratio(row.get("steady_ratio")), cell(row, "first_block_ms", 1)]
         for row in result["rows"] if "why" not in row],
    )
    reasons = {}
    for row in result["rows"]:
        if "why" in row:
            files = reasons.setdefault((row["reader"], row["why"]), [])
            files += [row["file"]] if row["file"] not in files else []
    for (reader, why), files in reasons.items():
        print(f"- {reader}, not {', '.join(files)}: {why}")


def main():
    names = [name for name, *_ in FILES]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default="/tmp/h5flume-bench",
                        help="where the files of stream_bench are (default: %(default)s)")
    parser.add_argument("--h5flume", default="h5flume", help="the program (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=5,
                        help="after one that does not count (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=names, metavar="FILE",
                        help="one of " + ", ".join(names) + "; may be repeated")
    parser.add_argument("--json", type=pathlib.Path, help="where to write the figures as JSON")
    parser.add_argument("--pass", dest="job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        return run_pass(arguments.job)

    result = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0],
              "repetitions": arguments.repetitions, "versions": versions(), "rows": []}
    for name, dataset, sizes in FILES:
        for block_rows in sizes if name in (arguments.only or names) else ():
            result["rows"] += measure_block_size(arguments, name, dataset, block_rows)
    result["load_after"] = os.getloadavg()[0]
    print_table(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if any("DIFFERENT" in row.get("why", "") for row in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
