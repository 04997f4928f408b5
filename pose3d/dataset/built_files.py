"""Read and write built files: one HDF5 file for each action and subject."""

import contextlib
import hashlib
import io
import json
import os

import h5py
import numpy as np
from isal import isal_zlib

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.errors import UserError
from pose3d.io import hdf5
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS, N_JOINTS

FORMAT = "pose3d samples"
VERSION = 2
# Name -> dtype, shape of one sample, meaning and unit.
SCHEMA = {
    "images": (np.uint8, (IMAGE_SIDE, IMAGE_SIDE), "gray level 0 to 255, ITU-R 601, background 0"),
    "joints_2d": (np.float32, (N_JOINTS, 2), "px of the crop (x, y), pixel centres at whole numbers"),
    "poses": (np.float32, (N_JOINTS, 3), "mm, camera frame (x right, y down, z forward), pelvis-relative"),
    "pelvis": (np.float32, (3,), "mm, camera frame, position of the pelvis"),
    "box": (np.int32, (4,), "px of the frame: x0, y0, x1, y1, half-open"),
    "take": (np.int8, (), "take of the action, from 1"),
    "camera": (np.int32, (), "id of the camera"),
    "frame": (np.int32, (), "number of the frame in the video, from 0"),
}

# One image a chunk, because training reads single images in random order. Chunks of 8 images need 3 % less
# disk, but reading takes 5 times as long. gzip 4 needs 3 % less disk than gzip 1, but writing takes 1.5 times
# as long. lzf needs 18 % more disk, and only h5py reads it (experiments/benchmark.py chunks).
# The other arrays are not compressed, so that a row is found in its chunk by its size.
_IMAGES_STORED = {"chunks": (1, IMAGE_SIDE, IMAGE_SIDE), "compression": "gzip", "compression_opts": 1}
_ROWS_PER_CHUNK = 256
REMEDY = "remove it and run build_dataset again"
BLOCK = 256  # samples in memory, 4 MB of images, when files of any length are read, joined or made


def built_path(folder, action, subject):
    """Path of the built file of one action and subject, in a folder given as Path."""
    return folder / f"{action}-{subject}.h5"


@contextlib.contextmanager
def built_file_writer(path, action, subject):
    """Yield a writer of a built file (``.h5``), which appears at `path` when it is complete: see `whole`.

    The writer's ``append(part)`` takes a dict from the names of `SCHEMA` to arrays of N samples, sorted by
    take, camera and frame. Set its ``provenance`` to a dict fit for JSON, which says how they were made.
    """
    with whole(path) as temporary, _Sink(temporary, "w+") as sink:
        with h5py.File(sink, "w") as file:
            file.attrs["version"] = VERSION
            texts = {"format": FORMAT, "action": action, "subject": subject, "joints": ", ".join(JOINTS)}
            for name, text in texts.items():
                _set_text(file, name, text)
            writer = _Writer(file, sink)
            yield writer
            writer.finish()
        sink.check()


def write_built_file(path, action, subject, parts, provenance):
    """Write a built file from an iterable of parts; see `built_file_writer`."""
    with built_file_writer(path, action, subject) as writer:
        for part in parts:
            writer.append(part)
        writer.provenance = provenance


class _Sink(io.FileIO):
    """A file that hides write errors from HDF5 and raises the first of them in `check`.

    On a full disk HDF5 prints long tracebacks, which no caller can silence, and fails again on closing.
    After an error nothing more is written.
    """

    error = None

    def write(self, data):
        rest = memoryview(data)
        size = rest.nbytes
        try:
            while self.error is None and rest:
                rest = rest[self._write_some(rest) :]
        except OSError as error:
            self.error = error
        return size

    def _write_some(self, data):
        return super().write(data)

    def check(self):
        """Raise the first OSError of a write, if any."""
        if self.error is not None:
            raise self.error


class _Writer:
    def __init__(self, file, sink):
        self._file, self._sink = file, sink
        self._digests = {name: hashlib.sha256() for name in SCHEMA}
        self._count = 0
        self.provenance = {}
        for name, (dtype, shape, meaning) in SCHEMA.items():
            plain = {"chunks": (_ROWS_PER_CHUNK, *shape), "fletcher32": True}
            stored = _IMAGES_STORED if name == "images" else plain
            file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), **stored)
            _set_text(file[name], "meaning", meaning)

    def append(self, part):
        if set(part) != set(self._digests):
            raise ValueError(f"a part has {sorted(part)}, not {sorted(self._digests)}")
        end = self._count + len(part["frame"])
        for name, (dtype, shape, _) in SCHEMA.items():
            values = np.ascontiguousarray(part[name], dtype)
            if values.shape != (end - self._count, *shape):
                raise ValueError(f"{name} of {end - self._count} samples has shape {values.shape}")
            self._digests[name].update(values)
            self._file[name].resize(end, axis=0)
            self._file[name][self._count :] = values
        self._count = end
        self._sink.check()

    def finish(self):
        """Write checksums and provenance."""
        for name, digest in self._digests.items():
            _set_text(self._file[name], "sha256", digest.hexdigest())
        # A dataset, because an attribute is limited to 64 kB.
        self._file["provenance"] = np.bytes_(json.dumps(self.provenance, sort_keys=True))


