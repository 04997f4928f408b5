"""Built files, one HDF5 file for each action and subject: schema, writer, reading."""

import contextlib
import hashlib
import io
import json
import os

import h5py
import numpy as np
from isal import isal_zlib

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import N_WINDOWS
from pose3d.errors import UserError
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS, N_JOINTS

FORMAT = "pose3d samples"
VERSION = 2
# Name -> type, shape of one sample, what it holds and in which unit.
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
# Only where the source holds labels instead of 2D joints.
WINDOWS = "windows"
_WINDOWS = (np.uint8, (-(-N_JOINTS * N_WINDOWS // 8),), "positive windows: 17 x 100 bits, numpy.packbits")

# One image a chunk, gzip 1, because training reads single images in random order. Chunks of 8 need 3 % less
# disk and 5 times as long to read; gzip 4 needs 3 % less disk and 1.5 times as long to write; lzf, which
# only h5py reads, needs 18 % more disk (experiments/benchmark.py chunks). The other arrays are not packed:
# the place of a row in its chunk follows from the row's size.
_IMAGES_STORED = {"chunks": (1, IMAGE_SIDE, IMAGE_SIDE), "compression": "gzip", "compression_opts": 1}
_ROWS_PER_CHUNK = 256
BLOCK = 256  # samples in memory when whole files are read or joined


def built_path(folder, action, subject):
    """Path of the built file of one action and subject, in a folder given as Path."""
    return folder / f"{action}-{subject}.h5"


@contextlib.contextmanager
def samples_writer(path, action, subject):
    """Yield a writer of a built file, which appears under its name only when it is complete.

    Parameters
    ----------
    path : path ending in ``.h5``
    action, subject : str

    Yields
    ------
    object with ``append(part)``: a dict from the names of `SCHEMA` to arrays of N samples each, by
        take, camera, frame; and ``provenance``, to be set to a dict that JSON can hold: what the samples
        were made of and how

    Raises
    ------
    DiskFullError
    """
    with whole(path) as temporary, _Sink(temporary, "w+") as sink:
        with h5py.File(sink, "w") as file:
            file.attrs.update(format=FORMAT, version=VERSION, action=action, subject=subject)
            file.attrs["joints"] = ", ".join(JOINTS)
            writer = _Writer(file, sink)
            yield writer
            writer.finish()
        sink.check()


def write_samples(path, action, subject, parts, provenance):
    """Write a built file at once; `parts` is an iterable, the rest as in `samples_writer`."""
    with samples_writer(path, action, subject) as writer:
        for part in parts:
            writer.append(part)
        writer.provenance = provenance


class _Sink(io.FileIO):
    """A file that keeps its first error until `check`.

    On a full disk HDF5 prints pages of tracebacks, which no caller can silence, and fails again on closing.
    Therefore HDF5 sees no error: nothing more is written, and `check` raises.
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
        """Raise the OSError that a write met."""
        if self.error is not None:
            raise self.error


class _Writer:
    def __init__(self, file, sink):
        self._file, self._sink = file, sink
        self._digests = {}
        self._count = 0
        self.provenance = {}

    def append(self, part):
        schema = dict(SCHEMA)
        if WINDOWS in part:
            schema[WINDOWS] = _WINDOWS
        if not self._digests:
            for name, kind in schema.items():
                self._create(name, *kind)
        if set(part) != set(self._digests):
            raise ValueError(f"samples with {sorted(part)}, not {sorted(self._digests)}")
        end = self._count + len(part["frame"])
        for name, (dtype, shape, _) in schema.items():
            values = np.ascontiguousarray(part[name], dtype)
            if values.shape != (end - self._count, *shape):
                raise ValueError(f"{name} of {end - self._count} samples has shape {values.shape}")
            self._digests[name].update(values)
            self._file[name].resize(end, axis=0)
            self._file[name][self._count :] = values
        self._count = end
        self._sink.check()

    def _create(self, name, dtype, shape, meaning):
        plain = {"chunks": (_ROWS_PER_CHUNK, *shape), "fletcher32": True}
        stored = _IMAGES_STORED if name == "images" else plain
        self._file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), **stored)
        self._file[name].attrs["meaning"] = meaning
        self._digests[name] = hashlib.sha256()

    def finish(self):
        """Write checksums and provenance."""
        if not self._digests:
            for name, kind in SCHEMA.items():
                self._create(name, *kind)
        for name, digest in self._digests.items():
            self._file[name].attrs["sha256"] = digest.hexdigest()
        # A dataset: an attribute may hold no more than 64 kB.
        self._file["provenance"] = json.dumps(self.provenance, sort_keys=True)


@contextlib.contextmanager
def open_samples(path):
    """Open a file of this format and version for reading: h5py.File.

    Raises
    ------
    UserError
        if the file is absent, damaged, of another version or of other arrays
    """
    remedy = "remove it and run build_dataset again"
    try:
        with h5py.File(path, "r", locking=False) as file:
            if file.attrs.get("format") != FORMAT:
                raise UserError(f"{path} is no built file of pose3d; move it elsewhere")
            if file.attrs.get("version") != VERSION:
                raise UserError(f"{path} has version {file.attrs.get('version')}, not {VERSION}; {remedy}")
            count = len(file["frame"])
            for name, (dtype, shape, _) in schema_of(file).items():
                if file[name].shape != (count, *shape) or file[name].dtype != dtype:
                    raise UserError(f"{path}: {name} is {file[name].dtype} {file[name].shape}; {remedy}")
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; run build_dataset") from None
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error


def schema_of(file):
    """The part of the schema, with or without windows, that an open file follows."""
    return {**SCHEMA, WINDOWS: _WINDOWS} if WINDOWS in file else SCHEMA


def read_blocks(path):
    """The samples of a built file as parts of `write_samples`, block by block; raises as `open_samples`."""
    with open_samples(path) as file:
        for start in range(0, len(file["frame"]), BLOCK):
            yield {name: file[name][start : start + BLOCK] for name in schema_of(file)}


def read_provenance(path):
    """The provenance given to `samples_writer`; raises as `open_samples`."""
    with open_samples(path) as file:
        return json.loads(file["provenance"][()])


class StoredRows:
    """Single rows of a chunked dataset, in any order, straight from its stored chunks.

    Reading a row through HDF5 takes several times as long. A chunk of this module holds one packed row, or
    several rows that are not packed.

    Parameters
    ----------
    dataset : h5py.Dataset, of a file that stays open
    """

    def __init__(self, dataset):
        self._dataset, self._per_chunk = dataset, dataset.chunks[0]
        self._is_packed = dataset.compression == "gzip"
        self._row_bytes = int(np.prod(dataset.shape[1:], dtype=int)) * dataset.dtype.itemsize
        self._places = None

    def read(self, rows):
        """Rows by their numbers, (k,) int array: (k, ...) array.

        Raises
        ------
        OSError, ValueError, isal_zlib.error
            if the file is damaged
        """
        values = np.empty((len(rows), *self._dataset.shape[1:]), self._dataset.dtype)
        flat, rest = values.reshape(len(rows), -1).view(np.uint8), (0,) * (values.ndim - 1)
        for i, row in enumerate(rows.tolist()):
            chunk, within = divmod(row, self._per_chunk)
            _, content = self._dataset.id.read_direct_chunk((chunk * self._per_chunk, *rest))
            if self._is_packed:
                content = isal_zlib.decompress(content, bufsize=self._row_bytes)
            start = within * self._row_bytes
            flat[i] = np.frombuffer(content, np.uint8)[start : start + self._row_bytes]
        return values

    def prefetch(self, rows):
        """Ask the system to read rows of one row a chunk in the background, where it can."""
        if not hasattr(os, "posix_fadvise"):
            return
        if self._places is None:  # one pass over the index: looking up one chunk takes as long as reading it
            self._places = np.zeros((len(self._dataset), 2), np.int64)
            self._dataset.id.chunk_iter(self._note_place)
        file = self._dataset.file.id.get_vfd_handle()
        for offset, size in self._places[rows].tolist():
            os.posix_fadvise(file, offset, size, os.POSIX_FADV_WILLNEED)

    def _note_place(self, stored):
        self._places[stored.chunk_offset[0]] = stored.byte_offset, stored.size
