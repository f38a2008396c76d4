"""`h5flume job`: commands for the pieces of a dataset, what becomes of them, and what is left of it."""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from processes import children_of, is_alive, wait_until
from test_terminal_and_signals import read_to_end, run_on_terminal

ROWS = 2000
PIECE_ROWS = 40
PIECES = ROWS // PIECE_ROWS


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A gzip'd dataset of 2000 x 64 int32 in chunks of 20 rows."""
    path = str(tmp_path_factory.mktemp("job") / "numbers.h5")
    values = np.random.default_rng(7).integers(-1000, 1000, (ROWS, 64), np.int32)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(20, 64), compression="gzip", shuffle=True)
    return path


def values_of(path, dataset="x"):
    with h5py.File(path) as file:
        return file[dataset][()]


def python(script):
    """A command that runs some lines of Python, with `piece` the array on its standard input."""
    reading = "import os, sys, json\n"
    if "piece" in script:
        reading += "import io, numpy as np\npiece = np.load(io.BytesIO(sys.stdin.buffer.read()))\n"
    return [sys.executable, "-c", reading + script]


def shell(script):
    return ["/bin/sh", "-c", script]


def job(path, tracker, *options, command, dataset="x"):
    return ["job", path, dataset, "--tracker", tracker, *options, "--", *command]


def tasks_of(h5flume, tracker):
    """The tasks of a tracker by their first row, without the record of the job."""
    listed = h5flume.run("track", "list", tracker, "--json")
    assert listed.status == 0, listed
    tasks = [json.loads(line) for line in listed.out.splitlines()]
    return {task["key"][1]: task for task in tasks if task["key"] != "job"}


# --- what a command gets, and what becomes of what it says -----------------------------------------


def test_rows_come_back_as_they_went(h5flume, numbers, tmp_path):
    out = tmp_path / "out.h5"
    for form in ("npy", "raw"):
        options = ("--out", f"{out}:/a/{form}", "--format", form, "--workers", 2, "--json")
        result = h5flume.run(*job(numbers, tmp_path / form, *options, command=["cat"]))
        assert result.status == 0, result
        summary = result.json
        assert (summary["pieces"], summary["done"], summary["done_before"]) == (1, 1, 0)
        assert (summary["rows"], summary["bytes"]) == (ROWS, ROWS * 64 * 4)
        assert np.array_equal(values_of(out, f"a/{form}"), values_of(numbers))
        out.unlink()


def samples_of_types():
    random_bytes = np.random.default_rng(3).bytes
    event = np.dtype(
        {"names": ["id", "at", "name"], "formats": ["<i8", ("<f4", (2,)), "S5"],
         "offsets": [0, 8, 17], "itemsize": 24}
    )
    for dtype in ("u1", "<i2", "<u8", "<f2", "<f8", "?", "S7", "<c8", ">i4", ">f8", event):
        dtype = np.dtype(dtype)
        values = np.frombuffer(random_bytes(50 * 3 * dtype.itemsize), dtype).reshape(50, 3)
        if dtype.kind == "b":
            values = np.frombuffer(random_bytes(150), "u1").reshape(50, 3) % 2 == 1
        yield dtype, values


def test_rows_of_any_type_come_back_as_they_went(h5flume, tmp_path):
    for number, (dtype, values) in enumerate(samples_of_types()):
        path, out = tmp_path / f"{number}.h5", tmp_path / f"out{number}.h5"
        with h5py.File(path, "w") as file:
            file["x"] = values
        arguments = ("--piece-rows", 7, "--out", out)
        result = h5flume.run(*job(path, tmp_path / f"t{number}", *arguments, command=["cat"]))
        assert result.status == 0, (dtype, result)
        native, given = values_of(out, "result"), values_of(path)
        assert native.dtype.newbyteorder("=") == native.dtype
        for name in dtype.names or [None]:
            ours, theirs = (native, given) if name is None else (native[name], given[name])
            assert ours.astype(theirs.dtype).tobytes() == theirs.tobytes(), dtype


