"""Datasets with everything that HDF5 allows in a chunk left to chance."""

import ctypes
import itertools
import pathlib
import zlib

import h5py
import numpy as np

from layouts import dcpl_for, write

MOST_ROWS_OF_RANK = {1: 400, 2: 40, 3: 12, 4: 7, 5: 5}
GZIP, SHUFFLE, FLETCHER32, LZ4, ZSTD = 1, 2, 3, 32004, 32015
ENCODED_HERE = (GZIP, SHUFFLE, FLETCHER32)
DONT_FILTER_PARTIAL_CHUNKS = 2


def write_random(file, name, kind, chooser, generator, new_format):
    """Writes one dataset of a type of element_types.TYPES, with some of its chunks missing and some
    with filters left out. Returns what it is, for messages."""
    rank = chooser.randint(1, 5)
    most = MOST_ROWS_OF_RANK[rank]
    shape = tuple(0 if chooser.random() < 0.02 else chooser.randint(1, most) for _ in range(rank))
    chunk = tuple(chooser.randint(1, max(2 * extent // 3, 1) + 1) for extent in shape)
    maxshape = tuple(
        h5py.h5s.UNLIMITED if chooser.random() < 0.3 else max(extent, part) + chooser.choice((0, 0, 3))
        for extent, part in zip(shape, chunk)
    )
    pipeline = chooser.choices((*ENCODED_HERE, LZ4, ZSTD), k=chooser.choice((0, 1, 2, 2, 3, 4)))
    dcpl = dcpl_for(chunk)
    for filter_id in pipeline:
        add_filter(dcpl, filter_id, kind, chooser)
    raw_edges = new_format and chooser.random() < 0.3
    if raw_edges:
        set_chunk_options(dcpl, DONT_FILTER_PARTIAL_CHUNKS)
    if not pipeline and chooser.random() < 0.3:
        dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # in new files: an implicit index
    if kind.stored is None and kind.dtype.kind in "iuf" and chooser.random() < 0.5:
        dcpl.set_fill_value(kind.values((1,), generator).reshape(()))

    dataset = kind.create(file, name, shape, dcpl, maxshape)
    masks = []
    if 0 not in shape:
        if chooser.random() < 0.6:
            write(dataset, kind.values(shape, generator))
        masks = write_chunks(dataset, kind, pipeline, raw_edges, chooser, generator)
    return (f"{name}: {kind.name} {shape} in {chunk} of {maxshape}, filters {pipeline}, masks {masks}"
            f"{', raw edges' if raw_edges else ''}")


def add_filter(dcpl, filter_id, kind, chooser):
    if filter_id == GZIP:
        dcpl.set_deflate(chooser.randint(0, 9))
    elif filter_id == SHUFFLE:
        # libhdf5 sets the element's size itself, but only in the first of two.
        stored = kind.stored() if kind.stored else h5py.h5t.py_create(kind.dtype, logical=True)
        dcpl.set_filter(SHUFFLE, h5py.h5z.FLAG_OPTIONAL, (stored.get_size(),))
    elif filter_id == FLETCHER32:
        dcpl.set_fletcher32()
    else:
        dcpl.set_filter(filter_id, h5py.h5z.FLAG_OPTIONAL, ())


def set_chunk_options(dcpl, options):
    """What h5py has no call for."""
    maps = pathlib.Path("/proc/self/maps").read_text().split()
    library = next(word for word in maps if "/libhdf5" in word and "_hl" not in word and "h5py" in word)
    call = ctypes.CDLL(library).H5Pset_chunk_opts
    call.argtypes = (ctypes.c_int64, ctypes.c_uint)
    assert call(dcpl.id, options) >= 0


def write_chunks(dataset, kind, pipeline, raw_edges, chooser, generator):
    """Some chunks, each with filters of its own choice; says which it left out."""
    shape, chunk = dataset.shape, dataset.id.get_create_plist().get_chunk()
    places = list(itertools.product(*(range(0, e, c) for e, c in zip(shape, chunk))))
    masks = []
    for place in chooser.sample(places, min(len(places), chooser.randint(0, 6))):
        at_edge = any(first + c > e for first, c, e in zip(place, chunk, shape))
        if raw_edges and at_edge:
            continue  # raw whatever its mask says
        mask = sum(1 << i for i, filter_id in enumerate(pipeline)
                   if filter_id not in ENCODED_HERE or chooser.random() < 0.5)
        raw = stored_bytes(kind.values(chunk, generator))
        stored = encode(raw, pipeline, mask, dataset.id.get_type().get_size())
        dataset.id.write_direct_chunk(place, stored, filter_mask=mask)
        masks.append(mask)
    return masks


def stored_bytes(values):
    return np.ascontiguousarray(values).tobytes()


def encode(data, pipeline, mask, element_bytes):
    for i, filter_id in enumerate(pipeline):
        if mask >> i & 1:
            continue
        if filter_id == GZIP:
            data = zlib.compress(data)
        elif filter_id == SHUFFLE:
            whole = len(data) // element_bytes * element_bytes
            elements = np.frombuffer(data[:whole], "u1").reshape(-1, element_bytes)
            data = elements.T.tobytes() + data[whole:]
        elif filter_id == FLETCHER32:
            data += fletcher32(data).to_bytes(4, "little")
    return data


def fletcher32(data):
    """Over big-endian 16-bit words; a sum that is a multiple of 65535 stays 65535."""
    words = np.frombuffer(data + bytes(len(data) % 2), ">u2").astype(object)
    first = sum(words)
    second = sum(np.cumsum(words))
    return fold(second) << 16 | fold(first)


def fold(total):
    return total % 65535 or (65535 if total else 0)
