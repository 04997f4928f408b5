"""Single rows of the arrays of a built file, in any order and straight from the disk."""

import os
import zlib

import numpy as np

from pose3d.errors import UserError


class StoredRows:
    """Where the rows of a chunked HDF5 dataset stand in its file.

    HDF5 tells where the chunks are; reading a row is then one ``pread``, without HDF5's lock and
    its 50 microseconds a chunk. Takes what `pose3d.dataset.built_files` writes: chunks of one packed row, or
    of several
    that are not packed.

    Parameters
    ----------
    dataset : h5py.Dataset of n rows
    """

    def __init__(self, dataset):
        self.shape, self.dtype = dataset.shape, dataset.dtype
        self._per_chunk = dataset.chunks[0]
        self._packed = dataset.compression == "gzip"
        chunks = -(-len(dataset) // self._per_chunk)
        self._offsets, self._sizes = np.zeros(chunks, np.int64), np.zeros(chunks, np.int32)

        def note(stored):
            number = stored.chunk_offset[0] // self._per_chunk
            self._offsets[number], self._sizes[number] = stored.byte_offset, stored.size

        dataset.id.chunk_iter(note)
        self._row_bytes = int(np.prod(self.shape[1:], dtype=int)) * self.dtype.itemsize

    def read(self, file, rows):
        """Read rows.

        Parameters
        ----------
        file : OpenFile
        rows : (k,) int array

        Returns
        -------
        (k, ...) array

        Raises
        ------
        UserError
            where the file is damaged
        """
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        flat = values.reshape(len(rows), -1).view(np.uint8)
        offsets, sizes = self._places(rows)
        for i, (offset, size) in enumerate(zip(offsets.tolist(), sizes.tolist(), strict=True)):
            content = os.pread(file.number, size, offset)
            try:
                if self._packed:
                    content = zlib.decompress(content, bufsize=self._row_bytes)
                flat[i] = np.frombuffer(content, np.uint8)
            except (zlib.error, ValueError) as error:
                raise UserError(
                    f"{file.path} is damaged ({error}); remove it and run build_dataset again"
                ) from error
        return values

    def advise(self, file, rows):
        """Ask the system to fetch rows that will be read soon; it does so in the background."""
        if hasattr(os, "posix_fadvise"):
            for offset, size in zip(*(a.tolist() for a in self._places(rows)), strict=True):
                os.posix_fadvise(file.number, offset, size, os.POSIX_FADV_WILLNEED)

    def _places(self, rows):
        """Offset and size of each row in the file, bytes."""
        chunk, within = np.divmod(rows, self._per_chunk)
        if self._packed:
            return self._offsets[chunk], self._sizes[chunk]
        return self._offsets[chunk] + within * self._row_bytes, np.full(len(rows), self._row_bytes)


class OpenFile:
    """A file open for reading as long as this object lives."""

    def __init__(self, path):
        self.path = path
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self):
        if hasattr(self, "number"):
            os.close(self.number)
