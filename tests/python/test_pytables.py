"""Files that PyTables writes."""

import h5py
import numpy as np
import pytest
import tables

from oracle import same_values, sha256, stream_to_numpy


@pytest.fixture(scope="module")
def pytables_file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("pytables") / "file.h5")
    random = np.random.default_rng(7)
    rows = np.zeros(500, [("name", "S16"), ("energy", "<f4"), ("hits", "<i4", (3,)), ("ok", "?")])
    rows["energy"] = random.normal(size=500)
    rows["hits"] = random.integers(0, 99, (500, 3))
    rows["name"] = [f"event {index}" for index in range(500)]
    zlib = tables.Filters(complevel=5, complib="zlib", shuffle=True)
    blosc = tables.Filters(complevel=5, complib="blosc")
    with tables.open_file(path, "w") as file:
        file.create_table("/", "events", obj=rows, filters=zlib)
        file.create_table("/", "plain", obj=rows)
        file.create_array("/", "array", random.normal(size=(40, 3)))
        file.create_carray("/", "carray", obj=random.normal(size=(90, 8)), filters=zlib)
        growing = file.create_earray("/", "earray", tables.Int16Atom(), (0, 6), filters=zlib)
        for _ in range(5):
            growing.append(random.integers(-99, 99, (30, 6)).astype("i2"))
        file.create_carray("/", "flags", obj=random.normal(size=(60, 2)) > 0)
        file.create_carray("/", "complex", obj=np.exp(1j * np.arange(40.0)))
        file.create_carray("/", "times", tables.Time64Atom(), obj=np.arange(40.0))
        file.create_carray("/", "blosc", obj=np.arange(9000.0), filters=blosc)
    return path


@pytest.mark.parametrize("name", ["array", "carray", "earray", "flags", "complex"])
def test_an_array_of_pytables_reads_as_h5py_reads_it(h5flume, pytables_file, name, tmp_path):
    with h5py.File(pytables_file) as file:
        stored = file[name].id.get_type()
        size = stored.get_size()
        values = np.zeros(file[name].shape, f"V{size}")
        file[name].id.read(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=stored)  # its bits
    ours = stream_to_numpy(h5flume, pytables_file, name, tmp_path, "--block-rows", 11)
    assert ours.tobytes() == values.tobytes()


@pytest.mark.parametrize("name", ["events", "plain"])
def test_a_table_of_pytables_reads_as_it_was_written(h5flume, pytables_file, name, tmp_path):
    ours = stream_to_numpy(h5flume, pytables_file, name, tmp_path, "--block-rows", 64)
    with tables.open_file(pytables_file) as file:
        assert same_values(ours, file.get_node("/" + name).read())
    hits = stream_to_numpy(h5flume, pytables_file, name, tmp_path, "--field", "hits")
    assert hits.shape == (500, 3) and np.array_equal(hits, ours["hits"])


def test_types_of_pytables_that_are_not_served_are_refused_by_name(h5flume, pytables_file):
    assert "time" in h5flume.refusal(pytables_file, "times")


def test_blosc_is_read_or_refused_by_name(h5flume, pytables_file):
    result = h5flume.run("stream", pytables_file, "blosc", "--digest", "--json")
    if result.status == 0:
        assert result.json["sha256"] == sha256(np.arange(9000.0))
    else:
        assert result.status == 1 and "blosc" in result.err
        assert result.json["error"]["code"] == "missing_filter"
