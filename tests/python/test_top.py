"""h5flume top: live statistics of the streams of a machine."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import threading

import pytest

from processes import children_of, wait_until
from published import Streaming, lines_of, shared_folder, start_piped


@pytest.fixture
def folder():
    with shared_folder() as path:
        yield path


def look(h5flume, folder):
    return h5flume.ok("top", "--once", "--folder", folder)["programs"]


# --- what it shows ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", [["--threads"], ["--no-direct"], []])
def test_a_stream_shows_with_the_right_numbers(h5flume, images, folder, way):
    with Streaming(h5flume, images, folder, "--workers", 2, *way, "--block-rows", 100) as streaming:
        assert wait_until(lambda: streaming.streams[0]["blocks"] > 10)
        program = look(h5flume, folder)[0]
        assert program["pid"] == streaming.pid and program["alive"]
        assert program["program"] == "h5flume"
        (stream,) = program["streams"]
        assert (stream["file"], stream["dataset"]) == (images, "/images")
        assert stream["cyclic"] and not stream["finished"]
        assert (stream["pass_rows"], stream["pass_blocks"]) == (1000, 10)
        assert stream["rows"] == 100 * stream["blocks"]
        assert stream["bytes"] == stream["rows"] * 64 * 64 * 3
        taken = stream["pass"] * 10 + stream["pass_done"] * 10
        # A block is taken before it is counted.
        assert stream["blocks"] <= round(taken) <= stream["blocks"] + 1
        seconds = stream["interval_seconds"]
        assert seconds == pytest.approx(program["updated"] - stream["since"], abs=1e-3)
        assert stream["mb_per_s"] == pytest.approx(stream["bytes"] / 1e6 / seconds)
        assert stream["worker_restarts"] == 0 and stream["skipped_blocks"] == 0
        workers = stream["workers"]
        assert [worker["number"] for worker in workers] == [0, 1]
        assert sum(worker["blocks"] for worker in workers) >= stream["blocks"]
        pids = {worker["pid"] for worker in workers}
        assert pids == ({None} if way == ["--threads"] else set(children_of(streaming.pid)))
        slots = [stream[f"{state}_slots"] for state in ("free", "filling", "readable", "held")]
        assert sum(slots) == 5

        table = h5flume.run("top", "--once", "--folder", folder)
        assert table.status == 0 and table.err == ""
        header, line, *below = table.out.splitlines()
        assert header.split()[:3] == ["PID", "MB/S", "ROWS/S"]
        assert line.startswith(str(streaming.pid)) and line.endswith(f"{images}:/images")
        assert len(below) == 2 and below[0].startswith("  worker 0")


def test_a_stream_that_ends_disappears(h5flume, images, folder):
    with Streaming(h5flume, images, folder) as streaming:
        streaming.process.send_signal(signal.SIGINT)
        assert streaming.process.wait(10) == 130
    assert look(h5flume, folder) == [] and os.listdir(folder) == []


def test_a_stream_is_published_only_if_it_is_asked_to(h5flume, images, folder):
    environment = {**os.environ, "H5FLUME_STATISTICS": "0"}
    arguments = ["stream", images, "/images", "--cyclic", "--blocks", 10_000_000, "--quiet"]
    process = h5flume.start(*arguments, env=environment)
    assert wait_until(lambda: children_of(process.pid))
    everywhere = h5flume.ok("top", "--once")["programs"]
    assert all(program["pid"] != process.pid for program in everywhere)
    process.kill()
    process.wait()


def test_a_flag_asks_for_it_too(h5flume, images):
    arguments = ["--cyclic", "--blocks", 10_000_000, "--quiet", "--statistics"]
    process = h5flume.start("stream", images, "/images", *arguments)

    def is_there():
        programs = h5flume.ok("top", "--once")["programs"]
        return any(program["pid"] == process.pid for program in programs)

    assert wait_until(is_there)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert not is_there()


def test_a_killed_worker_is_counted(h5flume, images, folder):
    with Streaming(h5flume, images, folder, "--workers", 2) as streaming:
        (worker,) = children_of(streaming.pid)
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: streaming.streams[0]["worker_restarts"] == 1)
        assert wait_until(lambda: len(streaming.streams[0]["workers"]) == 2)
        before = streaming.streams[0]["blocks"]
        assert wait_until(lambda: streaming.streams[0]["blocks"] > before)


def test_a_killed_program_is_shown_as_dead_until_it_is_cleaned_away(h5flume, images, folder):
    with Streaming(h5flume, images, folder) as streaming:
        pass
    (dead,) = look(h5flume, folder)
    assert dead["pid"] == streaming.pid and not dead["alive"] and dead["streams"] == []
    said = h5flume.run("top", "--once", "--folder", folder).out
    assert f"pid {streaming.pid}" in said and f"shared clean --folder {folder}" in said
    assert len(h5flume.ok("shared", "clean", "--folder", folder)["removed"]) == 2
    assert look(h5flume, folder) == []


def test_where_nothing_is_published_it_says_how_to(h5flume, folder):
    result = h5flume.run("top", "--once", "--folder", folder)
    assert result.status == 0
    for way in ("H5FLUME_STATISTICS=1", "publish_statistics", "--statistics"):
        assert way in result.out
    assert h5flume.run("top", "--once", "--folder", "/nowhere").status == 1
    assert h5flume.run("top", "--interval", "0").status == 2
    assert "Example" in h5flume.run("top", "--help").out


def test_lines_follow_each_other_where_there_is_no_terminal(h5flume, images, folder):
    with Streaming(h5flume, images, folder) as streaming:
        arguments = ["top", "--interval", 0.3, "--json", "--folder", folder]
        process = start_piped(h5flume, *arguments)
        looks = [line["programs"][0]["streams"][0] for line in lines_of(process, 3)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130
    for before, after in zip(looks, looks[1:]):
        seconds = after["interval_seconds"]
        assert seconds > 0 and after["rows"] > before["rows"]
        assert after["rows_per_s"] == pytest.approx((after["rows"] - before["rows"]) / seconds)


def can_mount():
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    return shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="mounting a full /dev/shm needs root")
def test_a_full_dev_shm_harms_no_stream(h5flume, images):
    script = """mount -t tmpfs -o size=16k tmpfs /dev/shm
