"""A gzip-packed HDF5 chunk of one byte a value, unpacked twice as fast as by HDF5 itself."""

import zlib

import h5py
import numba
import numpy as np

_HEADER, _CHECKSUM = 2, 4  # bytes of a zlib stream before and after the packed data
_MODULUS = 65521  # of Adler-32
_LANES, _ROWS = 64, 256  # so few rows that the sums stay within 32 bits


def is_one_stream(dataset):
    """Whether a dataset (h5py.h5d.DatasetID) is 2D, of one byte a value and stored as one gzip chunk."""
    if len(dataset.shape) != 2 or dataset.dtype.itemsize != 1:
        return False
    plan = dataset.get_create_plist()
    return (
        plan.get_layout() == h5py.h5d.CHUNKED
        and plan.get_chunk() == dataset.shape
        and plan.get_nfilters() == 1
        and plan.get_filter(0)[0] == h5py.h5z.FILTER_DEFLATE
    )


def read_stream(dataset):
    """Read a dataset that `is_one_stream`.

    Of the time that zlib takes for a mostly empty image three quarters go into the checksum: here the
    processor's vector units make it.

    Parameters
    ----------
    dataset : h5py.h5d.DatasetID

    Returns
    -------
    (n, m) uint8 array

    Raises
    ------
    zlib.error, ValueError
        if the stream is none, damaged, too short or too long, or its checksum is another
    """
    shape = dataset.shape
    size = shape[0] * shape[1]
    _, content = dataset.read_direct_chunk((0, 0))
    packed = memoryview(content)[_HEADER:-_CHECKSUM]
    # One byte more than is wanted, or zlib would ask for more room before it sees the end.
    values = np.frombuffer(zlib.decompress(packed, wbits=-zlib.MAX_WBITS, bufsize=size + 1), np.uint8)
    if values.size != size or adler32(values) != int.from_bytes(content[-_CHECKSUM:], "big"):
        raise ValueError("what is unpacked has another size or checksum")
    return values.reshape(shape)


@numba.njit(cache=True)
def adler32(values):
    """Adler-32, the checksum at the end of a zlib stream, of a (n,) uint8 array.

    It is the sum of the values and the sum of that sum's course. `_LANES` columns are summed side by side,
    which is what vector units do, and put together every `_ROWS` rows.
    """
    low, high = np.int64(1), np.int64(0)
    rows = values.size // _LANES
    sums, courses = np.zeros(_LANES, np.uint32), np.zeros(_LANES, np.uint32)
    for first in range(0, rows, _ROWS):
        count = min(_ROWS, rows - first)
        sums[:], courses[:] = 0, 0
        for row in range(first, first + count):
            some = values[row * _LANES : (row + 1) * _LANES]
            for lane in range(_LANES):
                courses[lane] += sums[lane]
                sums[lane] += some[lane]
        high += low * count * _LANES
        for lane in range(_LANES):
            high += np.int64(courses[lane]) * _LANES + np.int64(sums[lane]) * (_LANES - lane)
            low += np.int64(sums[lane])
        low, high = low % _MODULUS, high % _MODULUS
    for value in values[rows * _LANES :]:
        low += value
        high += low
    return (high % _MODULUS << 16) | (low % _MODULUS)
