"""What a file can do to the program: crash it, hang it, fill memory, leave something behind."""

import contextlib
import ctypes
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

from processes import children_of, wait_until

LONGEST_SECONDS = 10
LARGEST_BYTES = 1 << 30
# libhdf5 1.10 reads a heap of variable-length values for ever where an object says it has no bytes.
STREAM = ["stream", "--timeout", "5"]


@dataclasses.dataclass
class Ending:
    status: int
    seconds: float
    largest_bytes: int
    out: str
    err: str


def run_measured(program, *arguments):
    """Runs it and measures the process, or the largest of the children that it has waited for.

    To the kernel a child begins as large as its parent: `largest_bytes` is never less than the
    memory that these tests have taken themselves. See peak_memory().
    """
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


PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak_memory(program, *arguments):
    """The bytes that a run which succeeds takes at most, measured by a small process."""
    small = [sys.executable, "-I", "-S", "-c", PEAK_MEMORY]
    return int(subprocess.run([*small, program, *arguments], check=True, capture_output=True).stdout)


def json_of(ending):
    """The JSON object of a run; nothing if it wrote something else."""
    try:
        return json.loads(ending.out)
    except ValueError:
        return None


def harm_done(path, arguments, ending):
    """What is wrong with the way a run over a file ended, in words."""
    harm = []
    output = json_of(ending)
    if ending.status not in (0, 1):
        harm.append(f"status {ending.status}")
    elif output is None:
        harm.append("no JSON")
    elif output.get("differing"):  # status 1 without a message
        harm += [f"differs: {entry}" for entry in output["differing"] if not is_stricter(entry)]
    elif ending.status == 1 and "h5flume: " not in ending.err:  # workers may complain before
        harm.append("no message")
    elif ending.status == 1 and os.path.basename(path) not in ending.err:
        harm.append("a message that does not name the file")
    if ending.seconds > LONGEST_SECONDS:
        harm.append(f"{ending.seconds:.1f} s")
    if ending.largest_bytes > LARGEST_BYTES:
        harm.append(f"{ending.largest_bytes >> 20} MiB")
    return [f"{' '.join(arguments)}: {', '.join(harm)}\n{ending.err[-500:]}"] if harm else []


def is_stricter(difference):
    """An error of ours where libhdf5 takes damage for good: it does not ask what its szip and zstd
    make of a chunk, nor whether an unfiltered one is stored in as many bytes as it has."""
    return difference["difference"].startswith("direct reading fails where libhdf5 does not")


def run_harmlessly(program, command, path, *dataset):
    """The JSON object of a run, or nothing if it failed; and the harm that it did."""
    arguments = [*command, path, *dataset, "--json"]
    ending = run_measured(program, *arguments)
    return json_of(ending) if ending.status == 0 else None, harm_done(path, arguments, ending)


def harm_of_file(program, path, most_datasets=None, largest_dataset=None):
    """What is wrong with the ways `inspect`, `verify` and `stream` end, as a list of texts.

    A dataset is as large as its file says, however little is stored: reading one of a petabyte
    takes its time, and that is no harm.
    """
    path = str(path)
    inspected, harm = run_harmlessly(program, ["inspect"], path)
    datasets = inspected["datasets"][:most_datasets] if inspected else []
    if largest_dataset is None and inspected:
        harm += run_harmlessly(program, ["verify"], path)[1]
    for dataset in datasets:
        if largest_dataset is None:
            harm += run_harmlessly(program, STREAM, path, dataset["path"])[1]
        elif (dataset.get("decoded_bytes") or 0) <= largest_dataset:
            for command in (["verify"], STREAM):
                harm += run_harmlessly(program, command, path, dataset["path"])[1]
    return harm


@contextlib.contextmanager
def orphans_are_ours():
    """Workers that outlive their program become children of this process; fails if there are any."""
    set_child_subreaper = 36
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(set_child_subreaper, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    shared_before = shared_memory()
    try:
        yield
    finally:
        libc.prctl(set_child_subreaper, 0, 0, 0, 0)
    # A worker ends at its program's death, which it need not have noticed yet.
    assert wait_until(lambda: children_of(os.getpid()) == [], 5), children_of(os.getpid())
    reap_children()
    left = shared_memory() - shared_before
    assert not left, left


def shared_memory():
    """Names of the program's segments; other tests have theirs in folders of their own."""
    return {entry.name for entry in os.scandir("/dev/shm") if "h5flume" in entry.name and entry.is_file()}


def reap_children():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
