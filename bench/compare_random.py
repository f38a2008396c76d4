#!/usr/bin/env python3
"""Serves the same requests at random by h5py, PyTables, multitables and h5flume, in turns.

The files are those of stream_bench, the requests those of random_bench: bench/readers/requests.h
says how they are drawn. h5flume has no Python package yet; random_bench serves for it. Each of the
others has one process for each file, which takes a turn whenever it is told to. Of each result one
byte is touched. The first turn of each reader does not count: it compares the values with h5py's.
A reader that cannot serve some requests gets no figures; why not is said below the table.
Needs the packages of bench/requirements.txt.
"""

import argparse
import collections
import itertools
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time
import zlib

from compare_readers import unlink_leaked_memory, versions
from summary import show_ratio, spread, table

FILES = [  # name, dataset
    ("contiguous", "/values"),
    ("chunked", "/values"),
    ("sensor_gzip", "/sensor"),
    ("images_gzip", "/images"),
    ("table_gzip", "/events"),
    ("small_chunks", "/values"),
]
ROWS = {"row": 1, "slice": 32, "batch": 256, "column": 1024}
FIELD = "v3"
SEED = 5
COMPARED = {"row": 100, "slice": 100, "batch": 2, "column": 100}
MOST = {"row": 20_000, "slice": 20_000, "batch": 200, "column": 20_000}
POOL = 10
FIGURES = ("p50_us", "p99_us", "requests_per_s")
LONGEST_SECONDS = 60


def draw(kind, row_count, seed, count):
    """First rows, or lists of rows: those of bench/readers/requests.h."""
    mask = 2**64 - 1

    def next_number():
        nonlocal seed
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    if kind != "batch":
        return [next_number() % (row_count - ROWS[kind] + 1) for _ in range(count)]
    batches = []
    for _ in range(count):
        batch = {}  # which keeps the order
        while len(batch) < ROWS[kind]:
            batch[next_number() % row_count] = None
        batches.append(list(batch))
    return batches


class Turn:
    """What bench/readers/turn.h is to random_bench."""

    def __init__(self, seconds, sums_up):
        self.sums_up = sums_up
        self.us, self.sum = [], 0
        self.start = self.last = time.perf_counter()
        self.deadline = self.start + seconds

    def served(self, begin, result):
        result.reshape(-1)[0]
        self.last = time.perf_counter()
        if self.sums_up:
            self.sum = (self.sum + zlib.crc32(result.tobytes(), len(self.us))) % 2**64
        self.us.append((self.last - begin) * 1e6)

    def result(self):
        ordered = sorted(self.us)
        at = lambda share: ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        return {"requests": len(ordered), "p50_us": at(0.5),
                "p99_us": at(0.99) if len(ordered) >= 100 else None,
                "requests_per_s": len(ordered) / (self.last - self.start), "sum": self.sum}


# --- readers: each has serve(kind, rows) or take_turn() -----------------------------------------


class OneAtATime:
    def take_turn(self, kind, requests, turn):
        for request in requests:
            if turn.last >= turn.deadline:
                break
            begin = time.perf_counter()
            turn.served(begin, self.serve(kind, request))


class H5py(OneAtATime):
    """A batch: sorted, because h5py takes lists in ascending order only, and put in order again."""

    def __init__(self, file, dataset):
        import h5py

        self.dataset = h5py.File(file, "r")[dataset]
        self.row_count = len(self.dataset)

    def serve(self, kind, request):
        if kind == "batch":
            import numpy as np

            rows = np.array(request)
            order = np.argsort(rows)
            result = np.empty((len(rows), *self.dataset.shape[1:]), self.dataset.dtype)
            result[order] = self.dataset[rows[order]]
            return result
        rows = slice(request, request + ROWS[kind])
        return self.dataset[FIELD, rows] if kind == "column" else self.dataset[rows]


class H5pyRowByRow(H5py):
    """A batch: one read for each row, in ascending order, each straight to its place."""

    def serve(self, kind, request):
        if kind != "batch":
            raise ValueError("it differs from h5py in batches only")
        import numpy as np

        result = np.empty((len(request), *self.dataset.shape[1:]), self.dataset.dtype)
        for at in np.argsort(request):
            result[at] = self.dataset[request[at]]
        return result


class PyTables(OneAtATime):
    """A column: read() with a field takes 200 ms, however few rows it is for, so whole rows."""

    def __init__(self, file, dataset):
        import tables

        self.tables = tables
        self.node = tables.open_file(file, "r").get_node(dataset)
        self.row_count = int(self.node.nrows)

    def serve(self, kind, request):
        if kind == "batch":
            if isinstance(self.node, self.tables.Table):
                return self.node.read_coordinates(request)
            return self.node[(request, ...) if self.node.ndim > 1 else request]
        rows = self.node.read(request, request + ROWS[kind])
        return rows[FIELD] if kind == "column" else rows


