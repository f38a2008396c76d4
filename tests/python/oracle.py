"""What h5py reads, in the form in which h5flume delivers it."""

import hashlib
import struct

import h5py
import numpy as np


def native(array):
    """The same values in the machine's byte order. Field offsets and padding stay."""
    return np.ascontiguousarray(array.astype(native_dtype(array.dtype), copy=False))


def native_dtype(dtype):
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((native_dtype(base), shape))
    if dtype.fields is not None:
        return np.dtype(
            {
                "names": list(dtype.names),
                "formats": [native_dtype(dtype.fields[name][0]) for name in dtype.names],
                "offsets": [dtype.fields[name][1] for name in dtype.names],
                "itemsize": dtype.itemsize,
            }
        )
    return dtype.newbyteorder("=")


def sha256(array):
    return hashlib.sha256(native(array).tobytes()).hexdigest()


def is_variable_length(dataset):
    """True if the elements of an h5py dataset are strings or sequences of any length."""
    return h5py.check_vlen_dtype(dataset.dtype) is not None or (
        dataset.dtype.kind == "O" and h5py.check_string_dtype(dataset.dtype) is not None
    )


def elements(dataset):
    """The elements of variable length of an h5py dataset in C order: bytes or arrays."""
    base = h5py.check_vlen_dtype(dataset.dtype)
    if base in (None, bytes, str):
        return list(dataset[()].flat)
    arrays = [np.asarray(element) for element in dataset[()].flat]
    if base.byteorder == ">":  # whose bytes h5py takes for native ones
        arrays = [np.frombuffer(array.tobytes(), base) for array in arrays]
    return [native(array) for array in arrays]


def sha256_of_elements(elements):
    """The digest of variable-length data: each length, counted in values, before the values."""
    digest = hashlib.sha256()
    for element in elements:
        digest.update(struct.pack("<Q", len(element)))
        digest.update(element if isinstance(element, bytes) else native(element).tobytes())
    return digest.hexdigest()


def same_values(ours, theirs):
    """True if two arrays hold the same bits field by field; padding does not count."""
    if ours.shape != theirs.shape:
        return False
    if theirs.dtype.fields is not None:
        assert ours.dtype.names == theirs.dtype.names, (ours.dtype, theirs.dtype)
        return all(same_values(ours[name], theirs[name]) for name in theirs.dtype.names)
    if ours.dtype.itemsize != theirs.dtype.itemsize:
        return False
    if theirs.dtype == np.longdouble:  # six of its bytes have no meaning
        return np.array_equal(ours, theirs, equal_nan=True)
    return native(ours).tobytes() == native(theirs).tobytes()


def stream_to_numpy(h5flume, file, dataset, folder, *options):
    """What `stream --out` writes, loaded by numpy."""
    out = folder / "out.npy"
    h5flume.ok("stream", file, dataset, "--out", out, *options)
    return np.load(out)


def read_with_h5py(file, dataset):
    with h5py.File(file, "r") as opened:
        return opened[dataset][()]