def test_a_command_makes_rows_of_its_own(h5flume, numbers, tmp_path):
    script = "np.save(sys.stdout.buffer, piece.mean(axis=1, keepdims=True))"
    out = tmp_path / "out.h5"
    arguments = ("--piece-rows", 500, "--out", out)
    result = h5flume.run(*job(numbers, tmp_path / "t", *arguments, command=python(script)))
    assert result.status == 0, result
    expected = values_of(numbers).mean(axis=1, keepdims=True)
    assert np.array_equal(values_of(out, "result"), expected)


def test_a_command_knows_which_piece_it_has(h5flume, numbers, tmp_path):
    names = "FILE DATASET FIRST_ROW ROWS TOTAL_ROWS SHAPE DTYPE PIECE PIECES TRY".split()
    script = f"print(json.dumps({{n: os.environ['H5FLUME_' + n] for n in {names}}}))"
    arguments = job(numbers, tmp_path / "t", "--piece-rows", 900, command=python(script))
    assert h5flume.run(*arguments).status == 0
    assert tasks_of(h5flume, tmp_path / "t")[1800]["result"] == {
        "FILE": numbers, "DATASET": "/x", "FIRST_ROW": "1800", "ROWS": "200", "TOTAL_ROWS": "2000",
        "SHAPE": "200,64", "DTYPE": "<i4", "PIECE": "2", "PIECES": "3", "TRY": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "script, result",
    [
        ("true", None),
        ("echo ' {\"b\": [1, 2.5], \"a\": null} '", {"b": [1, 2.5], "a": None}),
        ("echo 17", 17),
        ("echo some words; echo more", "some words\nmore"),
        ("printf '{\"a\": 1'", '{"a": 1'),
        ("printf 'a\\377b'", "a\ufffdb"),
    ],
)
def test_what_a_command_prints_is_the_result(h5flume, numbers, tmp_path, script, result):
    assert h5flume.run(*job(numbers, tmp_path / "t", command=shell(script))).status == 0
    assert tasks_of(h5flume, tmp_path / "t")[0].get("result") == result


def test_of_much_text_the_beginning_is_the_result(h5flume, numbers, tmp_path):
    command = shell("yes word | head -c 1000000")
    assert h5flume.run(*job(numbers, tmp_path / "t", command=command)).status == 0
    result = tasks_of(h5flume, tmp_path / "t")[0]["result"]
    assert result.startswith("word\nword\n")
    assert result.endswith(" [and 934464 bytes more]")


def test_commands_may_ignore_their_input_and_talk_a_lot(h5flume, numbers, tmp_path):
    for script in ("exit 0", "exec <&-; exit 0", "head -c 100 >/dev/null", "yes | head -c 9000000 >&2"):
        result = h5flume.run(*job(numbers, tmp_path / script[:8], command=shell(script)))
        assert result.status == 0, result


# --- failures ---------------------------------------------------------------------------------------


def test_a_command_that_is_not_there_is_said_at_once(h5flume, numbers, tmp_path):
    for name in ("no-such-command", "/nowhere/command", str(tmp_path), ""):
        result = h5flume.run(*job(numbers, tmp_path / "t", command=[name]))
        assert result.status == 1, result
        assert "there is no such program" in result.err
        assert not (tmp_path / "t").exists()


def test_usage_errors(h5flume, numbers, tmp_path):
    assert h5flume.run("job", numbers, "x", "--tracker", tmp_path / "t").status == 2
    assert h5flume.run("job", numbers, "x", "--", "cat").status == 2
    assert h5flume.run(*job(numbers, tmp_path / "t", "--format", "csv", command=["cat"])).status == 2


