"""Layouts of HDF5, each with a way to write values in it."""

import h5py
import numpy as np

CHUNK_OF_RANK = {1: (7,), 2: (7, 3), 3: (5, 2, 3), 4: (4, 2, 2, 3)}


def dcpl_for(chunk=None, filters=(), layout=None):
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if layout is not None:
        dcpl.set_layout(layout)
    if chunk is not None:
        dcpl.set_chunk(chunk)
    for name in filters:
        add_filter(dcpl, name)
    return dcpl


def add_filter(dcpl, name):
    if name == "gzip":
        dcpl.set_deflate(4)
    elif name == "shuffle":
        dcpl.set_shuffle()
    elif name == "fletcher32":
        dcpl.set_fletcher32()
    elif name == "lzf":
        dcpl.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL, (0, 0, 0))
    elif name == "szip":
        dcpl.set_szip(h5py.h5z.SZIP_NN_OPTION_MASK, 8)
    else:
        raise ValueError(name)


def write(dataset, values):
    """Stores the bits of `values` as they are: their dtype is the file's own."""
    values = np.ascontiguousarray(values)
    dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=dataset.id.get_type())


def contiguous(file, name, kind, values, shape):
    write(kind.create(file, name, shape), values)


def compact(file, name, kind, values, shape):
    write(kind.create(file, name, shape, dcpl_for(layout=h5py.h5d.COMPACT)), values)


def chunked(*filters):
    def create(file, name, kind, values, shape):
        chunk = tuple(min(a, b) for a, b in zip(CHUNK_OF_RANK[len(shape)], shape))
        write(kind.create(file, name, shape, dcpl_for(chunk, filters)), values)

    return create


def growing(file, name, kind, values, shape):
    """Unlimited in two dimensions where there are as many: other chunk indexes in new files."""
    chunk = tuple(min(a, b) for a, b in zip(CHUNK_OF_RANK[len(shape)], shape))
    maxshape = tuple(h5py.h5s.UNLIMITED if axis < 2 else size for axis, size in enumerate(shape))
    write(kind.create(file, name, shape, dcpl_for(chunk, ("gzip",)), maxshape), values)


def external(file, name, kind, values, shape):
    dcpl = dcpl_for()
    raw = f"{file.filename}.{name}.raw"
    dcpl.set_external(raw.encode(), 0, h5py.h5f.UNLIMITED)
    write(kind.create(file, name, shape, dcpl), values)


def virtual(file, name, kind, values, shape):
    """Two halves in two other files of the same folder."""
    half = shape[0] // 2
    stored = kind.stored() if kind.stored else h5py.h5t.py_create(kind.dtype, logical=True)
    space = h5py.h5s.create_simple(shape)
    dcpl = dcpl_for(layout=h5py.h5d.VIRTUAL)
    for part, (first, count) in enumerate(((0, half), (half, shape[0] - half))):
        if count == 0:
            continue
        source = f"{file.filename}.{name}.{part}"
        with h5py.File(source, "w") as other:
            inner = (count, *shape[1:])
            write(kind.create(other, "part", inner), np.ascontiguousarray(values[first : first + count]))
        space.select_hyperslab((first, *[0] * (len(shape) - 1)), inner)
        dcpl.set_virtual(space, source.rsplit("/", 1)[1].encode(), b"part", h5py.h5s.create_simple(inner))
    whole = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), stored, whole, dcpl=dcpl)


LAYOUTS = {
    "contiguous": contiguous,
    "compact": compact,
    "chunked": chunked(),
    "gzip": chunked("gzip"),
    "shuffle_gzip": chunked("shuffle", "gzip"),
    "fletcher32": chunked("fletcher32"),
    "all_filters": chunked("shuffle", "gzip", "fletcher32"),
    "growing": growing,
    "external": external,
    "virtual": virtual,
}
