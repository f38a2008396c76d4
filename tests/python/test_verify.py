"""Direct reading gives what libhdf5 gives, for random shapes, chunks, types and filters."""

import random

import h5py
import hdf5plugin
import numpy as np
import pytest

from oracle import read_with_h5py, sha256
from seeds import choose_seed

FILTERS = {
    "none": {},
    "gzip": {"compression": "gzip"},
    "gzip_shuffle": {"compression": "gzip", "shuffle": True},
    "shuffle": {"shuffle": True},
    "fletcher32": {"fletcher32": True},
    "gzip_shuffle_fletcher32": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "lzf_shuffle": {"compression": "lzf", "shuffle": True},
    "szip": {"compression": "szip"},
    "lz4": hdf5plugin.LZ4(),
    "lz4_small_blocks": hdf5plugin.LZ4(nbytes=512),
    "zstd": hdf5plugin.Zstd(),
    "zstd_shuffle": {**hdf5plugin.Zstd(), "shuffle": True},
    "bitshuffle": hdf5plugin.Bitshuffle(cname="none"),
    "bitshuffle_lz4": hdf5plugin.Bitshuffle(cname="lz4"),
    "bitshuffle_zstd": hdf5plugin.Bitshuffle(cname="zstd"),
    **{f"blosc_{name}": hdf5plugin.Blosc(cname=name) for name in ("blosclz", "lz4", "zlib", "zstd")},
    "blosc_bitshuffle": hdf5plugin.Blosc(cname="lz4", shuffle=hdf5plugin.Blosc.BITSHUFFLE),
}
TYPES = ["u1", "i1", "<u2", ">u2", "<i4", ">i4", "<f4", ">f4", "<f8", ">f8", "<f2", "<c8", "S7",
         [("id", "<i8"), ("energy", "<f4"), ("flag", "u1")], ("<f4", (3,))]
LIBVERS = ["earliest", ("v110", "v110")]


@pytest.fixture(scope="module", autouse=True)
def plugins():
    """libhdf5 reads the same filters, by the plug-ins that h5py writes them with."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
        yield


def values_of(dtype, shape, generator):
    """Random values that compress a little."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape)) * dtype.itemsize
    return generator.integers(0, 20, count, dtype=np.uint8).view(dtype.base).reshape(
        shape + dtype.shape)


def write_random(file, name, options, chooser, generator):
    rank = chooser.randint(1, 4)
    limit = {1: 3000, 2: 80, 3: 20, 4: 9}[rank]
    shape = tuple(chooser.randint(1, limit) for _ in range(rank))
    chunks = tuple(chooser.randint(1, extent + 2) for extent in shape)
    if "szip" in name:  # wants blocks of 8 elements
        chunks = chunks[:-1] + (max(chunks[-1], 8),)
    growing = chooser.random() < 0.5 or any(c > s for c, s in zip(chunks, shape))
    if growing:
        maxshape = tuple(None if chooser.random() < 0.6 else max(s, c) for s, c in zip(shape, chunks))
    else:
        maxshape = None
    kind = chooser.choice(TYPES)
    if "szip" in name:
        kind = chooser.choice([t for t in TYPES if isinstance(t, str) and t[-2:] in ("u1", "u2", "i4", "f4", "f8")])
    dtype = np.dtype(kind)
    fill = values_of(dtype.base, (1,), generator)[0] if chooser.random() < 0.5 and dtype.shape == () else None
    dataset = file.create_dataset(name, shape, kind, chunks=chunks, maxshape=maxshape,
                                  fillvalue=fill, **options)
    if chooser.random() < 0.5:
        dataset[...] = values_of(dtype, shape, generator)
    else:  # some chunks only, so that others are missing
        for _ in range(chooser.randint(0, 4)):
            at = tuple(slice(a, a + chooser.randint(1, s)) for s in shape for a in [chooser.randrange(s)])
            part = dataset[at].shape[: len(shape)]
            dataset[at] = values_of(dtype, part, generator)