class Multitables:
    """Lists of row numbers are errors for arrays and race beyond some 120 numbers for tables, so a
    batch is a request for each of its rows. A column is taken of whole rows, as with PyTables."""

    def __init__(self, file, dataset, processes):
        import multitables

        self.reader = multitables.Reader(file, n_procs=processes)
        self.dataset = self.reader.get_dataset(dataset)
        self.row_count = int(self.dataset.shape[0])
        self.stages = {}

    def request(self, kind, first):
        rows = slice(first, first + ROWS[kind])
        if kind not in self.stages:
            self.stages[kind] = self.make_stage(ROWS[kind])
        return self.reader.request(self.dataset[rows], self.stages[kind])

    def get(self, kind, future):
        return future.get()[FIELD] if kind == "column" else future.get()


class MultitablesStage(Multitables, OneAtATime):
    def __init__(self, file, dataset):
        super().__init__(file, dataset, 1)

    def make_stage(self, rows):
        return self.dataset.create_stage(rows)

    def serve(self, kind, request):
        if kind == "batch":
            import numpy as np

            return np.concatenate([self.request("row", row).get() for row in request])
        return self.get(kind, self.request(kind, request))


class MultitablesPool(Multitables):
    """As many requests under way as the pool has stages; latency is from the request to the data."""

    def __init__(self, file, dataset):
        super().__init__(file, dataset, 2)

    def make_stage(self, rows):
        return self.dataset.create_stage_pool(rows, POOL)

    def take_turn(self, kind, requests, turn):
        if kind == "batch":
            return self.take_turn_of_batches(requests, turn)
        for begin, data in self.results(kind, requests, turn):
            turn.served(begin, data)

    def take_turn_of_batches(self, batches, turn):
        import numpy as np

        for batch in batches:
            if turn.last >= turn.deadline:
                break
            begin = time.perf_counter()
            rows = [data for _, data in self.results("row", batch)]
            turn.served(begin, np.concatenate(rows))

    def results(self, kind, requests, turn=None):
        """When each was asked for and what came, in order, until the turn's time is over."""
        waiting, under_way = iter(requests), collections.deque()
        while turn is None or turn.last < turn.deadline:
            for request in itertools.islice(waiting, POOL - len(under_way)):
                under_way.append((time.perf_counter(), self.request(kind, request)))
            if not under_way:
                return
            begin, future = under_way.popleft()
            yield begin, self.get(kind, future)
        for _, future in under_way:  # a stage comes back only when its data were got
            future.get()


READERS = {  # name: how it is made in a process of its own
    "h5py": H5py,
    "h5py, row by row": H5pyRowByRow,
    "PyTables": PyTables,
    "multitables, one at a time": MultitablesStage,
    f"multitables, pool of {POOL}": MultitablesPool,
}
H5FLUME = {"h5flume, one at a time": "stage", f"h5flume, pool of {POOL}": "pool",
           "h5flume, 2 threads": "threads"}


# --- processes --------------------------------------------------------------------------------


def serve_turns(name, file, dataset):
    """The child: a turn for each line of standard input, a line of JSON for each turn."""
    # multitables writes what goes wrong in its threads to standard output.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    reader = READERS[name](file, dataset)
    requests = {}
    for line in sys.stdin:
        job = json.loads(line)
        kind = job["kind"]
        if kind not in requests:
            requests[kind] = draw(kind, reader.row_count, SEED, MOST[kind])
        turn = Turn(job["seconds"], job["compare"])
        try:
            count = COMPARED[kind] if job["compare"] else None
            reader.take_turn(kind, requests[kind][:count], turn)
            result = turn.result()
        except Exception as error:
            text = str(error).strip().splitlines() or [""]
            result = {"why": f"{type(error).__name__}: {text[0]}"}
        answers.write(json.dumps(result) + "\n")
    for process in multiprocessing.active_children():  # those of multitables would stay
        process.kill()
    unlink_leaked_memory()
    os._exit(0)  # the threads of multitables would keep the process


