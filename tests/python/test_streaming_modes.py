"""Whatever the number of workers, the size of blocks and the order: the same bytes."""

import h5py
import numpy as np
import pytest

from element_types import COMPOUND, NESTED, PADDED, TYPES
from oracle import read_with_h5py, sha256, stream_to_numpy


@pytest.fixture(scope="module")
def many_blocks(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("digest") / "file.h5")
    values = np.random.default_rng(5).integers(0, 50, (4001, 33)).astype("<i4")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(100, 10), compression="gzip")
    return path, sha256(values)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("block_rows", [1, 64, 100, 5000])
def test_the_digest_is_the_same_for_every_way_to_stream(h5flume, many_blocks, workers, block_rows):
    path, expected = many_blocks
    for mode in ([], ["--ordered"], ["--threads"], ["--threads", "--ordered"]):
        options = ["--workers", workers, "--block-rows", block_rows, *mode]
        assert h5flume.digest(path, "data", *options) == expected, options


@pytest.mark.parametrize("read_ahead", [1, 2, 3, 50])
def test_the_digest_is_the_same_for_every_read_ahead(h5flume, many_blocks, read_ahead):
    path, expected = many_blocks
    options = ["--workers", 3, "--block-rows", 50, "--read-ahead", read_ahead]
    assert h5flume.digest(path, "data", *options) == expected


@pytest.mark.parametrize("mode", [[], ["--ordered"], ["--threads"]], ids=str)
def test_cyclic_blocks_wrap_and_go_on(h5flume, tmp_path, mode):
    path = str(tmp_path / "file.h5")
    values = np.arange(100, dtype="<i8").reshape(50, 2)
    with h5py.File(path, "w") as file:
        file["data"] = values
    options = ["--cyclic", "--block-rows", 7, "--workers", 2, *mode]
    wanted = np.resize(values, (20 * 7, 2))
    result = h5flume.ok("stream", path, "data", "--blocks", 20, "--digest", *options)
    assert (result["rows"], result["blocks"]) == (140, 20)
    assert result["sha256"] == sha256(wanted)
    ours = stream_to_numpy(h5flume, path, "data", tmp_path, "--blocks", 20, *options)
    assert np.array_equal(ours, wanted)


# --- fields -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compounds(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("fields") / "file.h5")
    random = np.random.default_rng(6)
    with h5py.File(path, "w") as file:
        for name, dtype in {"flat": COMPOUND, "nested": NESTED, "padded": PADDED}.items():
            kind = next(kind for kind in TYPES if kind.dtype == dtype)
            file.create_dataset(name, data=kind.values((40, 3), random), chunks=(16, 3))
        file["plain"] = np.arange(10)
    return path


@pytest.mark.parametrize(
    "dataset, field", [("flat", "x"), ("flat", "tag"), ("flat", "on"), ("padded", "n")]
)
def test_one_field_comes_as_its_own_type(h5flume, compounds, dataset, field):
    theirs = np.ascontiguousarray(read_with_h5py(compounds, dataset)[field])
    assert h5flume.digest(compounds, dataset, "--field", field) == sha256(theirs)


@pytest.mark.parametrize("mode", [[], ["--threads"], ["--threads", "--trusted"], ["--no-direct"]], ids=str)
def test_fields_are_read_as_rows_are(h5flume, compounds, mode):
    whole = h5flume.ok("stream", compounds, "flat", *mode)
    field = h5flume.ok("stream", compounds, "flat", "--field", "x", "--digest", *mode)
    assert field["path"] == whole["path"] == ("hdf5" if mode == ["--no-direct"] else "direct")
    assert field["sha256"] == sha256(np.ascontiguousarray(read_with_h5py(compounds, "flat")["x"]))


def test_a_nested_field_is_named_by_its_path(h5flume, compounds):
    theirs = np.ascontiguousarray(read_with_h5py(compounds, "nested")["point"]["y"])
    assert h5flume.digest(compounds, "nested", "--field", "point/y") == sha256(theirs)


def test_several_fields_come_packed_in_the_order_asked_for(h5flume, compounds, tmp_path):
    theirs = read_with_h5py(compounds, "padded")
    ours = stream_to_numpy(
        h5flume, compounds, "padded", tmp_path, "--field", "n", "--field", "flag"
    )
    assert ours.dtype == np.dtype([("n", "<i2"), ("flag", "u1")])
    assert np.array_equal(ours["n"], theirs["n"]) and np.array_equal(ours["flag"], theirs["flag"])


def test_an_unknown_field_is_refused_with_those_there_are(h5flume, compounds):
    message = h5flume.refusal(compounds, "flat", "--field", "energy")
    assert "energy" in message and "tag" in message
    assert "plain" in h5flume.refusal(compounds, "plain", "--field", "x")
