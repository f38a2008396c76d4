"""Every element type in every layout: h5flume gives the bytes that h5py gives."""

import os

import h5py
import numpy as np
import pytest

from element_types import TYPES
from layouts import LAYOUTS, add_filter, dcpl_for
from oracle import read_with_h5py, same_values, sha256, stream_to_numpy
from seeds import choose_seed

SHAPE = (23, 5)
LIBVERS = {"earliest": "earliest", "latest": ("v110", "v110")}  # the newest that 1.10 can read


def check(h5flume, file, dataset, folder, *options, padded=False):
    """h5flume and h5py agree on a dataset."""
    theirs = read_with_h5py(file, dataset)
    if padded or theirs.dtype == np.longdouble:
        ours = stream_to_numpy(h5flume, file, dataset, folder, *options)
        assert same_values(ours, theirs)
    else:
        assert h5flume.digest(file, dataset, *options) == sha256(theirs)


# --- types and layouts ------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[(a, b) for a in LAYOUTS for b in LIBVERS], ids="-".join)
def file_of_all_types(request, tmp_path_factory):
    layout, libver = request.param
    path = str(tmp_path_factory.mktemp(layout) / f"{libver}.h5")
    random = np.random.default_rng(2)
    with h5py.File(path, "w", libver=LIBVERS[libver]) as file:
        for kind in TYPES:
            LAYOUTS[layout](file, kind.name, kind, kind.values(SHAPE, random), SHAPE)
    return path


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_a_dataset_of_any_type_in_any_layout_reads_as_h5py_reads_it(
    h5flume, file_of_all_types, kind, tmp_path
):
    check(h5flume, file_of_all_types, kind.name, tmp_path, "--block-rows", 4, padded=kind.padded)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_a_npy_file_holds_what_h5py_reads(h5flume, kind, tmp_path):
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        values = kind.values(SHAPE, np.random.default_rng(3))
        LAYOUTS["gzip"](file, "data", kind, values, SHAPE)
    ours = stream_to_numpy(h5flume, path, "data", tmp_path, "--block-rows", 3)
    theirs = read_with_h5py(path, "data")
    assert ours.shape == theirs.shape
    assert same_values(ours, theirs)
    assert sorted(os.listdir(tmp_path)) == ["file.h5", "out.npy"]


@pytest.mark.parametrize("shape", [(1,), (100,), (31, 4), (9, 5, 7), (10, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("layout", ["contiguous", "shuffle_gzip", "growing"])
def test_a_dataset_of_any_rank_reads_as_h5py_reads_it(h5flume, shape, layout, tmp_path):
    path = str(tmp_path / "file.h5")
    kind = next(kind for kind in TYPES if kind.name == "big_f4")
    with h5py.File(path, "w") as file:
        LAYOUTS[layout](file, "data", kind, kind.values(shape, np.random.default_rng(4)), shape)
    check(h5flume, path, "data", tmp_path, "--block-rows", 3)


@pytest.mark.parametrize("name", ["lzf", "szip", "scaleoffset", "nbit"])
def test_a_filter_is_read_or_refused_by_name(h5flume, name, tmp_path):
    path = str(tmp_path / "file.h5")
    values = np.arange(6000, dtype="<i4").reshape(1000, 6)
    dcpl = dcpl_for(chunk=(64, 6))
    try:
        if name == "scaleoffset":
            dcpl.set_scaleoffset(h5py.h5z.SO_INT, 0)
        elif name == "nbit":
            dcpl.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
        else:
            add_filter(dcpl, name)
        with h5py.File(path, "w") as file:
            space = h5py.h5s.create_simple(values.shape)
            created = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I32LE, space, dcpl=dcpl)
            created.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    except (OSError, RuntimeError, ValueError) as reason:
        pytest.skip(f"this h5py cannot write {name}: {reason}")
    result = h5flume.run("stream", path, "data", "--digest", "--json")
    if result.status == 0:
        assert result.json["sha256"] == sha256(values)
    else:
        assert result.status == 1
        assert name in result.err.lower(), result
        assert result.json["error"]["code"] == "missing_filter"


def test_missing_chunks_read_as_the_fill_value(h5flume, tmp_path):
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        for filters in ({}, {"compression": "gzip"}):
            name = f"{len(filters)}"
            data = file.create_dataset(name, (50, 9), "<f8", chunks=(4, 4), fillvalue=7.5, **filters)
            data[10:20, 3:6] = 1
            file.create_dataset(name + "none", (50, 9), ">i2", chunks=(4, 4), fillvalue=-3, **filters)
        file.create_dataset("contiguous", (50, 9), "<u2", fillvalue=9)
        late = dcpl_for()
        late.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
        late.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((50,))
        h5py.h5d.create(file.id, b"never", h5py.h5t.STD_I32LE, space, dcpl=late)
    for name in ("0", "0none", "1", "1none", "contiguous"):
        check(h5flume, path, name, tmp_path, "--block-rows", 7)
    # Never written and never filled: h5py returns whatever its buffer held, we always zeros.
    zeros = np.zeros(50, "<i4")
    assert h5flume.digest(path, "never", "--block-rows", 7) == sha256(zeros)


# --- at random --------------------------------------------------------------------------------


def test_random_combinations_read_as_h5py_reads_them(h5flume, tmp_path):
    random = np.random.default_rng(choose_seed())
    for case in range(60):
        kind = TYPES[random.integers(len(TYPES))]
        shape = tuple(int(size) for size in random.integers(1, (60, 12, 8, 4)[: random.integers(1, 5)]))
        layout = str(random.choice(list(LAYOUTS)))
        if layout == "compact":
            shape = shape[:2]  # HDF5 allows it 64 KiB
        path = str(tmp_path / f"{case}.h5")
        with h5py.File(path, "w", libver=LIBVERS[str(random.choice(list(LIBVERS)))]) as file:
            LAYOUTS[layout](file, "data", kind, kind.values(shape, random), shape)
        options = ["--block-rows", random.integers(1, shape[0] + 3)]
        options += ["--workers", random.integers(1, 4)]
        options += ["--read-ahead", random.integers(4, 9)]
        options += ["--ordered"] * random.integers(2) + ["--threads"] * random.integers(2)
        print(case, kind.name, shape, layout, *options)
        check(h5flume, path, "data", tmp_path, *options, padded=kind.padded)
