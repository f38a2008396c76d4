"""h5flume mapped: what people and scripts see of mapped containers, shown on the golden files."""

import json
import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).parents[1]
GOLDEN = TESTS / "storage" / "mapped" / "golden"
FILES = sorted(path.name for path in GOLDEN.iterdir())


def lines(result):
    assert result.status == 0, result
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_a_sound_file_is_said_to_be_sound(h5flume, name):
    assert h5flume.ok("mapped", "check", GOLDEN / name)["sound"] is True


def test_inspect_shows_the_schema(h5flume):
    shown = h5flume.ok("mapped", "inspect", GOLDEN / "version-1.array")
    assert shown["kind"] == "an array" and shown["values"] == 2
    assert shown["value_type"] == "Everything"
    fields = {field["name"]: field for field in shown["structs"][0]["fields"]}
    assert fields["dict"]["type"] == "dict<text, Box>"
    assert fields["null"]["may_be_null"] and not fields["null"]["may_be_unset"]
    assert fields["unset"]["may_be_unset"]
    people = h5flume.run("mapped", "inspect", GOLDEN / "version-1.array")
    assert "struct Everything" in people.out and "  list: list<text>" in people.out


def test_dump_shows_a_value_of_every_type(h5flume):
    first, second = lines(h5flume.run("mapped", "dump", GOLDEN / "version-1.array"))
    assert "unset" not in first and first["set_to_null"] is None
    assert first["bytes"] == "0102" and first["u64"] == 64 and first["f64"] == -0.25
    assert first["set"] == [1, 2, 3] and first["dict"] == {"k": {"x": 3, "y": 4}}
    assert first["date"] == "1969-07-20" and first["moment"] == "2024-02-28T21:00:00.000001-03:00"
    assert first["decimal"] == "-1.20E+5" and first["story"] == "y" * 2000
    assert first["array"] == {"shape": [1, 3], "values": [7, 8, 9]}
    assert first["any"] == {"list": [True, 0.5], "text": "t"}
    assert first["reference"] is None and second["reference"] == {"x": 5, "y": 6}


@pytest.mark.parametrize("version", [1, 2])
def test_dump_shows_keys_and_values(h5flume, version):
    items = lines(h5flume.run("mapped", "dump", GOLDEN / f"version-{version}.text-map"))
    assert len(items) == 40
    assert {"key": "a key that is longer than its slot 3", "value": 7} in items
    few = lines(
        h5flume.run("mapped", "dump", GOLDEN / f"version-{version}.text-map", "--most", "3")
    )
    assert few == items[:3]


def test_values_in_entries_are_values(h5flume):
    items = lines(h5flume.run("mapped", "dump", GOLDEN / "version-2.integer-map"))
    of_seven = [item["value"] for item in items if item["key"] == 7]
    assert of_seven == [{"x": 1, "y": 2}, {"x": 0, "y": 0}]
    shown = h5flume.ok("mapped", "inspect", GOLDEN / "version-2.integer-map")
    assert shown["version"] == 2 and shown["values"] == 3 and shown["keys"] == 2
    assert "records" not in shown["section_bytes"]


def test_dump_shows_ids_and_struct_keys(h5flume):
    ids = lines(h5flume.run("mapped", "dump", GOLDEN / "version-1.id-map"))
    assert {"key": 27, "id": 3} in ids
    objects = lines(h5flume.run("mapped", "dump", GOLDEN / "version-1.object-map"))
    assert {"key": {"x": 3, "y": 4}, "value": "two"} in objects


@pytest.mark.parametrize("name", FILES)
def test_damage_is_found_and_named(h5flume, name, tmp_path):
    data = bytearray((GOLDEN / name).read_bytes())
    data[-1] ^= 1  # in the last section
    (tmp_path / "damaged").write_bytes(data)
    result = h5flume.run("mapped", "check", tmp_path / "damaged", "--json")
    assert result.status == 1, result
    assert result.json["error"]["code"] == "corrupt_data" and "damaged" in result.err
    (tmp_path / "cut").write_bytes(data[:-1])
    assert h5flume.run("mapped", "dump", tmp_path / "cut").status == 1


def test_wrong_usage_is_status_2(h5flume):
    assert h5flume.run("mapped").status == 2
    assert h5flume.run("mapped", "dump").status == 2
    assert h5flume.run("mapped", "inspect", "missing").status == 1


@pytest.mark.parametrize("command", ["inspect", "check", "dump"])
def test_every_command_has_help_with_an_example(h5flume, command):
    result = h5flume.run("mapped", command, "--help")
    assert result.status == 0 and "Example" in result.out


def test_every_test_that_the_documentation_names_is_there():
    page = (TESTS.parent / "docs" / "mapped-containers-tests.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    named = [name for row in rows for name in re.findall("`([^`]+)`", row.split(" | ", 1)[1])]
    sources = "".join(
        path.read_text()
        for folder in ("storage/mapped", "fuzz", "python")
        for path in sorted((TESTS / folder).glob("*"))
        if path.suffix in (".cpp", ".py", ".txt")
    )
    assert len(named) > 100
    missing = [
        name for name in named if not re.search(rf"[\"( ]{re.escape(name)}[\"( ]", sources)
    ]
    assert not missing