class PeerProcess:
    """Keeps the file open, as whoever asks for many rows would."""

    def __init__(self, name, file, dataset):
        self.child = subprocess.Popen(
            [sys.executable, __file__, "--serve", json.dumps([name, file, dataset])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def take_turn(self, kind, seconds, compare):
        job = {"kind": kind, "seconds": LONGEST_SECONDS if compare else seconds, "compare": compare}
        try:
            self.child.stdin.write(json.dumps(job) + "\n")
            self.child.stdin.flush()
            return json.loads(self.child.stdout.readline())
        except (OSError, ValueError):
            return {"why": "its process ended"}

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


class H5flumeProcess:
    """A new process for each turn, whose start and opening of the file do not count."""

    def __init__(self, program, way, file, dataset):
        self.command = [program, "serve", file, dataset, "--way", way, "--seed", str(SEED)]

    def take_turn(self, kind, seconds, compare):
        options = (["--count", str(COMPARED[kind]), "--sum"] if compare
                   else ["--count", str(MOST[kind]), "--seconds", str(seconds)])
        done = subprocess.run([*self.command, "--kind", kind, *options], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=LONGEST_SECONDS)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            return {"why": lines[-1] if lines else f"status {done.returncode}"}
        return json.loads(done.stdout)

    def close(self):
        pass


# --- turns ------------------------------------------------------------------------------------


def measure(arguments, name, dataset):
    file = str(arguments.folder / f"{name}.h5")
    readers = {reader: PeerProcess(reader, file, dataset) for reader in READERS}
    readers |= {reader: H5flumeProcess(arguments.random_bench, way, file, dataset)
                for reader, way in H5FLUME.items()}
    rows = []
    for kind in ROWS:
        if kind != "column" or name == "table_gzip":
            rows += measure_kind(arguments, name, kind, readers)
    for reader in readers.values():
        reader.close()
    return rows


def measure_kind(arguments, name, kind, readers):
    rows = [{"file": name, "request": kind, "reader": reader} for reader in readers]
    samples = [[] for _ in rows]
    expected = None
    for repetition in range(arguments.repetitions + 1):
        compare = repetition == 0
        for row, turns in zip(rows, samples):
            if "why" in row:
                continue
            done = readers[row["reader"]].take_turn(kind, arguments.turn_seconds, compare)
            if "why" in done:
                row["why"] = done["why"]
            elif not compare:
                turns.append(done)
            elif expected is None:
                expected = done["sum"]
            elif done["sum"] != expected:
                row["why"] = "DIFFERENT VALUES from h5py's"
    for row, turns in zip(rows, samples):
        for figure in FIGURES:
            values = [done[figure] for done in turns if done[figure] is not None]
            if values and "why" not in row:
                row[figure] = {"median": statistics.median(values), "min": min(values),
                               "max": max(values)}
    add_ratios(rows)
    return rows


def add_ratios(rows):
    """To h5py, in requests a second: in the better of its two ways to read a batch."""
    rate = lambda row: row["requests_per_s"]["median"]
    h5py = [rate(row) for row in rows if row["reader"].startswith("h5py") and "why" not in row]
    for row in rows:
        if "why" not in row and h5py:
            row["ratio"] = rate(row) / max(h5py)


# --- output -----------------------------------------------------------------------------------


def print_table(result):
    print("{cores} cores; load {load_before:.2f} before, {load_after:.2f} after; {repetitions} "
          "repetitions, in turns of {turn_seconds} s, median (min-max)".format(**result))
    print(", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    print()

    def cell(row, figure, digits=0):
        return spread(row[figure], digits) if figure in row else ""

    table(
        ["file", "request", "reader", "p50 us", "p99 us", "requests/s", "ratio"],
        [[row["file"], row["request"], row["reader"], cell(row, "p50_us", 1),
          cell(row, "p99_us"), cell(row, "requests_per_s"), show_ratio(row.get("ratio"))]
         for row in result["rows"] if "why" not in row],
    )
    reasons = {}
    for row in result["rows"]:
        if "why" in row and row["reader"] != "h5py, row by row":
            reasons.setdefault((row["reader"], row["why"]), []).append(
                f"{row['file']} ({row['request']})")
    for (reader, why), places in reasons.items():
        print(f"- {reader}, not {', '.join(places)}: {why}")


def main():
    names = [name for name, _ in FILES]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default="/tmp/h5flume-bench",
                        help="where the files of stream_bench are (default: %(default)s)")
    parser.add_argument("--random-bench", default="random_bench",
                        help="the program (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3,
                        help="after one that does not count (default: %(default)s)")
    parser.add_argument("--turn-seconds", type=float, default=0.1,
                        help="after which no request is begun (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=names, metavar="FILE",
                        help="one of " + ", ".join(names) + "; may be repeated")
    parser.add_argument("--json", type=pathlib.Path, help="where to write the figures as JSON")
    parser.add_argument("--serve", dest="child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return serve_turns(*json.loads(arguments.child))

    result = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0],
              "repetitions": arguments.repetitions, "turn_seconds": arguments.turn_seconds,
              "versions": versions(), "rows": []}
    for name, dataset in FILES:
        if name in (arguments.only or names):
            result["rows"] += measure(arguments, name, dataset)
    result["load_after"] = os.getloadavg()[0]
    print_table(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if any("DIFFERENT" in row.get("why", "") for row in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
