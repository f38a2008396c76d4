"""`h5flume slice`: what it prints, what it writes, what it refuses."""

import os
import signal
import subprocess

import h5py
import numpy as np
import pytest

from element_types import TYPES
from harm import peak_memory
from layouts import LAYOUTS
from oracle import same_values
from processes import wait_until
from seeds import choose_seed
from selections import Chooser, moves_a_list, numpy_takes, step_text

SHAPE = (23, 5)
TABLE = np.dtype([("id", "<i4"), ("pos", [("x", "<f8"), ("y", "<f8")]), ("name", "S5"), ("on", "?")])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of a small table and of its rows' numbers."""
    path = str(tmp_path_factory.mktemp("table") / "table.h5")
    rows = np.zeros(5, TABLE)
    rows["id"] = np.arange(5)
    rows["pos"]["x"] = np.arange(5) / 2
    rows["name"] = [b"a", b"it's", b"", "é".encode(), b"\x1b[m"]
    rows["on"][::2] = True
    with h5py.File(path, "w") as file:
        file["events"] = rows
        file["numbers"] = np.arange(100_000, dtype="<i4").reshape(1000, 100)
    return path


def printed(h5flume, file, dataset, *selection):
    """What the program prints but for its last line, and that line."""
    result = h5flume.run("slice", file, dataset, *selection)
    assert result.status == 0 and not result.err, result
    array, _, summary = result.out.rstrip("\n").rpartition("\n")
    return array, summary


# --- print ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "selection",
    ["[5]", "[5, 7]", "[:4, ::30]", "[[3, 1, 1], -3:]", "[5:5]", "[:]", "[..., 0]", "[-3:, :400]"],
)
def test_whole_numbers_are_printed_as_numpy_prints_them(h5flume, table, selection):
    values = eval("array" + selection, {"array": np.arange(100_000, dtype="<i4").reshape(1000, 100)})
    array, summary = printed(h5flume, table, "/numbers", selection)
    assert array == str(values)
    assert summary == f"{np.shape(values)} int32"


def test_without_a_selection_everything_is_meant(h5flume, table):
    assert printed(h5flume, table, "/numbers") == printed(h5flume, table, "/numbers", "[()]")


def test_a_condition_chooses_the_rows_that_are_sliced(h5flume, table):
    assert printed(h5flume, table, "/events", "['id'][-2:]", "--where", "on & (id > 0)")[0] == "[2 4]"
    result = h5flume.run("slice", table, "/events", "--where", "colour == 3")
    assert result.status == 1 and "colour" in result.err and "/events" in result.err, result


def test_rows_of_a_table_are_printed_as_tuples(h5flume, table):
    array, summary = printed(h5flume, table, "/events", "[:3]")
    assert array.splitlines() == [
        "[(0, (0.0, 0.0), 'a', True) (1, (0.5, 0.0), 'it\\'s', False)",
        " (2, (1.0, 0.0), '', True)]",
    ]
    assert summary == "(3,) {id: int32, pos: {x: float64, y: float64}, name: S5, on: bool}"


@pytest.mark.parametrize(
    "selection, expected",
    [
        ("[1]['pos']['x']", "0.5"),
        ("['pos/x'][:2]", "[0.0 0.5]"),
        ("[1:3]['on']", "[False  True]"),
        ("['name'][3:]", "['é' '\\x1b[m']"),
        ("[['on']][0]", "(True,)"),
    ],
)
def test_elements_are_printed_as_python_writes_them(h5flume, table, selection, expected):
    assert printed(h5flume, table, "/events", selection)[0] == expected


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.array([0.1, -2, 1e30, np.inf, np.nan], "<f4"), "[  0.1  -2.0 1e+30   inf   nan]"),
        (np.array([0.1, 65504, 6e-8, -0.5], "<f2"), "[    0.1 65500.0   6e-08    -0.5]"),
        (np.array([1 + 2j, 0.5 - 1j], "<c16"), "[1.0+2.0j 0.5-1.0j]"),
        (np.array([2**64 - 1, 0], "<u8"), "[18446744073709551615                    0]"),
        (np.array([b"\x00\xff"], "V2"), r"[b'\x00\xff']"),
        (np.array([([1, 2, 3],)], [("v", "<i2", (3,))]), "[([1 2 3],)]"),
        (np.array([1, 0], h5py.enum_dtype({"off": 0, "on": 1}, "i1")), "[1 0]"),
    ],
    ids=["f4", "f2", "c16", "u8", "opaque", "array", "enum"],
)
def test_every_kind_of_element_has_a_print(h5flume, tmp_path, values, expected):
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["data"] = values
    assert printed(h5flume, tmp_path / "file.h5", "/data")[0] == expected


