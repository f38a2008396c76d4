"""Element types of HDF5, each with a way to write a dataset of it and random values for it."""

import dataclasses
import typing

import h5py
import numpy as np

COLOURS = {"red": 0, "green": 1, "blue": 200}
COMPOUND = np.dtype([("id", "<i4"), ("x", "<f8"), ("tag", "S5"), ("on", "?")])
BIG_ENDIAN = np.dtype([("id", ">i4"), ("x", ">f8"), ("half", ">f2")])
NESTED = np.dtype([("key", "<u2"), ("point", [("x", "<f4"), ("y", "<f4")]), ("last", "u1")])
PADDED = np.dtype([("flag", "u1"), ("x", "<f8"), ("n", "<i2")], align=True)
PADDED_BIG_ENDIAN = np.dtype([("flag", "u1"), ("x", ">f8"), ("n", ">i2")], align=True)
WITH_ARRAYS = np.dtype([("m", "<f4", (3, 2)), ("v", ">i2", (4,)), ("names", "S3", (2,))])


@dataclasses.dataclass(frozen=True)
class Type:
    """`dtype` describes the values in memory, `stored` the type in the file where that differs."""

    name: str
    dtype: np.dtype
    stored: typing.Callable[[], h5py.h5t.TypeID] | None = None
    words: bytes = bytes(range(97, 123))  # what strings are made of

    @property
    def padded(self):
        """True if elements hold bytes without a meaning, which no digest can compare."""
        if self.dtype == np.longdouble:
            return True
        packed = sum(field[0].itemsize for field in (self.dtype.fields or {}).values())
        return self.dtype.fields is not None and packed != self.dtype.itemsize

    def values(self, shape, random):
        if self.dtype.kind == "S":
            return texts(self.dtype.itemsize, shape, random, self.words)
        return values_of(self.dtype, shape, random)

    def create(self, file, name, shape, dcpl=None, maxshape=None):
        """Creates an empty dataset, which need not have h5py's choice of type."""
        stored = self.stored() if self.stored else h5py.h5t.py_create(self.dtype, logical=True)
        space = h5py.h5s.create_simple(tuple(shape), maxshape)
        dataset = h5py.h5d.create(file.id, name.encode(), stored, space, dcpl=dcpl)
        return h5py.Dataset(dataset)


def values_of(dtype, shape, random):
    """Random bits, where any bits will do."""
    if dtype.subdtype is not None:
        base, inner = dtype.subdtype
        return values_of(base, (*shape, *inner), random)
    if dtype.fields is not None:
        array = np.zeros(shape, dtype)
        for name in dtype.names:
            array[name] = values_of(dtype.fields[name][0], shape, random)
        return array
    enum = h5py.check_enum_dtype(dtype)
    if enum is not None:
        return random.choice(np.array(list(enum.values())), size=shape).astype(dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "S":
        return texts(dtype.itemsize, shape, random)
    if dtype.kind == "g" or dtype.itemsize == 16 and dtype.kind == "f":
        return random.normal(size=shape).astype(dtype)  # not all bits of it count
    count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return np.frombuffer(random.bytes(count), dtype).reshape(shape)


def texts(size, shape, random, letters=bytes(range(97, 123))):
    """Strings of nothing to `size` bytes, then NULs."""
    array = random.choice(np.frombuffer(letters, "u1"), (*shape, size))
    lengths = random.integers(0, size + 1, shape)
    array[np.arange(size) >= lengths[..., None]] = 0
    return array.view(f"S{size}").reshape(shape)


def string_type(size, padding, utf8=False):
    def make():
        stored = h5py.h5t.C_S1.copy()
        stored.set_size(size)
        stored.set_strpad(padding)
        stored.set_cset(h5py.h5t.CSET_UTF8 if utf8 else h5py.h5t.CSET_ASCII)
        return stored

    return make


def numbers():
    for order in "<>":
        for code in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8"):
            yield Type(f"{'little' if order == '<' else 'big'}_{code}", np.dtype(order + code))
    yield Type("i1", np.dtype("i1"))
    yield Type("u1", np.dtype("u1"))
    yield Type("long_double", np.dtype("longdouble"))


def strings():
    yield Type("string_null_padded", np.dtype("S16"))
    yield Type("string_of_one_byte", np.dtype("S1"))
    nulls, spaces = string_type(9, h5py.h5t.STR_NULLTERM), string_type(9, h5py.h5t.STR_SPACEPAD)
    yield Type("string_null_terminated", np.dtype("S9"), nulls)
    yield Type("string_garbage_after_null", np.dtype("S9"), nulls, b"abc\0")
    yield Type("string_space_padded", np.dtype("S9"), spaces, b"ab ")
    yield Type("string_utf8", h5py.string_dtype("utf-8", 12))
    yield Type("string_utf8_terminated", np.dtype("S7"), string_type(7, h5py.h5t.STR_NULLTERM, True))


def enums():
    yield Type("bool", np.dtype("?"))
    yield Type("enum_u1", h5py.enum_dtype(COLOURS, "u1"))
    yield Type("enum_i2_big", h5py.enum_dtype({"low": -300, "high": 300}, ">i2"))
    yield Type("enum_i8", h5py.enum_dtype({"least": -(2**62), "most": 2**62}, "<i8"))


def compounds():
    yield Type("compound", COMPOUND)
    yield Type("compound_big", BIG_ENDIAN)
    yield Type("compound_nested", NESTED)
    yield Type("compound_padded", PADDED)
    yield Type("compound_padded_big", PADDED_BIG_ENDIAN)
    yield Type("compound_with_arrays", WITH_ARRAYS)
    yield Type("compound_with_enum", np.dtype([("c", h5py.enum_dtype(COLOURS, "u1")), ("v", "V3")]))
    yield Type("complex64", np.dtype("<c8"))
    yield Type("complex128_big", np.dtype(">c16"))


def arrays():
    yield Type("array_f4", np.dtype(("<f4", (3, 2))))
    yield Type("array_i2_big", np.dtype((">i2", (5,))))
    yield Type("array_compound", np.dtype(([("a", "<i2"), ("b", "<f4")], (2,))))


def without_meaning():
    yield Type("opaque", np.dtype("V5"))
    yield Type("opaque_dates", h5py.opaque_dtype(np.dtype("<M8[s]")))
    for bits in (8, 16, 32, 64):
        for order in ("LE", "BE")[: bits // 8]:  # h5py cannot read B8BE
            stored = getattr(h5py.h5t, f"STD_B{bits}{order}")
            dtype = np.dtype(f"{'<' if order == 'LE' else '>'}u{bits // 8}")
            yield Type(f"bitfield_{bits}_{order.lower()}", dtype, lambda stored=stored: stored)


TYPES = [
    *numbers(),
    *strings(),
    *enums(),
    *compounds(),
    *arrays(),
    *without_meaning(),
]
