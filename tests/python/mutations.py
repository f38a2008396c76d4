"""Small good files of every kind of index, and random damage to them."""

import dataclasses
import os

import h5py
import hdf5plugin
import numpy as np

from layouts import dcpl_for

LATEST = ("v110", "v110")


def write_chunked(file, name, shape, chunk, maxshape=None, filters=("shuffle", "gzip"), early=False):
    dcpl = dcpl_for(chunk, filters)
    if early:
        dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    if maxshape:
        maxshape = tuple(h5py.h5s.UNLIMITED if size is None else size for size in maxshape)
    space = h5py.h5s.create_simple(shape, maxshape)
    dataset = h5py.Dataset(h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_I32LE, space, dcpl=dcpl))
    dataset[...] = np.arange(np.prod(shape), dtype="<i4").reshape(shape)


def write_filters(file):
    values = np.arange(600, dtype="<i4") // 3
    plugins = {
        "lz4": hdf5plugin.LZ4(),
        "zstd": hdf5plugin.Zstd(),
        "bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"),
        "blosc": hdf5plugin.Blosc(cname="zlib"),
    }
    for name, options in plugins.items():
        file.create_dataset(name, data=values, chunks=(250,), **options)


def write_types(file):
    compound = np.zeros(40, [("id", ">i4"), ("tag", "S5"), ("v", "<f8", (2,))])
    compound["id"] = np.arange(40)
    file.create_dataset("compound", data=compound, chunks=(16,), compression="gzip")
    file.create_dataset("big", data=np.arange(90, dtype=">f8").reshape(30, 3), chunks=(8, 2), fillvalue=3)
    file.create_dataset("text", data=np.array([b"one", b"three"] * 9), chunks=(5,), fletcher32=True)
    file["enum"] = np.arange(30).astype("u1").astype(h5py.enum_dtype({"a": 0, "b": 200}, "u1"))
    file["text_of_any_length"] = ["one", "two"]
    file.create_dataset("scaled", data=np.arange(60), chunks=(30,), scaleoffset=7)


KINDS = {  # name: version of the format, bytes of the user block, what is written
    "btree_1": ("earliest", 0, lambda f: write_chunked(f, "x", (90, 6), (8, 4))),
    "btree_1_deep": ("earliest", 0, lambda f: write_chunked(f, "x", (800,), (5,), filters=())),
    "user_block": ("earliest", 512, lambda f: write_chunked(f, "x", (90, 6), (8, 4), filters=("fletcher32",))),
    "szip": ("earliest", 0, lambda f: write_chunked(f, "x", (90, 6), (32, 4), filters=("szip",))),
    "contiguous": ("earliest", 0, lambda f: f.create_dataset("x", data=np.arange(300.0))),
    "single_chunk": (LATEST, 0, lambda f: write_chunked(f, "x", (90, 6), (90, 6))),
    "single_chunk_raw": (LATEST, 0, lambda f: write_chunked(f, "x", (90, 6), (90, 6), filters=())),
    "implicit": (LATEST, 0, lambda f: write_chunked(f, "x", (90, 6), (8, 4), filters=(), early=True)),
    "fixed_array": (LATEST, 0, lambda f: write_chunked(f, "x", (90, 6), (8, 4))),
    "fixed_array_paged": (LATEST, 0, lambda f: write_chunked(f, "x", (2100,), (2,), filters=())),
    "extensible_array": (LATEST, 512, lambda f: write_chunked(f, "x", (900,), (8,), (None,))),
    "btree_2": (LATEST, 0, lambda f: write_chunked(f, "x", (90, 6), (8, 4), (None, None))),
    "filters": ("earliest", 0, write_filters),
    "filters_latest": (LATEST, 0, write_filters),
    "types": ("earliest", 0, write_types),
    "types_latest": (LATEST, 0, write_types),
}


@dataclasses.dataclass
class Original:
    name: str
    data: bytes
    checked: list  # of metadata: where a part that ends in its checksum begins and ends


def make_originals(folder):
    originals = []
    for name, (libver, userblock, write) in KINDS.items():
        path = os.path.join(folder, name + ".h5")
        with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
            write(file)
        originals.append(original_of(path))
    return originals


def original_of(path):
    with open(path, "rb") as file:
        data = file.read()
    return Original(os.path.basename(path), data, checked_parts(data))


