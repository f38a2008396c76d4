#!/usr/bin/env python3
"""Times the id maps of sharedbuffers, to be held against containers_bench with as many entries.

usage: bench/compare_containers.py [--entries N] [--repetitions N] [--folder DIR]

sharedbuffers builds from its source, with setuptools before 66 and Cython before 3:
  pip install "setuptools<66" wheel "cython<3" "numpy<1.24" six
  pip install --no-build-isolation sharedbuffers
Its lookups are called from Python, so that the interpreter's share is in them: the empty loop's time
is taken off.
"""

import argparse
import os
import random
import statistics
import tempfile
import time

from sharedbuffers import mapped_struct


def mix(number):
    """As containers_bench makes keys of numbers."""
    mask = 2**64 - 1
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & mask
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & mask
    return number ^ (number >> 31)


def integer(number):
    return mix(number)


def string(number):
    return b"train/%d.png" % mix(number)


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def lookup_ns(get, keys):
    def look():
        for key in keys:
            get(key)

    def loop():
        for key in keys:
            pass

    return (timed(look) - timed(loop)) / len(keys) * 1e9


def median(unit, times):
    return "{:,.1f} ({:,.1f}-{:,.1f}) {}".format(
        statistics.median(times), min(times), max(times), unit)


def measure(name, mapper, make_key, options):
    chosen = random.Random(1)
    numbers = [chosen.randrange(options.entries) * 2 for _ in range(min(options.entries, 200000))]
    present = [make_key(number) for number in numbers]
    missing = [make_key(number + 1) for number in numbers]
    pairs = [(make_key(2 * i), i) for i in range(options.entries)]
    with tempfile.NamedTemporaryFile(dir=options.folder) as file:
        builds = [timed(lambda: mapper.build(iter(pairs), file, tempdir=options.folder))]
        opens = [timed(lambda: mapper.map_file(file)) * 1e6 for _ in range(options.repetitions)]
        ids = mapper.map_file(file)
        assert all(ids.get(make_key(2 * i)) == i for i in range(0, options.entries, 997))
        hits = [lookup_ns(ids.get, present) for _ in range(options.repetitions)]
        misses = [lookup_ns(ids.get, missing) for _ in range(options.repetitions)]
        bytes_each = os.path.getsize(file.name) / options.entries
    print(f"{name}: build {median('s', builds)}, open {median('us', opens)}, "
          f"hit {median('ns', hits)}, miss {median('ns', misses)}, {bytes_each:.1f} bytes an entry")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=2_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    options = parser.parse_args()
    measure("integers", mapped_struct.NumericIdMapper, integer, options)
    measure("strings", mapped_struct.StringIdMapper, string, options)


if __name__ == "__main__":
    main()
