"""The program on a terminal, and when it is told to stop."""

import json
import os
import pty
import signal
import subprocess
import threading

import h5py
import pytest

from oracle import sha256
from processes import children_of, is_alive, wait_until

# --- progress bar -----------------------------------------------------------------------------


def run_on_terminal(h5flume, *arguments):
    """Runs it with standard error on a terminal; gives what the terminal was sent."""
    ours, theirs = pty.openpty()
    process = h5flume.start(*arguments, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    sent = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # nobody holds the other end any more
            break
        if not piece:
            break
        sent += piece
    os.close(ours)
    assert process.wait(30) == 0
    return sent.decode()


def test_a_progress_bar_shows_on_a_terminal_and_is_wiped(h5flume, images, tmp_path):
    ten_times = f"[{list(range(1000)) * 10}]"
    for arguments in (
        ["stream", images, "/images"],
        ["slice", images, "/images", ten_times, "--out", tmp_path / "x.npy"],
        ["sample", tmp_path / "x.h5", "--rows", 2000],
    ):
        sent = run_on_terminal(h5flume, *arguments)
        assert "%" in sent and "/s" in sent and "left" in sent, arguments
        assert sent.endswith("\r\x1b[K")


def test_a_progress_bar_shows_nowhere_else(h5flume, images):
    for command in ("stream", "slice"):
        assert h5flume.run(command, images, "/images", "--json").err == ""
        assert run_on_terminal(h5flume, command, images, "/images", "--json", "--quiet") == ""


# --- Ctrl-C -----------------------------------------------------------------------------------


# Two worker processes, or one with two threads.
WAYS = ["--no-direct", "--ordered"]


def endless(images, out=None, way="--ordered"):
    """A stream that takes hours."""
    arguments = ["stream", images, "/images", "--cyclic", "--blocks", 100_000, "--workers", 2, way]
    return arguments + (["--out", out] if out else [])


def has_all_workers(pid, way="--ordered"):
    return len(children_of(pid)) == (2 if way == "--no-direct" else 1)


def start_streaming(h5flume, arguments):
    process = h5flume.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    way = "--no-direct" if "--no-direct" in arguments else "--ordered"
    assert wait_until(lambda: has_all_workers(process.pid, way))
    return process, children_of(process.pid)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_stream_and_leaves_nothing(h5flume, images, tmp_path, number, way):
    out = tmp_path / "out.npy"
    process, workers = start_streaming(h5flume, endless(images, out, way))
    assert wait_until(lambda: os.listdir(tmp_path))
    process.send_signal(number)
    message = process.communicate(timeout=10)[1]
    assert process.returncode == 128 + number
    assert message == "h5flume: interrupted\n"
    assert os.listdir(tmp_path) == []
    assert not any(is_alive(worker) for worker in workers)


def test_ctrl_c_on_the_terminal_stops_a_stream(h5flume, images):
    pid, terminal = pty.fork()  # the child leads a session of its own, whose terminal this is
    if pid == 0:
        os.execv(h5flume.path, [h5flume.path, *map(str, endless(images))])
    assert wait_until(lambda: has_all_workers(pid))
    workers = children_of(pid)
    reader = threading.Thread(target=read_to_end, args=(terminal,))
    reader.start()  # a terminal that is not read from stops its writers
    os.write(terminal, b"\x03")
    status = os.waitpid(pid, 0)[1]
    reader.join(10)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert wait_until(lambda: not any(is_alive(worker) for worker in workers))


def read_to_end(descriptor):
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass


def test_a_signal_stops_a_stream_on_threads(h5flume, images):
    process = h5flume.start(*endless(images), "--threads", stderr=subprocess.PIPE)
    assert wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) >= 4)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "h5flume: interrupted\n"
    assert process.returncode == 130


def test_a_signal_stops_a_sample_and_removes_the_half_of_it(h5flume, tmp_path):
    path = tmp_path / "sample.h5"
    process = h5flume.start("sample", path, "--rows", 10_000_000, stderr=subprocess.PIPE)
    assert wait_until(path.exists)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == "h5flume: interrupted\n"
    assert process.returncode == 130
    assert os.listdir(tmp_path) == []


def test_an_interrupted_run_says_so_in_json(h5flume, images, tmp_path):
    process, _ = start_streaming(h5flume, [*endless(images, tmp_path / "out.npy"), "--json"])
    assert wait_until(lambda: os.listdir(tmp_path))
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=10)[0]
    assert json.loads(out)["error"]["code"] == "interrupted"


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_program_leaves_no_worker(h5flume, images, way):
    process, workers = start_streaming(h5flume, endless(images, way=way))
    process.kill()
    process.communicate(timeout=10)
    assert wait_until(lambda: not any(is_alive(worker) for worker in workers))


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_worker_costs_neither_the_stream_nor_a_row(h5flume, tmp_path, way):
    path = tmp_path / "sensor.h5"
    h5flume.ok("sample", path, "--kind", "sensor", "--rows", 40_000)
    with h5py.File(path) as file:
        expected = sha256(file["/sensor"][()])
    arguments = ["stream", path, "/sensor", "--workers", 2, "--digest", "--json", way]
    process, workers = start_streaming(h5flume, arguments)
    os.kill(workers[0], signal.SIGKILL)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert json.loads(out)["sha256"] == expected
    assert json.loads(out)["worker_restarts"] >= 1
