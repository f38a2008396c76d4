"""h5flume dict: what people and scripts do with persistent dicts."""

import gzip
import json
import pathlib

import pytest

TASTYPY = pathlib.Path(__file__).parents[1] / "storage" / "persistent" / "tastypy"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "settings.dict"


def lines(result):
    assert result.status == 0, result
    return [json.loads(line) for line in result.out.splitlines()]


def fill(h5flume, path):
    for key, value in [("rate", "1e-3"), ("5", '{"a":{"b":[1,2]}}'), ('["/images",1]', "null")]:
        assert h5flume.run("dict", "set", path, key, value).status == 0


def test_what_is_set_is_there(h5flume, path):
    fill(h5flume, path)
    assert json.loads(h5flume.run("dict", "get", path, "rate").out) == 1e-3
    assert h5flume.ok("dict", "get", path, "5") == {"key": 5, "value": {"a": {"b": [1, 2]}}}
    assert h5flume.ok("dict", "get", path, '[ "/images", 1 ]')["value"] is None
    assert h5flume.ok("dict", "check", path) == {
        "dict": str(path),
        "sound": True,
        "entries": 3,
        "problems": [],
    }


def test_keys_are_json_or_text(h5flume, path):
    h5flume.run("dict", "set", path, "5", "1")
    h5flume.run("dict", "set", path, "--text-key", "5", "2")
    h5flume.run("dict", "set", path, '"6"', "3")
    h5flume.run("dict", "set", path, "true", "4")
    h5flume.run("dict", "set", path, "--", "-7", "-8")
    keys = lines(h5flume.run("dict", "list", path, "--keys"))
    assert keys == [5, "5", "6", "true", -7]
    assert json.loads(h5flume.run("dict", "get", path, '"5"').out) == 2
    wrong = h5flume.run("dict", "get", path, "[1.5]")
    assert wrong.status == 2 and "key [1.5]" in wrong.err


def test_deep_values(h5flume, path):
    fill(h5flume, path)
    assert h5flume.run("dict", "get", path, "5", "--path", "/a/b/1").out == "2\n"
    assert h5flume.run("dict", "set", path, "5", '"x"', "--path", "/a/c").status == 0
    assert h5flume.run("dict", "del", path, "5", "--path", "/a/b/0").status == 0
    assert json.loads(h5flume.run("dict", "get", path, "5").out) == {"a": {"b": [2], "c": "x"}}
    assert h5flume.run("dict", "get", path, "5", "--path", "/nope").status == 1


def test_values_are_json_unless_they_are_said_to_be_text(h5flume, path):
    wrong = h5flume.run("dict", "set", path, "name", "night run")
    assert wrong.status == 2 and "--text" in wrong.err
    assert h5flume.run("dict", "set", path, "name", "--text", "night run").status == 0
    assert h5flume.run("dict", "get", path, "name").out == '"night run"\n'


