"""h5flume shared: what people and scripts do with dicts that live processes share."""

import json
import os
import signal

import pytest

from published import Streaming, lines_of, shared_folder, start_piped
from processes import wait_until


@pytest.fixture
def folder():
    with shared_folder() as path:
        yield path


@pytest.fixture
def shared(h5flume, folder):
    """Runs a subcommand in a folder of the test's own."""

    def run(command, *arguments):
        return h5flume.run("shared", command, "--folder", folder, *arguments)

    return run


def dicts(shared):
    return {one["name"]: one for one in shared("list", "--json").json["dicts"]}


def watch(h5flume, folder, *arguments):
    """A watcher that is attached already."""
    process = start_piped(h5flume, "shared", "watch", "--folder", folder, "--json", *arguments)

    def is_there():
        listing = h5flume.ok("shared", "list", "--folder", folder)["dicts"]
        return any(one["pid"] == process.pid for each in listing for one in each["attached"])

    assert wait_until(is_there)
    return process


# --- entries ----------------------------------------------------------------------------------


def test_what_one_process_sets_another_gets(shared):
    assert shared("set", "run7", "rate", "1e-3").status == 0
    assert shared("set", "run7", "5", '{"a":[1,null]}').status == 0
    assert shared("get", "run7", "rate").out == "0.001\n"
    assert shared("get", "run7", "5", "--json").json == {"key": 5, "value": {"a": [1, None]}}
    assert json.loads(shared("get", "run7").out) == {"rate": 1e-3, "5": {"a": [1, None]}}
    whole = shared("get", "run7", "--json").json
    assert whole["version"] == 2 and list(whole["value"]) == ["rate", "5"]
    assert shared("del", "run7", "rate").status == 0
    assert list(shared("get", "run7", "--json").json["value"]) == ["5"]


def test_keys_are_json_or_text(shared):
    for arguments in (["5", "1"], ["--text-key", "5", "2"], ['"6"', "3"], ["--", "-7", "-8"]):
        assert shared("set", "keys", *arguments).status == 0
    assert shared("get", "keys", "5").out == "1\n"
    assert shared("get", "keys", '"5"').out == "2\n"
    assert shared("get", "keys", "--text-key", "6").out == "3\n"
    assert shared("get", "keys", "--", "-7").out == "-8\n"
    for wrong in ("[1]", '["a",2]'):
        refused = shared("get", "keys", wrong)
        assert refused.status == 2 and wrong in refused.err


def test_values_are_json_unless_they_are_said_to_be_text(shared):
    wrong = shared("set", "a", "name", "night run")
    assert wrong.status == 2 and "--text" in wrong.err
    assert dicts(shared) == {}
    assert shared("set", "a", "name", "--text", "night run").status == 0
    assert shared("get", "a", "name").out == '"night run"\n'


def test_nested_dicts(shared):
    assert shared("set", "a", "rows", "7", "--in", "workers", "--in", "3").status == 0
    assert shared("get", "a", "rows", "--in", "workers", "--in", "3").out == "7\n"
    assert shared("get", "a").out == '{"workers":{"3":{"rows":7}}}\n'
    assert shared("del", "a", "rows", "--in", "workers", "--in", "3").status == 0
    assert shared("get", "a", "--in", "workers").out == '{"3":{}}\n'
    missing = shared("get", "a", "rows", "--in", "nope", "--json")
    assert missing.status == 1 and missing.json["error"]["code"] == "not_found"
    shared("set", "a", "plain", "1")
    wrong = shared("set", "a", "rows", "1", "--in", "plain", "--json")
    assert wrong.status == 1 and wrong.json["error"]["code"] == "invalid_argument"


def test_what_is_not_there_is_status_1_and_named(shared, folder):
    commands = [["get", "nope"], ["get", "nope", "x"], ["del", "nope", "x"]]
    for command in commands + [["status", "nope"], ["watch", "nope"], ["unlink", "nope"]]:
        missing = shared(*command, "--json")
        assert missing.status == 1 and missing.json["error"]["code"] == "not_found", command
        assert "'nope'" in missing.err and folder in missing.err, command
    shared("set", "a", "x", "1")
    for command in ("get", "del"):
        missing = shared(command, "a", "y")
        assert missing.status == 1 and "no key \"y\"" in missing.err and "'a'" in missing.err


@pytest.mark.parametrize("name", ["../a", "a/b", ".a", "a b", "x" * 101, "a.h5dict"])
def test_names_that_lead_elsewhere_are_refused(shared, name):
    for command in (["set", name, "x", "1"], ["get", name], ["unlink", name]):
        refused = shared(*command, "--json")
        assert refused.status == 1 and refused.json["error"]["code"] == "invalid_argument", command
    assert dicts(shared) == {}


