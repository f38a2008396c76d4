"""Files that others made: the good ones are read or refused with a reason, the bad ones do no harm."""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import h5py
import hdf5plugin  # for h5py: more filters
import numpy as np
import pytest

from oracle import elements, is_variable_length, same_values, sha256_of_elements
from processes import children_of

LONGEST_SECONDS = 10
LARGEST_BYTES = 1 << 30
MOST_DATASETS = 60
REASONS = ("unsupported", "missing_filter", "refused", "not_found")
CORPUS = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


def files_in(folder):
    if not (CORPUS / folder).is_dir():
        return []
    return sorted(path for path in (CORPUS / folder).iterdir() if path.is_file())


# --- good -------------------------------------------------------------------------------------


def datasets_of(file):
    """Paths of the datasets of a file, each object once."""
    paths = []

    def visit(path, thing):
        if isinstance(thing, h5py.Dataset):
            paths.append("/" + path)

    file.visititems(visit)
    return paths


def h5py_value(dataset):
    """The values as h5py reads them; nothing where it cannot."""
    try:
        return elements(dataset) if is_variable_length(dataset) else dataset[()]
    except (OSError, TypeError, ValueError, MemoryError):
        return None


def compare(h5flume, file, path, dataset, out):
    """Fails unless both read the same values, or h5flume says why it does not."""
    variable = is_variable_length(file[dataset])
    result = h5flume.run("stream", path, dataset, *(["--digest"] if variable else ["--out", out]), "--json")
    if result.status != 0:
        assert result.status == 1, result
        error = result.json["error"]
        assert error["code"] in REASONS, result
        assert not variable or not file[dataset].shape, result  # only a scalar is refused
        assert dataset in error["message"] and path.name in error["message"], result
        print(error["message"])
        return
    theirs = h5py_value(file[dataset])
    if theirs is None:
        return
    if variable:
        assert result.json["sha256"] == sha256_of_elements(theirs), dataset
    else:
        assert same_values(np.load(out), theirs), dataset


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


@dataclasses.dataclass
class Ending:
    status: int
    seconds: float
    largest_bytes: int
    out: str
    err: str


def run_measured(program, *arguments):
    """Runs it and measures the process itself, without its children."""
    text = {"mode": "w+", "errors": "replace"}
    with tempfile.TemporaryFile(**text) as out, tempfile.TemporaryFile(**text) as err:
        start = time.monotonic()
        process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watchdog = threading.Timer(3 * LONGEST_SECONDS, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        out.seek(0), err.seek(0)
        return Ending(process.returncode, seconds, usage.ru_maxrss * 1024, out.read(), err.read())


def harm_done(arguments, ending):
    """What is wrong with the way a run ended, in words."""
    harm = []
    if ending.status not in (0, 1):
        harm.append(f"status {ending.status}")
    if ending.status == 1 and "h5flume: " not in ending.err:  # workers may complain before
        harm.append("no message")
    if ending.seconds > LONGEST_SECONDS:
        harm.append(f"{ending.seconds:.1f} s")
    if ending.largest_bytes > LARGEST_BYTES:
        harm.append(f"{ending.largest_bytes >> 20} MiB")
    return [f"{' '.join(arguments)}: {', '.join(harm)}\n{ending.err[-500:]}"] if harm else []


def harm_of_file(program, path):
    arguments = ["inspect", str(path), "--json"]
    ending = run_measured(program, *arguments)
    harm = harm_done(arguments, ending)
    if ending.status != 0:
        return harm
    arguments = ["verify", str(path), "--json"]
    harm += harm_done(arguments, run_measured(program, *arguments))
    for dataset in json.loads(ending.out)["datasets"]:
        arguments = ["stream", str(path), dataset["path"], "--json"]
        harm += harm_done(arguments, run_measured(program, *arguments))
    return harm


def test_bad_files_do_no_harm(h5flume):
    files = files_in("bad")
    if not files:
        pytest.skip("no corpus beside the repository")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        harm = sum(pool.map(lambda path: harm_of_file(h5flume.path, path), files), [])
    assert not harm, "\n".join(harm)
    assert children_of(os.getpid()) == []