def test_a_failing_command_is_tried_again_and_given_up(h5flume, numbers, tmp_path):
    tracker = tmp_path / "t"
    script = 'yes noise | head -n 100000 >&2; echo "no good" >&2; exit $((H5FLUME_PIECE * 3))'
    arguments = job(numbers, tracker, "--piece-rows", 1000, "--max-tries", 2, command=shell(script))
    result = h5flume.run(*arguments)
    assert result.status == 1
    assert "1 of 2 pieces done" in result.out
    assert "1 piece has failed 2 times and is not tried again" in result.err
    assert "exit status 3" in result.err
    assert f"h5flume track retry {tracker}" in result.err
    tasks = tasks_of(h5flume, tracker)
    assert (tasks[0]["state"], tasks[1000]["state"]) == ("done", "exhausted")
    assert tasks[1000]["tries"] == 2
    error = tasks[1000]["error"]
    assert error.startswith("exit status 3: ") and error.endswith("no good") and len(error) < 5000

    assert h5flume.run(*job(numbers, tracker, command=["true"])).status == 1  # not tried again
    assert h5flume.run("track", "retry", tracker).status == 0
    assert h5flume.run(*job(numbers, tracker, command=["true"])).status == 0


def test_a_failing_command_has_three_tries_by_itself(h5flume, numbers, tmp_path):
    result = h5flume.run(*job(numbers, tmp_path / "t", "--json", command=["false"]))
    assert result.status == 1
    assert (result.json["failed_tries"], result.json["exhausted"]) == (3, 1)


@pytest.mark.parametrize(
    "script, words",
    [
        ("kill -9 $$", "killed by signal 9"),
        ("kill -SEGV $$", "killed by signal 11"),
        ("echo '#!/nowhere/interpreter' > x; chmod +x x; exec ./x", "not found|No such file"),
        ("sleep 1000", "killed after 0.3 s"),
        ("sleep 1000 & sleep 1000", "killed after 0.3 s"),
    ],
)
def test_how_a_command_ended_is_its_error(h5flume, numbers, tmp_path, script, words):
    options = ("--timeout", 0.3, "--max-tries", 1)
    arguments = job(numbers, tmp_path / "t", *options, command=shell(script))
    assert h5flume.run(*arguments, cwd=tmp_path).status == 1
    error = tasks_of(h5flume, tmp_path / "t")[0]["error"]
    assert any(word in error for word in words.split("|")), error


@pytest.mark.parametrize(
    "script, words",
    [
        ("print('no rows')", "no .npy file"),
        ("np.save(sys.stdout.buffer, piece[1:])", "the result has 1999 rows, and the piece 2000"),
        ("np.save(sys.stdout.buffer, piece.astype('>i4'))", "little-endian"),
        ("np.save(sys.stdout.buffer, np.asfortranarray(piece))", "Fortran order"),
        ("np.save(sys.stdout.buffer, piece.astype('U4'))", "'<U4'"),
        ("sys.stdout.buffer.write(b'\\x93NUMPY\\x01\\0\\xff\\xff{')", "ends within its header"),
        ("os.write(1, b'\\x93NUMPY\\x01\\0\\x06\\0' + b'{1: 2}')", "expected"),
        ("while True: sys.stdout.buffer.write(bytes(1 << 20))", "bytes of output"),
    ],
)
def test_an_output_that_is_no_rows_fails_its_piece(h5flume, numbers, tmp_path, script, words):
    options = ("--max-tries", 1, "--out", tmp_path / "out.h5")
    command = python("piece\n" + script)
    assert h5flume.run(*job(numbers, tmp_path / "t", *options, command=command)).status == 1
    assert words in tasks_of(h5flume, tmp_path / "t")[0]["error"]


def test_raw_rows_of_another_size_fail_their_piece(h5flume, numbers, tmp_path):
    options = ("--max-tries", 1, "--out", tmp_path / "out.h5", "--format", "raw")
    command = shell("head -c 100")
    assert h5flume.run(*job(numbers, tmp_path / "t", *options, command=command)).status == 1
    assert "it has 100 bytes" in tasks_of(h5flume, tmp_path / "t")[0]["error"]