@pytest.fixture(scope="module")
def ragged_file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("ragged") / "ragged.h5")
    with h5py.File(path, "w") as file:
        hits = file.create_dataset("hits", (2000,), h5py.vlen_dtype("<f4"))
        hits[2:4] = [np.array([0.5, 2], "f4"), np.array([3], "f4")]
        file["labels"] = [f"label {row}" for row in range(2000)]
        table = np.zeros(5, [("id", "<i4"), ("text", h5py.string_dtype())])
        table["id"], table["text"] = np.arange(5), list("abcde")
        file["table"] = table
    return path


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["hits", "[:4]"], "[[] [] [0.5 2.0] [3.0]]\n(4,) list of float32"),
        (["hits", "[2]"], "[0.5 2.0]\n() list of float32"),
        (["hits", "[[3, -1]]"], "[[3.0] []]\n(2,) list of float32"),
        (["hits"], "[[] [] [0.5 2.0] ... [] [] []]\n(2000,) list of float32"),
        (["labels", "[1998:]"], "['label 1998' 'label 1999']\n(2,) string"),
        (["table", "[::-2]", "--field", "text"], "['e' 'c' 'a']\n(3,) string"),
        (["table", "[:3]", "--field", "id"], "[0 1 2]\n(3,) int32"),
        (["table", "[:]", "--field", "text", "--where", "id > 2"], "['d' 'e']\n(2,) string"),
    ],
    ids=" ".join,
)
def test_elements_of_variable_length_are_printed(h5flume, ragged_file, arguments, expected):
    result = h5flume.run("slice", ragged_file, *arguments)
    assert (result.status, result.out, result.err) == (0, expected + "\n", "")


def test_elements_of_variable_length_are_counted_and_not_written(h5flume, ragged_file, tmp_path):
    report = h5flume.ok("slice", ragged_file, "labels", "[5:7]")
    assert (report["shape"], report["dtype"], report["bytes"]) == ([2], "|O", 3 * 8 + 14)
    out = tmp_path / "out.npy"
    message = h5flume.run("slice", ragged_file, "labels", "--out", out).err
    assert "variable length" in message and not out.exists()


def test_the_print_of_a_large_element_has_an_end(h5flume, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file["text"] = np.array([b"x" * 60_000] * 3)
        file["array"] = np.zeros(3, [("v", "<i8", (8000,))])
        file["opaque"] = np.zeros(3, "V60000")
    for dataset in ("/text", "/array", "/opaque"):
        array, _ = printed(h5flume, path, dataset)
        assert 300 < len(array) < 2000 and array.count("...") == 3


def test_only_what_is_printed_is_read(h5flume, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (90, 10), "<i4", chunks=(10, 10), compression="gzip")
        data[...] = 7
        place = data.id.get_chunk_info(4)
    with open(path, "r+b") as file:
        file.seek(place.byte_offset)
        file.write(b"\xff" * place.size)
    array, _ = printed(h5flume, path, "/data", "[[0, 89]]")
    assert array == str(np.full((2, 10), 7))
    result = h5flume.run("slice", path, "/data", "[45]", "--json")
    assert result.status == 1 and result.json["error"]["code"] == "corrupt_data"
    assert "/data" in result.err and "[45]" in result.err


# --- --out and --json -------------------------------------------------------------------------


def test_the_json_object_says_what_was_read(h5flume, table, tmp_path):
    result = h5flume.ok("slice", table, "/numbers", "[10:20, ::2]")
    assert result.pop("seconds") > 0
    assert result == {"shape": [10, 50], "dtype": "<i4", "bytes": 2000, "path": "direct", "out": None}
    out = str(tmp_path / "x.npy")
    assert h5flume.ok("slice", table, "/numbers", "--out", out)["out"] == out
    assert np.load(out).shape == (1000, 100)


def test_a_npy_file_holds_what_numpy_takes(h5flume, tmp_path):
    choose = Chooser(choose_seed())
    generator = np.random.default_rng(choose.randrange(2**32))
    path, out = tmp_path / "file.h5", tmp_path / "out.npy"
    with h5py.File(path, "w") as file:
        for kind in TYPES:
            LAYOUTS["gzip"](file, kind.name, kind, kind.values(SHAPE, generator), SHAPE)
        values = {kind.name: file[kind.name][()] for kind in TYPES}
    written = 0
    for name, array in values.items():
        chain = choose.chain(array)
        selection = "".join(map(step_text, chain))
        print(name, selection)
        theirs = numpy_takes(array, map(step_text, chain))
        result = h5flume.run("slice", path, name, selection, "--out", out)
        if result.status == 0:
            assert same_values(np.load(out), theirs)
            written += 1
        else:
            assert theirs is None or refused_with_reason(result, array, chain), result
    assert written > len(TYPES) / 2
    assert sorted(os.listdir(tmp_path)) == ["file.h5", "out.npy"]


def refused_with_reason(result, array, chain):
    return moves_a_list(array, chain) or "has no fields" in result.err


def test_what_is_larger_than_a_piece_is_written_whole(h5flume, tmp_path):
    """Many rows, few rows of many pieces each, and a list of rows."""
    path, out = tmp_path / "file.h5", tmp_path / "out.npy"
    values = np.random.default_rng(1).integers(0, 256, (3, 5000, 5000), "u1")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(2, 1024, 1024))
        file.create_dataset("deep", data=values.reshape(1, 3, 5000, 5000), chunks=(1, 1, 999, 5000))
    for dataset, selection in [
        ("/data", "[()]"), ("/data", "[::-1, ::-1]"), ("/data", "[[2, 0, 2, 1], 1:, :]"), ("/deep", "[()]"),
    ]:
        h5flume.ok("slice", path, dataset, selection, "--out", out)
        array = values if dataset == "/data" else values[None]
        assert np.array_equal(np.load(out, mmap_mode="r"), eval("array" + selection, {"array": array}))


