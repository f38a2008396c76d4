"""h5flume track: what people and scripts do with progress trackers."""

import fcntl
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import termios

import pytest

from processes import wait_until

TASTYPY = pathlib.Path(__file__).parents[1] / "storage" / "persistent" / "tastypy"


@pytest.fixture
def path(h5flume, tmp_path):
    """The tracker that tastypy wrote: one task in each state."""
    path = tmp_path / "run7.tracker"
    h5flume.ok("track", "import", path, TASTYPY / "tracker", "--max-tries", 2)
    return path


def lines(result):
    assert result.status == 0, result
    return [json.loads(line) for line in result.out.splitlines()]


def states(h5flume, path):
    return {
        task["key"]: task["state"] for task in lines(h5flume.run("track", "list", path, "--json"))
    }


def test_status_counts_the_states(h5flume, path):
    assert h5flume.ok("track", "status", path) == {
        "total": 5,
        "todo": 2,
        "leased": 0,
        "done": 1,
        "aborted": 1,
        "exhausted": 1,
        "tries": 4,
        "tried": 3,
        "max_tries": 2,
    }
    people = h5flume.run("track", "status", path).out
    assert "5 tasks, 20.00% done" in people and "todo 2" in people and "at most 2 each" in people


def test_list_chooses_by_state(h5flume, path):
    assert states(h5flume, path) == {
        "todo": "todo",
        "tried": "todo",
        "done": "done",
        "aborted": "aborted",
        "exhausted": "exhausted",
    }
    chosen = lines(
        h5flume.run("track", "list", path, "--json", "--state", "done", "--state", "aborted")
    )
    assert [task["key"] for task in chosen] == ["done", "aborted"]
    assert chosen[0]["value"] == {"url": "http://ü", "size": [1, 2]} and chosen[0]["tries"] == 1
    assert len(lines(h5flume.run("track", "list", path, "--json", "--limit", "1"))) == 1
    assert h5flume.run("track", "list", path).out.startswith('"todo"\ttodo\t0\n')


def test_retry_gives_exhausted_tasks_their_tries_back(h5flume, path):
    assert h5flume.ok("track", "retry", path) == {"retried": 1}
    assert h5flume.ok("track", "status", path)["exhausted"] == 0
    assert states(h5flume, path)["aborted"] == "aborted"
    assert h5flume.ok("track", "retry", path, "--aborted") == {"retried": 1}
    assert h5flume.ok("track", "status", path)["todo"] == 4
    done = h5flume.run("track", "retry", path, "tried", "done", "--json")
    assert done.status == 1 and done.json["error"]["code"] == "conflict"
    assert h5flume.ok("track", "status", path)["tries"] == 2  # nothing has been changed
    assert h5flume.run("track", "retry", path, "tried", "--aborted").status == 2


def test_abort_takes_tasks_out(h5flume, path):
    assert h5flume.ok("track", "abort", path, "todo", "exhausted") == {"aborted": 2}
    assert h5flume.ok("track", "status", path)["aborted"] == 3
    missing = h5flume.run("track", "abort", path, "tried", "nope")
    assert missing.status == 1 and 'no task "nope"' in missing.err
    assert states(h5flume, path)["tried"] == "todo"
    assert h5flume.ok("track", "abort", path, "--all") == {"aborted": 1}
    assert h5flume.ok("track", "status", path)["done"] == 1
    assert h5flume.run("track", "abort", path).status == 2
    assert h5flume.run("track", "abort", path, "todo", "--all").status == 2
    assert h5flume.run("track", "abort", path, "todo", "--nonsense").status == 2


def test_reset_makes_tasks_new(h5flume, path):
    assert h5flume.ok("track", "reset", path, "done") == {"reset": 1}
    task = lines(h5flume.run("track", "list", path, "--json"))[2]
    assert task["state"] == "todo" and task["tries"] == 0 and task["value"]["url"] == "http://ü"
    assert h5flume.run("track", "reset", path).status == 2
    assert h5flume.ok("track", "reset", path, "--all") == {"reset": 5}
    status = h5flume.ok("track", "status", path)
    assert status["todo"] == 5 and status["tries"] == 0


def test_keys_are_json_or_text(h5flume, tmp_path):
    (tmp_path / "in").write_text(
        '{"key":["a",1]}\n{"key":5}\n{"key":"5"}\n{"key":"b,c"}\n{"key":-6}\n'
    )
    path = tmp_path / "tracker"
    assert h5flume.ok("track", "import", path, tmp_path / "in")["imported"] == 5
    assert h5flume.ok("track", "abort", path, '["a",1]', '"5"', "b,c") == {"aborted": 3}
    assert h5flume.ok("track", "abort", path, "-6") == {"aborted": 1}
    assert h5flume.run("track", "reset", path, "--", "b,c", "-6").out == "reset 2 tasks\n"
    left = lines(h5flume.run("track", "list", path, "--json", "--state", "todo"))
    assert [task["key"] for task in left] == [5, "b,c", -6]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.pod/"])
def test_there_and_back(h5flume, path, tmp_path, name):
    assert h5flume.ok("track", "export", path, f"{tmp_path}/{name}")["exported"] == 5
    back = tmp_path / "back.tracker"
    imported = h5flume.ok("track", "import", back, tmp_path / name, "--max-tries", 2)
    assert imported["imported"] == 5 and imported["dropped"] == 0
    listed = [h5flume.run("track", "list", each, "--json").out for each in (path, back)]
    assert listed[0] == listed[1]


def test_what_is_no_tracker_is_refused_by_line(h5flume, tmp_path):
    path = tmp_path / "tracker"
    refused = h5flume.run("track", "import", path, TASTYPY / "dict")
    assert refused.status == 1 and "0.json line 1: it is no task" in refused.err
    salvaged = h5flume.ok("track", "import", path, TASTYPY / "dict", "--salvage")
    assert salvaged == {"source": str(TASTYPY / "dict"), "imported": 0, "dropped": 14}
    assert h5flume.run("track", "status", tmp_path / "missing").status == 1


def test_watch_ends_when_nothing_is_left(h5flume, path):
    watching = h5flume.start(
        "track", "watch", path, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    h5flume.ok("track", "abort", path, "--all")
    out, err = watching.communicate(timeout=60)
    assert watching.returncode == 0 and err == ""
    assert json.loads(out)["aborted"] == 4


def test_watch_draws_a_bar_and_ends_on_a_signal(h5flume, path):
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    watching = h5flume.start("track", "watch", path, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    drawn = os.read(screen, 4096).decode()
    assert " 20% " in drawn and "0 at work, 1 failed, 1 aborted" in drawn
    watching.send_signal(signal.SIGINT)
    assert wait_until(lambda: watching.poll() is not None)
    watching.stdout.close()
    os.close(screen)
    assert watching.returncode == 130


@pytest.mark.parametrize(
    "command", ["status", "list", "watch", "retry", "abort", "reset", "export", "import"]
)
def test_every_command_has_help_with_an_example(h5flume, command):
    result = h5flume.run("track", command, "--help")
    assert result.status == 0 and "Example" in result.out
