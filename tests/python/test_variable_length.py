"""Variable-length strings and sequences: h5flume gives the values that h5py gives."""

import os

import h5py
import numpy as np
import pytest
import tables

from harm import STREAM, orphans_are_ours, run_harmlessly
from oracle import elements, is_variable_length, sha256_of_elements
from ragged import BASES, LAYOUTS, LIBVERS, WORDS, create, fill_lists, write_every_type

def check(h5flume, path, name, *options):
    """h5flume and h5py agree on a dataset; gives what h5flume reports."""
    report = h5flume.ok("stream", path, name, "--digest", *options)
    with h5py.File(path) as file:
        assert is_variable_length(file[name])
        assert report["sha256"] == sha256_of_elements(elements(file[name]))
        assert report["rows"] == file[name].shape[0]
    assert report["path"] == "hdf5"
    return report


@pytest.fixture(scope="module", params=[(a, b) for a in LAYOUTS for b in LIBVERS], ids="-".join)
def ragged_file(request, tmp_path_factory):
    layout, libver = request.param
    path = str(tmp_path_factory.mktemp(layout) / f"{libver}.h5")
    with h5py.File(path, "w", libver=LIBVERS[libver]) as file:
        write_every_type(file, layout, np.random.default_rng(5))
    return path


def test_every_type_in_every_layout_reads_as_h5py_reads_it(h5flume, ragged_file):
    with h5py.File(ragged_file) as file:
        names = list(file)
    assert len(names) == len(BASES) + 2
    for name in names:
        check(h5flume, ragged_file, name, "--block-rows", 4)


def test_the_digest_is_the_same_however_the_data_is_streamed(h5flume, ragged_file):
    for options in (
        ["--block-rows", 1],
        ["--block-rows", 19, "--workers", 1],
        ["--ordered", "--workers", 3],
        ["--threads"],
        ["--no-direct"],
        ["--block-capacity", 1 << 20],
    ):
        check(h5flume, ragged_file, "utf-8", *options)
        check(h5flume, ragged_file, "compoundc", *options)


@pytest.mark.parametrize("shape", [(1,), (50,), (9, 3, 4)], ids=str)
def test_elements_of_any_rank_come_in_c_order(h5flume, shape, tmp_path):
    path = str(tmp_path / "file.h5")
    random = np.random.default_rng(6)
    with h5py.File(path, "w") as file:
        fill_lists(create(file, "data", shape, h5py.vlen_dtype("f4"), "gzip"), np.dtype("f4"), random)
    check(h5flume, path, "data", "--block-rows", 2)


def test_random_combinations_read_as_h5py_reads_them(h5flume, tmp_path):
    seed = int(os.environ.get("H5FLUME_TEST_SEED", np.random.SeedSequence().entropy % 2**32))
    print(f"H5FLUME_TEST_SEED={seed}")
    random = np.random.default_rng(seed)
    for case in range(30):
        base = list(BASES.values())[random.integers(len(BASES))]
        shape = tuple(int(size) for size in random.integers(1, (60, 6, 4)[: random.integers(1, 4)]))
        layout = str(random.choice(["contiguous", "chunked", "gzip"]))
        path = str(tmp_path / f"{case}.h5")
        with h5py.File(path, "w", libver=LIBVERS[str(random.choice(list(LIBVERS)))]) as file:
            dataset = create(file, "data", shape, h5py.vlen_dtype(base), layout)
            fill_lists(dataset, base, random)
        options = ["--block-rows", random.integers(1, shape[0] + 3)]
        options += ["--workers", random.integers(1, 4)]
        options += ["--ordered"] * random.integers(2) + ["--threads"] * random.integers(2)
        print(case, base, shape, layout, *options)
        check(h5flume, path, "data", *options)


@pytest.mark.parametrize("layout", ["contiguous", "gzip"])
def test_a_field_of_variable_length_reads_as_h5py_reads_it(h5flume, layout, tmp_path):
    path = str(tmp_path / "file.h5")
    table = np.dtype([("id", "<i4"), ("text", h5py.string_dtype()), ("hits", h5py.vlen_dtype("<f4"))])
    values = np.zeros(100, table)
    values["text"] = [WORDS[index % len(WORDS)] for index in range(100)]
    values["hits"] = [np.arange(index % 7, dtype="<f4") for index in range(100)]
    with h5py.File(path, "w") as file:
        create(file, "data", (100,), table, layout)[...] = values
    texts = [text.encode() for text in values["text"]]
    assert h5flume.digest(path, "data", "--field", "text") == sha256_of_elements(texts)
    assert h5flume.digest(path, "data", "--field", "hits") == sha256_of_elements(values["hits"])
    both = h5flume.refusal(path, "data", "--field", "text", "--field", "hits")
    assert "field 'text'" in both and "inside another type" in both


