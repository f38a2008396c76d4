"""Good files with random damage do no harm, and are read alike either way where they can be read.

H5FLUME_TEST_SEED begins with that mutation, H5FLUME_TEST_SECONDS says how long to go on.
"""

import concurrent.futures
import itertools
import os
import random
import time

import hdf5plugin
import pytest

from corpus import files_in
from harm import harm_of_file, orphans_are_ours
from mutations import make_originals, mutate, original_of
from seeds import choose_seed

# Did harm once: an index of chunks that libhdf5 follows for ever, taking memory as it goes; a string
# that says it has 4 GiB.
ONCE_HARMFUL = [380768811, 4205231881]
LARGEST_OF_CORPUS = 9000
MOST_DATASETS = 3
LARGEST_DATASET = 64 << 20


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    made = make_originals(str(tmp_path_factory.mktemp("originals")))
    found = [path for path in files_in("good") if path.stat().st_size < LARGEST_OF_CORPUS]
    return made + [original_of(str(path)) for path in found]


def harm_of_mutation(program, folder, originals, seed):
    """Nothing, or what a mutation does; its file is then left for a closer look."""
    chooser = random.Random(seed)
    original = chooser.choice(originals)
    path = folder / f"{seed}_{original.name}"
    path.write_bytes(mutate(original, chooser))
    harm = harm_of_file(program, path, MOST_DATASETS, LARGEST_DATASET)
    if not harm:
        path.unlink()
    return [f"H5FLUME_TEST_SEED={seed} {text}" for text in harm]


def test_damaged_files_do_no_harm(h5flume, originals, tmp_path, monkeypatch):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
    seed = choose_seed()
    end = time.monotonic() + float(os.environ.get("H5FLUME_TEST_SECONDS", 30))
    numbers = itertools.chain(ONCE_HARMFUL, itertools.count(seed))

    def run():
        harm = harm_of_mutation(h5flume.path, tmp_path, originals, next(numbers))
        while time.monotonic() < end:
            harm += harm_of_mutation(h5flume.path, tmp_path, originals, next(numbers))
        return harm

    with orphans_are_ours(), concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run) for _ in range(2)]
        harm = sum((run.result() for run in runs), [])
    print(f"{next(numbers) - seed + len(ONCE_HARMFUL)} mutations")
    assert not harm, "\n".join(harm)