def test_a_job_is_not_taken_for_another(h5flume, numbers, images, tmp_path):
    tracker = tmp_path / "t"
    assert h5flume.run(*job(numbers, tracker, command=["true"])).status == 0
    result = h5flume.run(*job(images, tracker, command=["true"], dataset="/images"))
    assert result.status == 1
    assert 'the dataset was "/x" when it was begun, and is "/images" now' in result.err


# --- deaths -----------------------------------------------------------------------------------------

# Passes its input on, slowly enough to be met at work.
SLOW_CAT = shell("cat; sleep 0.02")


def descendants_of(pid):
    found = children_of(pid)
    return found + [below for child in found for below in descendants_of(child)]


def start_waiting(h5flume, numbers, tmp_path, script="sleep 1000; true"):
    """A job of two commands that wait; gives the process and all that it has started."""
    arguments = job(numbers, tmp_path / "t", "--piece-rows", 100, "--workers", 2,
                    command=shell(f"cat >/dev/null; touch {tmp_path}/$H5FLUME_PIECE; {script}"))  # fmt: skip
    process = h5flume.start(*arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    # Two launchers, two shells, two that they wait for.
    assert wait_until(lambda: len(descendants_of(process.pid)) >= 6)
    return process, descendants_of(process.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_job_and_leaves_nothing(h5flume, numbers, tmp_path, number):
    process, started = start_waiting(h5flume, numbers, tmp_path)
    process.send_signal(number)
    message = process.communicate(timeout=10)[1]
    assert process.returncode == 128 + number
    assert message == "h5flume: interrupted\n"
    assert wait_until(lambda: not any(is_alive(pid) for pid in started), 2)  # killed before
    tasks = tasks_of(h5flume, tmp_path / "t").values()
    assert all((task["state"], task["tries"]) == ("todo", 0) for task in tasks)


def test_ctrl_c_on_the_terminal_ends_a_job(h5flume, numbers, tmp_path):
    pid, terminal = pty.fork()
    if pid == 0:
        arguments = job(numbers, tmp_path / "t", command=shell("sleep 1000; true"))
        os.execv(h5flume.path, [h5flume.path, *map(str, arguments)])
    assert wait_until(lambda: len(descendants_of(pid)) >= 3)
    started = descendants_of(pid)
    reader = threading.Thread(target=read_to_end, args=(terminal,))
    reader.start()
    os.write(terminal, b"\x03")
    status = os.waitpid(pid, 0)[1]
    reader.join(10)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert wait_until(lambda: not any(is_alive(process) for process in started), 2)


@pytest.mark.parametrize("script", ["sleep 1000; true", "trap '' TERM; sleep 1000 & sleep 1000; true"])
def test_a_killed_job_leaves_no_command(h5flume, numbers, tmp_path, script):
    process, started = start_waiting(h5flume, numbers, tmp_path, script)
    process.kill()
    process.communicate(timeout=10)
    assert wait_until(lambda: not any(is_alive(pid) for pid in started))


def test_a_killed_launcher_takes_its_command_along(h5flume, numbers, tmp_path):
    arguments = job(numbers, tmp_path / "t", "--max-tries", 1, command=["sleep", "1000"])
    process = h5flume.start(*arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert wait_until(lambda: len(descendants_of(process.pid)) >= 2)
    launcher = next(pid for pid in children_of(process.pid) if children_of(pid))
    command = children_of(launcher)[0]
    os.kill(launcher, signal.SIGKILL)
    assert process.wait(10) == 1
    assert wait_until(lambda: not is_alive(command))
    assert "killed by signal 9" in tasks_of(h5flume, tmp_path / "t")[0]["error"]


def kill_now_and_then(h5flume, numbers, tmp_path, seconds, workers):
    """Begins a job again and again and kills it, or one of its commands, until it is done; gives
    the last summary, and how many were killed."""
    out, jobs_killed, commands_killed = tmp_path / "out.h5", 0, 0
    arguments = job(numbers, tmp_path / "t", "--piece-rows", PIECE_ROWS, "--out", out,
                    "--max-tries", 0, "--json", "--workers", workers, command=SLOW_CAT)  # fmt: skip
    end = time.monotonic() + seconds
    while True:
        process = h5flume.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(random.uniform(0.02, 0.15))
            below = [pid for child in children_of(process.pid) for pid in children_of(child)]
            if below and random.random() < 0.6:
                try:
                    os.kill(random.choice(below), signal.SIGKILL)
                    commands_killed += 1
                except ProcessLookupError:
                    pass  # it was quicker
            elif random.random() < 0.5 and process.poll() is None:
                process.kill()
                jobs_killed += 1
        text = process.communicate(timeout=60)[0]
        if process.returncode == 0:
            return json.loads(text), jobs_killed, commands_killed


def test_a_job_whose_processes_are_killed_is_done_in_the_end(h5flume, numbers, tmp_path):
    seconds = float(os.environ.get("H5FLUME_TEST_SECONDS", "3"))
    rounds = 0
    jobs_killed = commands_killed = 0
    end = time.monotonic() + seconds
    while rounds == 0 or time.monotonic() < end:
        folder = tmp_path / str(rounds)
        folder.mkdir()
        summary, jobs, commands = kill_now_and_then(h5flume, numbers, folder, 10, 1 + rounds % 3)
        assert summary["done"] == summary["pieces"] == PIECES
        tasks = tasks_of(h5flume, folder / "t")
        assert sorted(tasks) == list(range(0, ROWS, PIECE_ROWS))
        assert all(task["state"] == "done" for task in tasks.values())
        assert np.array_equal(values_of(folder / "out.h5", "result"), values_of(numbers))
        rounds, jobs_killed = rounds + 1, jobs_killed + jobs
        commands_killed += commands
    assert jobs_killed + commands_killed > 0
    print(f"{rounds} jobs, {jobs_killed} of their processes and {commands_killed} commands killed, "
          f"no piece lost, none recorded twice, all outputs equal")  # fmt: skip


def test_several_jobs_on_one_tracker_share_the_pieces(h5flume, numbers, tmp_path):
    log = tmp_path / "log"
    command = shell(f"echo $H5FLUME_PIECE >> {log}; cat")
    arguments = job(numbers, tmp_path / "t", "--piece-rows", PIECE_ROWS, "--out",
                    tmp_path / "out.h5", "--quiet", command=command)  # fmt: skip
    processes = [h5flume.start(*arguments) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert sorted(map(int, log.read_text().split())) == list(range(PIECES))
    assert np.array_equal(values_of(tmp_path / "out.h5", "result"), values_of(numbers))


# --- the bar ----------------------------------------------------------------------------------------


def test_the_bar_begins_at_what_is_done_and_shows_failures(h5flume, numbers, tmp_path):
    command = shell('test $H5FLUME_TRY -gt 1 || test $H5FLUME_PIECE -lt 3; sleep 0.15; '
                    'test $H5FLUME_TRY -gt 1 || test $H5FLUME_PIECE -lt 3')  # fmt: skip
    arguments = job(numbers, tmp_path / "t", "--piece-rows", 500, "--workers", 1, command=command)
    sent = run_on_terminal(h5flume, *arguments)
    assert "  0% " in sent and " 75% " in sent and "/s" in sent and "left" in sent
    assert "1 try failed" in sent
    assert sent.endswith("\r\x1b[K")
    assert "100% " in run_on_terminal(h5flume, *arguments)
    assert run_on_terminal(h5flume, *arguments[:3], "--quiet", *arguments[3:]) == ""