def test_what_pytables_keeps_in_a_vlarray_reads_as_h5py_reads_it(h5flume, tmp_path):
    path = str(tmp_path / "file.h5")
    zlib = tables.Filters(complevel=5, complib="zlib", shuffle=True)
    random = np.random.default_rng(8)
    with tables.open_file(path, "w") as file:
        numbers = file.create_vlarray("/", "numbers", tables.Int32Atom(), filters=zlib)
        points = file.create_vlarray("/", "points", tables.Float64Atom(shape=(2,)))
        texts = file.create_vlarray("/", "texts", tables.VLStringAtom())
        unicode = file.create_vlarray("/", "unicode", tables.VLUnicodeAtom())
        objects = file.create_vlarray("/", "objects", tables.ObjectAtom())
        for index in range(300):
            numbers.append(random.integers(-999, 999, index % 17))
            points.append(random.normal(size=(index % 5, 2)))
            texts.append(b"text " * (index % 9))
            unicode.append("é" * (index % 9))
            objects.append({"index": index})
    for name in ("numbers", "texts", "unicode", "objects"):
        check(h5flume, path, name, "--block-rows", 64)
    assert h5flume.ok("stream", path, "points")["rows"] == 300  # which h5py cannot read
    with tables.open_file(path) as file:
        expected = sha256_of_elements(file.root.points.read())
    assert h5flume.digest(path, "points") == expected


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def images(tmp_path):
    """Fifty encoded images of some 100 kB, and a thousand short labels."""
    path = str(tmp_path / "encoded.h5")
    random = np.random.default_rng(9)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("images", (50,), h5py.vlen_dtype("u1"))
        for index in range(50):
            dataset[index] = np.frombuffer(random.bytes(random.integers(50_000, 150_000)), "u1")
        file["labels"] = [f"label {index}" for index in range(1000)]
    return path


def test_large_elements_need_no_option(h5flume, images):
    report = check(h5flume, images, "images")
    assert 1 < report["blocks"] < 50
    with h5py.File(images) as file:
        values = sum(len(element) for element in file["images"][()])
    assert report["bytes"] == values + 8 * (50 + report["blocks"])  # offsets included


def test_a_block_that_does_not_fit_is_an_error_that_says_what_would(h5flume, images):
    options = ["--block-rows", 10, "--block-capacity", 100_000]
    result = h5flume.run("stream", images, "images", "--json", *options)
    assert result.status == 1
    assert result.json["error"]["code"] == "resource_limit"
    message = result.json["error"]["message"]
    assert "'images' rows " in message and "encoded.h5" in message
    assert "block_capacity_bytes is 100000" in message
    needed = int(message.split("need ")[1].split(" ")[0])
    report = h5flume.ok("stream", images, "images", "--skip-errors", *options)
    assert (report["rows"], report["skipped_blocks"]) == (0, 5)
    first = h5flume.ok("stream", images, "images", "--ordered", "--block-rows", 10,
                       "--block-capacity", 2_000_000)
    assert first["rows"] == 50
    with h5py.File(images) as file:
        sizes = [sum(map(len, file["images"][at : at + 10])) + 8 * 11 for at in range(0, 50, 10)]
    assert needed in sizes


def test_a_npy_file_is_refused_and_not_made(h5flume, images, tmp_path):
    out = tmp_path / "out.npy"
    message = h5flume.refusal(images, "labels", "--out", out)
    assert "string" in message and ".npy" in message and "'labels'" in message
    assert not out.exists()


def test_inspect_shows_the_type_and_who_reads_it(h5flume, images):
    entries = {entry["path"]: entry for entry in h5flume.ok("inspect", images)["datasets"]}
    assert entries["/labels"]["dtype"] == "string"
    assert entries["/images"]["dtype"] == "list of uint8"
    assert entries["/images"]["read_path"] == "hdf5"
    assert "variable length" in entries["/images"]["why"]
    assert entries["/images"]["decoded_bytes"] is None
    assert "list of uint8" in h5flume.run("inspect", images).out


def test_verify_names_what_it_has_no_second_way_to_read(h5flume, images):
    report = h5flume.ok("verify", images)
    assert report["compared"] == 0 and report["differing"] == []
    assert all("variable length" in entry["reason"] for entry in report["unsupported"])


def test_a_cyclic_stream_wraps(h5flume, images):
    report = h5flume.ok("stream", images, "labels", "--cyclic", "--blocks", 7, "--block-rows", 300,
                        "--digest")
    labels = [f"label {index % 1000}".encode() for index in range(2100)]
    assert report["sha256"] == sha256_of_elements(labels)


def test_nested_variable_lengths_are_refused_by_name(h5flume, tmp_path):
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("lists of lists", (3,), h5py.vlen_dtype(h5py.vlen_dtype("i4")))
        file.create_dataset("lists of texts", (3,), h5py.vlen_dtype(h5py.string_dtype()))
        file.create_dataset("lists of references", (3,), h5py.vlen_dtype(h5py.ref_dtype))
    assert "variable-length sequence inside another" in h5flume.refusal(path, "lists of lists")
    assert "variable-length string inside another" in h5flume.refusal(path, "lists of texts")
    assert "reference" in h5flume.refusal(path, "lists of references")


def test_a_string_that_says_it_is_huge_takes_no_memory(h5flume, tmp_path):
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=["one", "two", "three"], dtype=h5py.string_dtype())
        at = file["x"].id.get_offset() + 2 * 16  # the last: length, address and number in a heap
    damaged = bytearray(path.read_bytes())
    assert damaged[at : at + 4] == b"\5\0\0\0"
    damaged[at + 1 : at + 4] = b"\xff\xff\xff"
    path.write_bytes(damaged)
    with orphans_are_ours():
        for command, selection in ((STREAM, []), (["slice"], ["[:]"])):
            report, harm = run_harmlessly(h5flume.path, command, str(path), "/x", *selection)
            assert report is None and not harm, harm
