"""Datasets of variable-length strings and sequences, of every type and layout."""

import h5py
import numpy as np

from layouts import dcpl_for

LIBVERS = {"earliest": "earliest", "latest": ("v110", "v110")}  # the newest that 1.10 can read
HIT = np.dtype([("channel", "<u2"), ("energy", "<f8"), ("name", "S3")])
BASES = {
    **{code: np.dtype(code) for code in ("i1", "u1", "<i2", ">u2", "<i4", ">i4", "<u8", ">i8")},
    **{code: np.dtype(code) for code in ("<f2", "<f4", ">f4", "<f8", ">f8", "<c8")},
    "bool": np.dtype("?"),
    "enum": h5py.enum_dtype({"red": 0, "green": 1, "blue": 200}, "u1"),
    "text": np.dtype("S5"),
    "compound": HIT,
}


def chunk_of(shape):
    return tuple(map(min, (7, 2, 3), shape))


LAYOUTS = {
    "contiguous": lambda shape: dcpl_for(),
    "compact": lambda shape: dcpl_for(layout=h5py.h5d.COMPACT),
    "chunked": lambda shape: dcpl_for(chunk_of(shape)),
    "gzip": lambda shape: dcpl_for(chunk_of(shape), ["shuffle", "gzip"]),
}
WORDS = ["", "a", "two words", "über", "日本語", "x" * 3000, "ends with spaces  "]


def create(file, name, shape, dtype, layout):
    stored = h5py.h5t.py_create(dtype, logical=True)
    space = h5py.h5s.create_simple(shape)
    return h5py.Dataset(
        h5py.h5d.create(file.id, name.encode(), stored, space, dcpl=LAYOUTS[layout](shape))
    )


def random_list(base, random):
    length = int(random.choice([0, 1, 3, 40]))
    values = np.zeros(length, base)
    if base.fields is not None:
        for name in base.names:
            values[name] = random.integers(0, 99, length)
    elif base.kind == "S":
        values[:] = [str(number) for number in random.integers(0, 99999, length)]
    else:
        values[:] = random.integers(0, 2 if base.kind == "b" else 120, length)
    return values


def fill_lists(dataset, base, random):
    """Writes most elements; those left out were never written."""
    for at in np.ndindex(dataset.shape):
        if random.random() < 0.9:
            dataset[at] = random_list(base, random)


def write_every_type(file, layout, random):
    """A dataset of lists of each of BASES, and of strings in each encoding."""
    for name, base in BASES.items():
        dataset = create(file, name.strip("<>") + name[:1], (19, 4), h5py.vlen_dtype(base), layout)
        fill_lists(dataset, base, random)
    for encoding in ("ascii", "utf-8"):
        dataset = create(file, encoding, (19, 4), h5py.string_dtype(encoding), layout)
        words = WORDS if encoding == "utf-8" else [word for word in WORDS if word.isascii()]
        dataset[2:] = random.choice(words, (17, 4))  # the first rows are null pointers