@pytest.mark.parametrize("libver", LIBVERS, ids=["old format", "new format"])
@pytest.mark.parametrize("name", FILTERS)
def test_random_datasets_are_read_directly_as_libhdf5_reads_them(h5flume, tmp_path, name, libver):
    seed = choose_seed()
    chooser, generator = random.Random(seed), np.random.default_rng(seed)
    path = tmp_path / "random.h5"
    userblock = chooser.choice([0, 512, 4096])
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        for index in range(8):
            write_random(file, f"{name}_{index}", FILTERS[name], chooser, generator)
    if not name.startswith("lzf"):  # which libhdf5 has no plug-in for, only h5py
        result = h5flume.ok("verify", path)
        assert result["differing"] == []
        assert result["unsupported"] == []
        assert result["compared"] == 8
    for index in range(8):
        dataset = f"{name}_{index}"
        rows = chooser.randint(1, 50)
        report = h5flume.ok("stream", path, dataset, "--digest", "--block-rows", rows)
        assert report["path"] == "direct"
        assert report["sha256"] == sha256(read_with_h5py(str(path), dataset)), dataset


def test_filter_masks_of_chunks_are_obeyed(h5flume, tmp_path):
    path = tmp_path / "masks.h5"
    data = np.arange(4 * 1000, dtype="<f4").reshape(4, 1000)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", data.shape, "<f4", chunks=(1, 1000), compression="gzip", shuffle=True)
        dataset[...] = data
        dataset.id.write_direct_chunk((1, 0), data[1].tobytes(), filter_mask=0b11)
    assert h5flume.ok("verify", path)["compared"] == 1
    assert h5flume.digest(path, "x") == sha256(data)


@pytest.mark.parametrize("how", ["contiguous", "missing", "big_endian"])
def test_contiguous_data_is_read_directly(h5flume, tmp_path, how):
    path = tmp_path / "contiguous.h5"
    data = np.arange(300, dtype=">f8" if how == "big_endian" else "<f8").reshape(100, 3)
    with h5py.File(path, "w", userblock_size=512) as file:
        dataset = file.create_dataset("x", data.shape, data.dtype, fillvalue=2.5)
        if how != "missing":
            dataset[...] = data
    report = h5flume.ok("stream", path, "x", "--digest", "--block-rows", 7)
    assert report["path"] == "direct"
    assert report["sha256"] == sha256(read_with_h5py(str(path), "x"))
    assert h5flume.ok("verify", path)["compared"] == 1


def test_what_only_libhdf5_reads_is_named_with_the_reason(h5flume, tmp_path):
    path = tmp_path / "fallback.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("scaled", data=np.arange(100), chunks=(10,), scaleoffset=8)
        file.create_dataset("fast", data=np.arange(100), chunks=(10,))
    result = h5flume.ok("verify", path)
    assert result["compared"] == 1
    assert [entry["path"] for entry in result["unsupported"]] == ["/scaled"]
    assert "scaleoffset" in result["unsupported"][0]["reason"]
    assert h5flume.ok("stream", path, "scaled")["path"] == "hdf5"
    assert h5flume.ok("stream", path, "fast", "--no-direct")["path"] == "hdf5"


def test_a_damaged_chunk_is_an_error_that_names_it(h5flume, tmp_path):
    path = tmp_path / "damaged.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", data=np.arange(4000), chunks=(1000,), fletcher32=True)
        address = dataset.id.get_chunk_info(2).byte_offset
    with open(path, "r+b") as file:
        file.seek(address + 100)
        file.write(b"damage")
    message = h5flume.refusal(path, "x")
    assert "chunk (2)" in message and "Fletcher-32" in message and "damaged.h5" in message


def test_filters_that_libhdf5_lacks_are_decoded_all_the_same(h5flume, tmp_path, monkeypatch):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", str(tmp_path))
    path = tmp_path / "plugins.h5"
    data = np.arange(10_000, dtype="<i4")
    with h5py.File(path, "w") as file:
        for name in ("lzf", "lz4", "zstd", "bitshuffle_lz4", "blosc_zstd"):
            file.create_dataset(name, data=data, chunks=(999,), **FILTERS[name])
        file.create_dataset("blosc2", data=data, chunks=(999,), **hdf5plugin.Blosc2())
    for name in ("lzf", "lz4", "zstd", "bitshuffle_lz4", "blosc_zstd"):
        assert h5flume.digest(path, name) == sha256(data)
    assert "32026" in h5flume.refusal(path, "blosc2")  # at once, by its number
    failure = h5flume.run("stream", path, "blosc2", "--json").json["error"]
    assert failure["code"] == "missing_filter"