def test_a_folder_of_something_else_is_refused_and_left_alone(h5flume, path, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for command in (("check", other), ("del", other, "x")):
        refused = h5flume.run("dict", *command)
        assert refused.status == 1 and f"{other}: there is no dict in that folder" in refused.err
    assert not list(other.iterdir())
    h5flume.ok("track", "import", tmp_path / "tracker", TASTYPY / "tracker")
    before = sorted((tmp_path / "tracker").iterdir())
    refused = h5flume.run("dict", "set", tmp_path / "tracker", "x", 1)
    assert refused.status == 1 and "it is a tracker" in refused.err
    assert sorted((tmp_path / "tracker").iterdir()) == before


def test_an_import_of_nothing_makes_nothing(h5flume, path):
    for kind in ("dict", "track"):
        refused = h5flume.run(kind, "import", path, "no.jsonl")
        assert refused.status == 1 and "import no.jsonl: it is not there" in refused.err
        assert not path.exists()


def test_what_is_not_there_is_status_1_and_named(h5flume, path):
    missing = h5flume.run("dict", "get", path, "x", "--json")
    assert missing.status == 1 and missing.json["error"]["code"] == "not_found"
    assert not path.exists()
    fill(h5flume, path)
    for command in ("get", "del"):
        missing = h5flume.run("dict", command, path, "nope")
        assert missing.status == 1 and 'no key "nope"' in missing.err and str(path) in missing.err
    assert h5flume.run("dict", "del", path, "rate").status == 0
    assert h5flume.run("dict", "get", path, "rate").status == 1


def test_list_is_in_order_and_in_lines(h5flume, path):
    fill(h5flume, path)
    people = h5flume.run("dict", "list", path).out.splitlines()
    assert people[0] == '"rate"\t0.001' and len(people) == 3
    items = lines(h5flume.run("dict", "list", path, "--json", "--limit", "2"))
    assert [item["key"] for item in items] == ["rate", 5]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.pod/"])
def test_there_and_back(h5flume, path, tmp_path, name):
    fill(h5flume, path)
    assert h5flume.ok("dict", "export", path, f"{tmp_path}/{name}")["exported"] == 3
    if name.endswith(".gz"):
        assert gzip.decompress((tmp_path / name).read_bytes()).count(b"\n") == 3
    back = tmp_path / "back.dict"
    assert h5flume.ok("dict", "import", back, tmp_path / name)["imported"] == 3
    assert h5flume.run("dict", "list", back).out == h5flume.run("dict", "list", path).out


def test_a_folder_that_is_there_stays_unless_it_is_forced(h5flume, path, tmp_path):
    fill(h5flume, path)
    pod = tmp_path / "a.pod"
    h5flume.ok("dict", "export", path, pod, "--format", "tastypy", "--file-size", 2)
    assert sorted(file.name for file in pod.iterdir()) == ["0.json", "1.json"]
    refused = h5flume.run("dict", "export", path, pod, "--json")
    assert refused.status == 1 and refused.json["error"]["code"] == "conflict"
    assert h5flume.ok("dict", "export", path, pod, "--force", "--gzip")["exported"] == 3
    assert [file.name for file in pod.iterdir()] == ["0.json.gz"]
    assert h5flume.run("dict", "export", path, path, "--force").status == 1  # no tastypy
    assert h5flume.ok("dict", "check", path)["sound"]


def test_what_tastypy_wrote_is_read(h5flume, path):
    assert h5flume.ok("dict", "import", path, TASTYPY / "many")["imported"] == 1100
    keys = lines(h5flume.run("dict", "list", path, "--keys"))
    assert keys == [f"key {number}" for number in range(1100)]


def test_damage_is_refused_by_line_or_salvaged_by_line(h5flume, path):
    refused = h5flume.run("dict", "import", path, TASTYPY / "not-a-number", "--json")
    assert refused.status == 1 and refused.json["error"]["code"] == "corrupt_data"
    assert "0.json line 2: value: NaN is no JSON" in refused.err
    assert h5flume.ok("dict", "check", path)["entries"] == 0
    salvaged = h5flume.run(
        "dict", "import", path, TASTYPY / "not-a-number", "--salvage", "--json"
    )
    assert salvaged.status == 0 and salvaged.json["imported"] == 2
    assert salvaged.json["dropped"] == 2 and salvaged.err.count("dropped: ") == 2
    assert lines(h5flume.run("dict", "list", path, "--keys")) == ["a", "z"]


def test_a_damaged_dict_is_found(h5flume, path):
    h5flume.ok("dict", "import", path, TASTYPY / "many")
    file = path / "dict.sqlite"
    for side in ("-wal", "-shm"):
        if (path / f"dict.sqlite{side}").exists():
            (path / f"dict.sqlite{side}").unlink()
    file.write_bytes(b"SQLite format 3\0" + bytes(4080))
    broken = h5flume.run("dict", "check", path, "--json")
    assert broken.status == 1 and str(path) in broken.err


def test_wrong_usage_is_status_2(h5flume, path):
    assert h5flume.run("dict").status == 2
    assert h5flume.run("dict", "get", path).status == 2
    assert h5flume.run("dict", "export", path, "x", "--format", "csv").status == 2


@pytest.mark.parametrize("command", ["get", "set", "del", "list", "export", "import", "check"])
def test_every_command_has_help_with_an_example(h5flume, command):
    result = h5flume.run("dict", command, "--help")
    assert result.status == 0 and "Example" in result.out
