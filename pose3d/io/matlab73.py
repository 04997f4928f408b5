"""Read and write MATLAB v7.3 files: HDF5 with MATLAB's header and reversed axes."""

import contextlib

import h5py
import numpy as np

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole

_HEADER = b"MATLAB 7.3 MAT-file, Platform: any, Created by: pose3d, HDF5 schema 1.00 ."
_USER_BLOCK = 512  # bytes before the HDF5 part
_CLASSES = {"float64": "double", "float32": "single", "uint8": "uint8"}
# Bytes of the chunk cache. It must hold all chunks that a block touches, so that each is decompressed once.
_CACHE = 2**26


@contextlib.contextmanager
def matlab_file(path):
    """Yield an empty h5py.File, which becomes a MATLAB v7.3 file when the block ends.

    Parameters
    ----------
    path : path ending in ``.mat``

    Raises
    ------
    DiskFullError
    """
    with whole(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_USER_BLOCK) as file:
            yield file
        with temporary.open("rb+") as file:
            file.write(_HEADER.ljust(124) + b"\x00\x02IM")


@contextlib.contextmanager
def matrix_writer(path, name, rows, columns, dtype):
    """Write a file with one matrix; yield a function that appends rows to it.

    The matrix is rows x columns in h5py, and columns x rows in MATLAB.

    Parameters
    ----------
    path : path ending in ``.mat``; the function takes an (n, columns) array
    name : str, name of the variable
    rows, columns : int
    dtype : float64, float32 or uint8

    Raises
    ------
    DiskFullError
    ValueError
        if fewer or more than `rows` rows were appended
    """
    with matlab_file(path) as file:
        chunk = max(1, min(rows, 2**18 // columns))
        packing = {"chunks": (chunk, columns), "compression": "gzip", "compression_opts": 1}
        dataset = file.create_dataset(name, (rows, columns), dtype, **packing)
        dataset.attrs["MATLAB_class"] = np.bytes_(_CLASSES[np.dtype(dtype).name])
        filled = 0

        def append(values):
            nonlocal filled
            dataset[filled : filled + len(values)] = values
            filled += len(values)

        yield append
        if filled != rows:
            raise ValueError(f"{filled} rows for a matrix of {rows}")


class Matrix:
    """One numeric matrix of a file, opened for reading. A context manager.

    Parameters
    ----------
    path : path of a MATLAB v7.3 file
    name : str, name of the variable

    Attributes
    ----------
    path : path
    name : str
    shape : (int, int), in h5py's order of axes
    is_float : bool, False for integers
    chunk : (int, int), size of a chunk; (1, 1) if the matrix is not chunked

    Raises
    ------
    UserError
        on opening or reading, if the file is missing, damaged or not v7.3, or holds no such matrix
    """

    def __init__(self, path, name):
        self.path, self.name = path, name
        try:
            self._file = h5py.File(path, "r", rdcc_nbytes=_CACHE)
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file") from None
        except OSError as error:
            raise self._damaged(error) from error
        try:
            self._dataset = self._find()
        except BaseException:
            self._file.close()
            raise
        self.shape, self.chunk = self._dataset.shape, self._dataset.chunks or (1, 1)
        self.is_float = self._dataset.dtype.kind == "f"

    def _find(self):
        try:
            found = self._file.get(self.name)
        except (OSError, RuntimeError, KeyError) as error:
            raise self._damaged(error) from error
        if not isinstance(found, h5py.Dataset) or found.ndim != 2 or found.dtype.kind not in "fiu":
            names = ", ".join(name for name in self._file if not name.startswith("#")) or "none"
            raise UserError(f"{self.path}: holds no numeric matrix {self.name}; its variables: {names}")
        return found

    def read(self, start, stop, axis):
        """Read `start` to `stop` (half-open) along one axis: (stop - start, other length) array."""
        try:
            return self._dataset[:, start:stop].T if axis else self._dataset[start:stop]
        except (OSError, RuntimeError) as error:  # h5py raises either, depending on where the file is damaged
            raise self._damaged(error) from error

    def _damaged(self, error):
        return UserError(
            f"{self.path}: cannot be read as a MATLAB file of v7.3 ({error}); copy it again, or save it "
            "with MATLAB's option -v7.3"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