# --- checksums of metadata ----------------------------------------------------------------------

SIGNATURES = (b"\x89HDF", b"OHDR", b"OCHK", b"FAHD", b"FADB", b"EAHD", b"EAIB", b"EADB", b"EASB",
              b"BTHD", b"BTLF", b"BTIN", b"FRHP", b"FHDB", b"FSHD", b"SMTB")
LARGEST_PART = 1100


def checked_parts(data):
    parts = []
    for signature in SIGNATURES:
        at = data.find(signature)
        while at >= 0:
            for end in range(at + 12, min(at + LARGEST_PART, len(data) - 3)):
                if data[end : end + 4] != b"\0\0\0\0" and checksum(data[at:end]) == data[end : end + 4]:
                    parts.append((at, end))
                    break
            at = data.find(signature, at + 1)
    return parts


def checksum(data):
    """Bob Jenkins' lookup3, hashlittle(), as HDF5 stores it."""
    mask = 0xFFFFFFFF

    def turn(x, by):
        return (x << by | x >> (32 - by)) & mask

    a = b = c = (0xDEADBEEF + len(data)) & mask
    rest = data + bytes(-len(data) % 12)
    for at in range(0, len(rest), 12):
        a = a + int.from_bytes(rest[at : at + 4], "little") & mask
        b = b + int.from_bytes(rest[at + 4 : at + 8], "little") & mask
        c = c + int.from_bytes(rest[at + 8 : at + 12], "little") & mask
        if at + 12 < len(rest):
            a = (a - c & mask) ^ turn(c, 4)
            c = c + b & mask
            b = (b - a & mask) ^ turn(a, 6)
            a = a + c & mask
            c = (c - b & mask) ^ turn(b, 8)
            b = b + a & mask
            a = (a - c & mask) ^ turn(c, 16)
            c = c + b & mask
            b = (b - a & mask) ^ turn(a, 19)
            a = a + c & mask
            c = (c - b & mask) ^ turn(b, 4)
            b = b + a & mask
        else:
            c = (c ^ b) - turn(b, 14) & mask
            a = (a ^ c) - turn(c, 11) & mask
            b = (b ^ a) - turn(a, 25) & mask
            c = (c ^ b) - turn(b, 16) & mask
            a = (a ^ c) - turn(c, 4) & mask
            b = (b ^ a) - turn(a, 14) & mask
            c = (c ^ b) - turn(b, 24) & mask
    return c.to_bytes(4, "little")


# --- damage -------------------------------------------------------------------------------------

NUMBERS = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1,
           2**63, 2**64 - 2, 2**64 - 1)


def mutate(original, random):
    """Damages a file in a few places; most times with checksums that fit again."""
    data = bytearray(original.data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        damage = random.choice((flip_bit, overwrite_byte, overwrite_number, add_to_number, copy_part))
        damage(data, place_in(original, random), random)
    if random.random() < 0.75:
        for begin, end in original.checked:
            data[end : end + 4] = checksum(bytes(data[begin:end]))
    if random.random() < 0.1:
        del data[random.randrange(len(data)) :]
    return bytes(data)


def place_in(original, random):
    """Anywhere, or in metadata, which is small."""
    if original.checked and random.random() < 0.6:
        return random.randrange(*random.choice(original.checked))
    return random.randrange(len(original.data))


def flip_bit(data, at, random):
    data[at] ^= 1 << random.randrange(8)


def overwrite_byte(data, at, random):
    data[at] = random.randrange(256)


def overwrite_number(data, at, random):
    width = min(random.choice((1, 2, 4, 8)), len(data) - at)
    number = random.choice((*NUMBERS, len(data), random.randrange(len(data))))
    data[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")


def add_to_number(data, at, random):
    width = min(random.choice((1, 2, 4, 8)), len(data) - at)
    number = int.from_bytes(data[at : at + width], "little") + random.choice((-8, -1, 1, 2, 8, 512))
    data[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")


def copy_part(data, at, random):
    """Over another place, so that things that are right stand where they are wrong."""
    size = min(random.choice((1, 4, 8, 24, 64)), len(data) - at)
    source = random.randrange(len(data) - size + 1)
    data[at : at + size] = data[source : source + size]