def test_a_folder_that_is_not_there_is_named(h5flume):
    for command in (["list"], ["clean"], ["set", "a", "x", "1"]):
        missing = h5flume.run("shared", *command, "--folder", "/nowhere/at/all", "--json")
        assert missing.status == 1 and "/nowhere/at/all" in missing.err
        assert missing.json["error"]["code"] == "not_found"


# --- watching ---------------------------------------------------------------------------------


def test_a_watcher_sees_what_another_process_does(h5flume, shared, folder):
    shared("set", "a", "x", "1")
    watcher = watch(h5flume, folder, "a")
    for number in (2, 3):
        shared("set", "a", "x", number)
        assert lines_of(watcher, 1) == [{"key": "x", "value": number}]
    shared("set", "a", "8", "null")
    shared("del", "a", "x")
    assert lines_of(watcher, 2) == [{"key": 8, "value": None}, {"key": "x", "erased": True}]
    watcher.send_signal(signal.SIGINT)
    assert watcher.communicate(timeout=10)[1] == "h5flume: interrupted\n"
    assert watcher.returncode == 130
    assert dicts(shared)["a"]["attached"] == []


def test_a_watcher_of_one_key_ends_after_its_limit(h5flume, shared, folder):
    shared("set", "a", "x", "1")
    watcher = watch(h5flume, folder, "a", "y", "--limit", "1")
    shared("set", "a", "x", "2")
    shared("set", "a", "y", "3")
    assert watcher.communicate(timeout=10)[0] == '{"key":"y","value":3}\n'
    assert watcher.returncode == 0


def test_a_watcher_ends_with_the_name_of_its_dict(h5flume, shared, folder):
    shared("set", "a", "x", "1")
    watcher = watch(h5flume, folder, "a")
    assert shared("unlink", "a").status == 0
    assert watcher.communicate(timeout=10)[0] == ""
    assert watcher.returncode == 0
    assert os.listdir(folder) == []  # who leaves last takes the memory along


# --- the folder -------------------------------------------------------------------------------


def test_list_and_status_tell_what_is_there(h5flume, shared, folder):
    assert "no shared dicts" in shared("list").err
    shared("set", "a", "x", "1")
    shared("set", "a", "y", "2", "--in", "n")
    one = dicts(shared)["a"]
    assert one["state"] == "idle" and one["bytes"] > 0 and one["attached"] == []
    status = shared("status", "a", "--json").json
    assert (status["version"], status["entries"], status["nested_dicts"]) == (3, 3, 1)
    assert not status["auto_unlink"] and status["lock_holder"] is None
    assert len(status["attached"]) == 1
    watcher = watch(h5flume, folder, "a")
    assert dicts(shared)["a"]["state"] == "used"
    assert "used" in shared("list").out and str(watcher.pid) in shared("list").out
    assert "3 entries" in shared("status", "a").out
    watcher.kill()
    watcher.wait()
    assert dicts(shared)["a"]["state"] == "idle"


def test_what_a_killed_program_left_is_cleaned_and_nothing_else(h5flume, images, shared, folder):
    shared("set", "kept", "x", "1")
    with Streaming(h5flume, images, folder) as streaming:
        name = streaming.programs[0]["dict"]
        assert dicts(shared)[name]["state"] == "used"
        assert shared("clean", "--json").json["removed"] == []
    assert dicts(shared)[name]["state"] == "abandoned"
    files = dicts(shared)[name]["files"]
    assert sorted(shared("clean", "--json").json["removed"]) == sorted(files)
    assert list(dicts(shared)) == ["kept"]
    assert shared("get", "kept", "x").out == "1\n"
    assert "nothing to remove" in shared("clean").out


def test_damage_is_shown_and_removed_on_request_only(shared, folder):
    with open(f"{folder}/broken.h5dict", "wb") as file:
        file.write(bytes(1000))
    one = dicts(shared)["broken"]
    assert one["state"] == "damaged" and "broken" in one["problem"]
    assert "broken" in shared("list").err
    refused = shared("get", "broken", "--json")
    assert refused.status == 1 and refused.json["error"]["code"] == "corrupt_data"
    assert shared("clean", "--json").json["removed"] == []
    assert shared("clean", "--damaged", "--json").json["removed"] == ["broken.h5dict"]
    assert os.listdir(folder) == []


# --- usage ------------------------------------------------------------------------------------


def test_wrong_usage_is_status_2(shared, h5flume):
    assert h5flume.run("shared").status == 2
    assert shared("get").status == 2
    assert shared("set", "a", "x").status == 2
    assert shared("set", "", "x", "1").status == 2
    assert shared("del", "a").status == 2
    assert shared("watch", "a", "--limit", "0").status == 2


@pytest.mark.parametrize(
    "command", ["list", "get", "set", "del", "status", "watch", "clean", "unlink"]
)
def test_every_command_has_help_with_an_example(h5flume, command):
    result = h5flume.run("shared", command, "--help")
    assert result.status == 0 and "Example" in result.out