def test_memory_does_not_grow_with_the_result(h5flume, tmp_path):
    path, out = tmp_path / "file.h5", tmp_path / "out.npy"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (600, 1 << 20), "u1", chunks=(1, 1 << 20), fillvalue=3)
    peak = peak_memory(h5flume.path, "slice", path, "/data", "[::-1]", "--out", out, "--quiet")
    assert 32 << 20 < peak < 200 << 20  # of 600 MiB
    written = np.load(out, mmap_mode="r")
    assert written.shape == (600, 1 << 20) and (written[::100, ::1000] == 3).all()


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "selection, position",
    [("10:20", 1), ("[1:2", 5), ("[1; 2]", 3), ("[::0]", 2), ("[None]", 2), ("[]", 2), ("['a'", 5)],
)
def test_what_is_no_selection_is_wrong_usage(h5flume, table, selection, position):
    result = h5flume.run("slice", table, "/numbers", selection, "--json")
    assert result.status == 2 and result.json["error"]["code"] == "usage"
    for words in (f"character {position}", "/numbers", "table.h5", selection):
        assert words in result.json["error"]["message"]


@pytest.mark.parametrize(
    "dataset, selection, words",
    [
        ("/numbers", "[1000]", "index 1000 is out of bounds for axis 0 with size 1000"),
        ("/numbers", "[0, 0, 0]", "axes"),
        ("/numbers", "['x']", "no field 'x'"),
        ("/events", "['x']", "no field 'x'; the fields are id, pos, name, on"),
        ("/numbers", "[-1001]", "index -1001 is out of bounds"),
        ("/numbers", "[[True, False]]", "mask"),
    ],
)
def test_a_selection_that_does_not_fit_is_an_error(h5flume, table, dataset, selection, words, tmp_path):
    out = tmp_path / "out.npy"
    result = h5flume.run("slice", table, dataset, selection, "--out", out, "--json")
    assert result.status == 1 and result.json["error"]["code"] == "invalid_argument"
    for expected in (dataset, "table.h5", words):
        assert expected in result.err
    assert os.listdir(tmp_path) == []


def test_an_output_file_that_cannot_be_made_is_an_error(h5flume, table, tmp_path):
    result = h5flume.run("slice", table, "/numbers", "--out", tmp_path / "none" / "x.npy")
    assert result.status == 1 and "x.npy" in result.err


def test_an_interrupt_leaves_no_file_behind(h5flume, tmp_path):
    """A terabyte, none of which is stored, is under way."""
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (1 << 20, 1 << 20), "u1")
    folder = tmp_path / "out"
    folder.mkdir()
    process = h5flume.start(
        "slice", path, "/data", "--out", "x.npy", "--json", cwd=folder, stdout=subprocess.PIPE
    )
    try:
        assert wait_until(lambda: os.listdir(folder))
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=30)[0]
    finally:
        process.kill()
    assert process.returncode == 130 and "interrupted" in output
    assert os.listdir(folder) == []
