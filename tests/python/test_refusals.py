"""What h5flume does not serve, it refuses with a reason."""

import os

import h5py
import numpy as np
import pytest

from harm import run_measured
from oracle import sha256, stream_to_numpy

# --- what is not served -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd_file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("odd") / "file.h5")
    with h5py.File(path, "w") as file:
        file["scalar"] = 3.5
        file["null"] = h5py.Empty("f4")
        file.create_dataset("empty", (0, 4), "<f4", maxshape=(None, 4), chunks=(8, 4))
        file.create_dataset("rows_without_bytes", (5, 0), "<f4")
        file.create_dataset("nested", (3,), h5py.vlen_dtype(h5py.vlen_dtype("i4")))
        file.create_dataset("references", (2,), h5py.ref_dtype)
        file.create_dataset("regions", (2,), h5py.regionref_dtype)
        mixed = np.dtype([("x", "f4"), ("text", h5py.string_dtype())])
        file.create_dataset("mixed", (5,), mixed)["x"] = np.arange(5)
        file.create_group("group")
    return path


@pytest.mark.parametrize(
    "name, word",
    [
        ("scalar", "scalar"),
        ("null", "null"),
        ("nested", "variable"),
        ("references", "reference"),
        ("regions", "reference"),
        ("mixed", "text"),
        ("group", "group"),
        ("absent", "absent"),
    ],
)
def test_what_is_not_served_is_refused_by_name(h5flume, odd_file, name, word):
    message = h5flume.refusal(odd_file, name)
    assert word in message.lower()
    assert name in message and os.path.basename(odd_file) in message


def test_the_fixed_fields_beside_a_variable_one_are_served(h5flume, odd_file):
    assert h5flume.digest(odd_file, "mixed", "--field", "x") == sha256(np.arange(5, dtype="<f4"))


@pytest.mark.parametrize("chunks", [None, (2,)])
def test_elements_of_4_gib_are_not_made_room_for(h5flume, tmp_path, chunks):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(5.0), chunks=chunks)
    double, huge = b"\x11\x20\x3f\x00" + b"\x08\x00\x00\x00", b"\x11\x20\x3f\x00" + b"\x08\xff\xff\xff"
    content = path.read_bytes()
    assert content.count(double) == 1
    path.write_bytes(content.replace(double, huge))
    ending = run_measured(h5flume.path, "stream", str(path), "/data", "--json")
    assert ending.status == 1 and ("4GB" if chunks else "do not fit") in ending.err, ending
    assert ending.largest_bytes < 1 << 30


def test_an_empty_dataset_is_a_stream_of_nothing(h5flume, odd_file, tmp_path):
    result = h5flume.ok("stream", odd_file, "empty", "--digest")
    assert (result["rows"], result["blocks"], result["bytes"]) == (0, 0, 0)
    assert result["sha256"] == sha256(np.zeros((0, 4), "f4"))
    assert stream_to_numpy(h5flume, odd_file, "empty", tmp_path).shape == (0, 4)


def test_rows_without_bytes_are_rows_all_the_same(h5flume, odd_file):
    result = h5flume.ok("stream", odd_file, "rows_without_bytes", "--digest")
    assert (result["rows"], result["bytes"]) == (5, 0)


# --- sources outside the file -----------------------------------------------------------------


@pytest.fixture
def outside(tmp_path):
    """A file in a folder of its own, whose datasets draw on files beside and outside it."""
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret.raw"
    secret.write_bytes(np.arange(40, dtype="<i4").tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = np.arange(40, dtype="<i4")
    path = home / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", (40,), "<i4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        source = h5py.VirtualSource(str(tmp_path / "secret.h5"), "data", shape=(40,))
        layout = h5py.VirtualLayout((40,), "<i4")
        layout[:] = source
        file.create_virtual_dataset("virtual", layout)
        layout = h5py.VirtualLayout((40,), "<i4")
        layout[:] = h5py.VirtualSource("gone.h5", "data", shape=(40,))
        file.create_virtual_dataset("dangling", layout, fillvalue=1)
        file["link"] = h5py.ExternalLink("../secret.h5", "/data")
    return str(path)


@pytest.mark.parametrize("name", ["raw", "virtual", "link"])
def test_sources_outside_the_folder_are_refused_unless_allowed(h5flume, outside, name):
    result = h5flume.run("stream", outside, name, "--json")
    assert result.status == 1, result
    assert result.json["error"]["code"] == "refused"
    assert "secret" in result.err
    expected = sha256(np.arange(40, dtype="<i4"))
    assert h5flume.digest(outside, name, "--allow-outside-sources") == expected


def test_a_missing_virtual_source_is_an_error_not_fill_values(h5flume, outside):
    result = h5flume.run("stream", outside, "dangling", "--json")
    assert result.status == 1, result
    assert "gone.h5" in result.err
    assert result.json["error"]["code"] == "not_found"