head -c 1000000 /dev/zero >/dev/shm/filler 2>/dev/null
exec "$@" """
    stream = [h5flume.path, "stream", images, "/images", "--digest", "--json", "--statistics"]
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *stream],
        capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["sha256"] == h5flume.digest(images, "/images")


# --- on a terminal ----------------------------------------------------------------------------


SIZE = (20, 80)  # rows, columns


class Terminal:
    """`h5flume top` with a terminal of its own, on which everything it sends is kept."""

    def __init__(self, h5flume, folder):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", *SIZE, 0, 0))
            os.environ["TERM"] = "xterm"
            arguments = ["top", "--interval", "0.2", "--folder", folder]
            os.execv(h5flume.path, [h5flume.path, *arguments])
        self.sent = b""
        self.reader = threading.Thread(target=self.read_to_end)
        self.reader.start()

    def read_to_end(self):
        try:
            while piece := os.read(self.descriptor, 4096):
                self.sent += piece
        except OSError:
            pass

    def modes(self):
        return termios.tcgetattr(self.descriptor)[3]

    def press(self, key):
        os.write(self.descriptor, key)

    def end(self):
        """Its exit status, once it has ended."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.reader.join(10)
        os.close(self.descriptor)
        return status


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_on_a_terminal_it_is_drawn_in_place_and_leaves_nothing(h5flume, images, folder, key):
    with Streaming(h5flume, images, folder) as streaming:
        terminal = Terminal(h5flume, folder)
        before = terminal.modes()
        assert wait_until(lambda: terminal.sent.count(b"\x1b[H") >= 3)  # to the top again
        assert not terminal.modes() & termios.ECHO
        terminal.press(b"x")  # no key of ours
        terminal.press(key)
        assert terminal.end() == 0
        assert before & termios.ECHO
    sent = terminal.sent
    assert sent.startswith(b"\x1b[?1049h") and sent.endswith(b"\x1b[?25h\x1b[?1049l")
    assert str(streaming.pid).encode() in sent and b"MB/S" in sent and b"worker 0" in sent
    assert b":/images\x1b[K" in sent  # the end of a name is what tells it
    for frame in sent.removesuffix(b"\x1b[?25h\x1b[?1049l").split(b"\x1b[H")[1:]:
        lines = re.sub(rb"\x1b\[\??[0-9]*[A-Za-z]", b"", frame).split(b"\r\n")
        assert len(lines) <= SIZE[0] and all(len(line) <= SIZE[1] for line in lines)


def test_a_terminal_is_given_back_as_it_was(h5flume, folder):
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    process = h5flume.start(
        "top", "--folder", folder, stdin=theirs, stdout=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    assert wait_until(lambda: termios.tcgetattr(theirs)[3] != modes[3])
    os.write(ours, b"q")
    assert process.wait(10) == 0
    assert termios.tcgetattr(theirs) == modes
    os.close(ours)
    os.close(theirs)