def _set_text(place, name, text):
    """Store a text of fixed length: HDF5 keeps others in a heap, and reads a damaged one for ever."""
    stored = text.encode("utf-8")
    place.attrs.create(name, stored, dtype=h5py.string_dtype("utf-8", len(stored)))


@contextlib.contextmanager
def open_built_file(path):
    """Open a built file for reading: h5py.File.

    A `UserError` if the file is missing, locked, damaged, of another version, or has other arrays.
    """
    with hdf5.open_hdf5(path, REMEDY) as file:
        with naming(path):
            _check_layout(path, file)
        with naming(path, (OSError, RuntimeError)):  # of reading; others are the caller's
            yield file


@contextlib.contextmanager
def naming(path, faults=(*hdf5.FAULTS, isal_zlib.error)):
    """Turn what h5py and isal raise in a block on a damaged built file into a `UserError`."""
    try:
        yield
    except faults as error:
        raise hdf5.fault(path, error, REMEDY) from error


def _check_layout(path, file):
    """Check all but the numbers of an open file, so that the rest of the program can rely on it."""
    if "format" not in file.attrs or hdf5.text_of(file, "format") != FORMAT:
        raise UserError(f"{path} is no built file of pose3d; move it to another folder")
    if file.attrs["version"] != VERSION:
        raise UserError(f"{path} has version {file.attrs['version']}, not {VERSION}; {REMEDY}")
    count = len(hdf5.dataset_of(file, "frame"))
    for name, (dtype, shape, _) in SCHEMA.items():
        found = hdf5.dataset_of(file, name)
        if found.shape != (count, *shape) or found.dtype != dtype:
            raise UserError(f"{path}: {name} is {found.dtype} {found.shape}; {REMEDY}")
        rows, *rest = found.chunks or (1,)
        # As StoredRows reads them: one compressed row in a chunk, or several as they are.
        packed = found.compression and (found.compression != "gzip" or rows != 1)
        if packed or tuple(rest) != shape or found.id.get_num_chunks() != -(-count // rows):
            raise UserError(f"{path}: {name} is not stored in the chunks of a built file; {REMEDY}")
        hdf5.text_of(found, "sha256")
    for name in ("action", "subject", "provenance"):
        hdf5.text_of(file, name)


def read_blocks(path):
    """Yield the parts of a built file, `BLOCK` samples each; raises as `open_built_file`."""
    with open_built_file(path) as file:
        for start in range(0, len(file["frame"]), BLOCK):
            yield {name: file[name][start : start + BLOCK] for name in SCHEMA}


def read_provenance(path):
    """Read the provenance that was set in `built_file_writer`; raises as `open_built_file`."""
    with open_built_file(path) as file, naming(path):
        return dict(json.loads(hdf5.text_of(file, "provenance")))


class StoredRows:
    """Read single rows of a dataset from its stored chunks, which takes 60 % of h5py's time for images.

    A chunk must hold one compressed row, or several uncompressed rows, as `built_file_writer` writes them.
    The checksums of HDF5 are not verified here. The dataset's file must stay open.
    """

    def __init__(self, dataset):
        self._dataset, self._per_chunk = dataset, dataset.chunks[0]
        self._is_compressed = dataset.compression == "gzip"
        self._row_bytes = int(np.prod(dataset.shape[1:], dtype=int)) * dataset.dtype.itemsize
        self._places = None

    def read(self, rows):
        """The rows (k, ...) with the given numbers (k,); OSError, ValueError, isal_zlib.error if damaged."""
        values = np.empty((len(rows), *self._dataset.shape[1:]), self._dataset.dtype)
        flat, rest = values.reshape(len(rows), -1).view(np.uint8), (0,) * (values.ndim - 1)
        for i, row in enumerate(rows.tolist()):
            chunk, within = divmod(row, self._per_chunk)
            _, content = self._dataset.id.read_direct_chunk((chunk * self._per_chunk, *rest))
            if self._is_compressed:
                content = isal_zlib.decompress(content, bufsize=self._row_bytes)
            start = within * self._row_bytes
            flat[i] = np.frombuffer(content, np.uint8)[start : start + self._row_bytes]
        return values

    def prefetch(self, rows):
        """Ask the system to read compressed rows in the background. Does nothing where it cannot."""
        if not hasattr(os, "posix_fadvise"):
            return
        if self._places is None:  # one pass for all: looking up one chunk takes as long as reading it
            self._places = np.zeros((len(self._dataset), 2), np.int64)
            self._dataset.id.chunk_iter(self._note_place)
        file = self._dataset.file.id.get_vfd_handle()
        for offset, size in self._places[rows].tolist():
            os.posix_fadvise(file, offset, size, os.POSIX_FADV_WILLNEED)

    def _note_place(self, stored):
        self._places[stored.chunk_offset[0]] = stored.byte_offset, stored.size
