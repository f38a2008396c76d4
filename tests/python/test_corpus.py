"""Files that others made: the good ones are read or refused with a reason, the bad ones do no harm."""

import concurrent.futures

import h5py
import hdf5plugin  # for h5py: more filters
import numpy as np
import pytest

from corpus import files_in
from harm import LARGEST_BYTES, harm_of_file, orphans_are_ours
from oracle import same_values

MOST_DATASETS = 60
REASONS = ("unsupported", "missing_filter", "refused", "not_found")


# --- good -------------------------------------------------------------------------------------


def datasets_of(file):
    """Paths of the datasets of a file, each object once."""
    paths = []

    def visit(path, thing):
        if isinstance(thing, h5py.Dataset):
            paths.append("/" + path)

    file.visititems(visit)
    return paths


def h5py_value(file, path):
    """The values as h5py reads them; nothing where it cannot."""
    try:
        return file[path][()]
    except (OSError, TypeError, ValueError, MemoryError):
        return None


def compare(h5flume, file, path, dataset, out):
    """Fails unless both read the same values, or h5flume says why it does not."""
    result = h5flume.run("stream", path, dataset, "--out", out, "--json")
    if result.status != 0:
        assert result.status == 1, result
        error = result.json["error"]
        assert error["code"] in REASONS, result
        assert dataset in error["message"] and path.name in error["message"], result
        print(error["message"])
        return
    theirs = h5py_value(file, dataset)
    assert theirs is None or same_values(np.load(out), theirs), dataset


@pytest.mark.parametrize("path", files_in("good"), ids=lambda path: path.name)
def test_a_good_file_is_read_as_h5py_reads_it_or_refused_with_a_reason(h5flume, path, tmp_path):
    try:
        file = h5py.File(path)
    except OSError as reason:
        pytest.skip(f"h5py cannot open it: {reason}")
    with file, concurrent.futures.ThreadPoolExecutor(2) as pool:
        # Left out: sparse ones, too large to hold, and most of a thousand that are alike.
        datasets = [name for name in datasets_of(file) if file[name].nbytes <= LARGEST_BYTES]
        datasets = datasets[:: 1 + len(datasets) // MOST_DATASETS]
        runs = [
            pool.submit(compare, h5flume, file, path, dataset, tmp_path / f"{index}.npy")
            for index, dataset in enumerate(datasets)
        ]
        for run in runs:
            run.result()


@pytest.mark.parametrize("path", files_in("good"), ids=lambda path: path.name)
def test_a_good_file_is_read_directly_as_libhdf5_reads_it(h5flume, path):
    try:
        h5py.File(path).close()
    except OSError as reason:
        pytest.skip(f"h5py cannot open it: {reason}")
    assert h5flume.ok("verify", path)["differing"] == []


# --- bad --------------------------------------------------------------------------------------


def test_bad_files_do_no_harm(h5flume):
    files = files_in("bad")
    if not files:
        pytest.skip("no corpus beside the repository")
    with orphans_are_ours(), concurrent.futures.ThreadPoolExecutor(2) as pool:
        harm = sum(pool.map(lambda path: harm_of_file(h5flume.path, path), files), [])
    assert not harm, "\n".join(harm)
