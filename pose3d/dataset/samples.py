"""The data set: the samples of a folder of built files, kept in memory or read from disk."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from pose3d.config import command_line
from pose3d.dataset.built_files import BLOCK, REMEDY, SCHEMA, StoredRows, naming, open_built_file
from pose3d.dataset.windows import labels
from pose3d.errors import UserError
from pose3d.io.hdf5 import open_hdf5, text_of
from pose3d.io.resources import usable_memory

# Always in memory, because splits need them: 9 bytes a sample. Other arrays may stay on the disk.
_KEYS = ("take", "camera", "frame")
_COLUMNS = ("joints_2d", "poses", "pelvis", "box")
# By default a data set that takes less than this share of the memory, uncompressed, is kept there.
_FITS = 0.5


@dataclass(frozen=True)
class Origin:
    """What samples are of, kept in weights and results so that data sets are not confused."""

    source: str  # the folder that they were built from; empty if the files do not say
    synthetic: bool | None  # None if the files do not say
    fingerprint: str  # SHA-256 of actions, subjects and the stored checksums of all files

    def __str__(self):
        kind = {True: "synthetic", False: "real", None: "of unknown kind"}[self.synthetic]
        return f"{self.source or 'unknown source'} ({kind}, fingerprint {self.fingerprint[:8]})"


class Dataset:
    """All samples of the built files of a folder, sorted by action, subject, take, camera and frame.

    A context manager: the files are open until `close`.

    Attributes
    ----------
    folder : Path
    in_memory : bool; if False, each access to images, poses, joints and boxes reads the disk
    action, subject : (N,) str arrays
    take, camera, frame : (N,) int arrays
    joints_2d : (N, 17, 2) float32, px of the crop
    poses : (N, 17, 3) float32, mm, camera frame, relative to the pelvis
    pelvis : (N, 3) float32, mm, camera frame
    box : (N, 4) int32, px of the frame
        These four are arrays if `in_memory`, else `Column`. Index both by sample numbers.

    Wherever numbers of samples are taken, a single one, a slice or a mask are, too.
    """

    def __init__(self, paths, memory="auto"):
        """Use `Dataset.open`."""
        self.folder = paths[0].parent
        self._files = [_BuiltFile(path) for path in paths]
        counts = [len(file) for file in self._files]
        self._starts = np.cumsum([0, *counts])  # samples _starts[i] to _starts[i + 1] are those of file i
        for name in _KEYS:
            setattr(self, name, np.concatenate([file.keys[name] for file in self._files]))
        fits = len(self) * _SAMPLE_BYTES < _FITS * usable_memory()
        self.in_memory = memory == "all" or (memory == "auto" and fits)
        for name in _COLUMNS:
            whole = np.concatenate([file.table(name) for file in self._files]) if self.in_memory else None
            setattr(self, name, Column(self, name) if whole is None else whole)

    @classmethod
    def open(cls, folder, actions=None, subjects=None, memory="auto"):
        """Open the built files of a folder.

        Parameters
        ----------
        folder : path
        actions, subjects : iterables of str, or None for all
        memory : ``"all"``, ``"stream"`` (read from disk), or ``"auto"``: all if it takes less than half of
            the usable memory

        Raises
        ------
        UserError
            if the folder, or the built files of an action or subject, are missing, or none is named; if a
            file is damaged, of another version, or holds a coordinate that is not finite
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; run {_build(folder)}")
        found = {path: tuple(path.stem.rsplit("-", 1)) for path in built_files(folder)}
        if not found:
            raise UserError(f"{folder} holds no built file; run {_build(folder)}")
        actions = _checked(folder, "action", actions, [action for action, _ in found.values()])
        subjects = _checked(folder, "subject", subjects, [subject for _, subject in found.values()])
        chosen = [path for path, names in found.items() if names[0] in actions and names[1] in subjects]
        if not chosen:
            raise UserError(f"{folder} holds no file of {', '.join(actions)} by {', '.join(subjects)}")
        return cls(chosen, memory)

    def close(self):
        """Close the files; what is in memory stays."""
        for file in self._files:
            file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __len__(self):
        return int(self._starts[-1])

    @property
    def origin(self):
        """What the samples are of: Origin."""
        contents = [(f.action, f.subject, len(f), sorted(f.checksums.items())) for f in self._files]
        kinds = {file.synthetic for file in self._files}
        return Origin(
            ", ".join(dict.fromkeys(file.source for file in self._files)),
            kinds.pop() if len(kinds) == 1 else None,
            hashlib.sha256(repr(contents).encode()).hexdigest(),
        )

    @property
    def subjects(self):
        """Names of all subjects: list of str."""
        return list(dict.fromkeys(file.subject for file in self._files))

    def subjects_of(self, indices):
        """Names of the subjects of some samples, an int array: sorted list of str."""
        return sorted(set(self.subject[indices].tolist()))

    @property
    def action(self):
        return self._of_files("action")

    @property
    def subject(self):
        return self._of_files("subject")

    def _of_files(self, name):
        return np.repeat([getattr(file, name) for file in self._files], np.diff(self._starts))

    def images(self, indices, keep=True):
        """Images of samples, in the given order: (n, 128, 128) uint8, or (128, 128) for a single number.

        If `in_memory` and `keep`, each file is read whole and its images are kept; else these are read only.
        """
        return self._gather("images", indices, keep and self.in_memory)

    def labels(self, indices):
        """Labels of samples, Eq. (3), computed from 2D joints: (n, 17, 100) bool array."""
        numbers = self._numbers(indices)
        found = labels(self.joints_2d[numbers.ravel()])
        return found.reshape(*numbers.shape, *found.shape[1:])

    def prefetch(self, indices):
        """Ask the system to read images in the background; does nothing if they are in memory."""
        if not self.in_memory:
            for i, _, rows in self._by_file(indices):
                self._files[i].prefetch("images", rows)

    def blocks(self, name, indices):
        """Yield values of the column `name` in blocks that fit into memory."""
        size = 64 * BLOCK
        for start in range(0, len(indices), size):
            yield getattr(self, name)[indices[start : start + size]]

    def mean_pose(self, indices):
        """Mean of the samples' poses: (17, 3) float64 array, mm."""
        blocks = self.blocks("poses", indices)
        return sum(block.sum(axis=0, dtype=np.float64) for block in blocks) / len(indices)

    def _gather(self, name, indices, keep=False):
        (dtype, shape, _), numbers = SCHEMA[name], self._numbers(indices)
        values = np.empty((numbers.size, *shape), dtype)
        for i, chosen, rows in self._by_file(numbers.ravel()):
            file = self._files[i]
            values[chosen] = file.kept_images[rows] if keep else file.read(name, rows)
        return values.reshape(*numbers.shape, *shape)

    def _numbers(self, indices):
        """Sample numbers as an int array, those of a slice or mask as well."""
        if isinstance(indices, slice) or np.asarray(indices).dtype == bool:
            return np.arange(len(self))[indices]
        numbers = np.asarray(indices)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise IndexError(f"samples are named by whole numbers, a slice or a mask, not {numbers.dtype}")
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"sample numbers must lie in 0 .. {len(self) - 1}")
        return numbers.astype(int)

    def _by_file(self, indices):
        """Yield (number of a file, mask of its samples among `indices`, their rows in the file)."""
        indices = self._numbers(indices)
        files = np.searchsorted(self._starts, indices, side="right") - 1
        for i in np.unique(files):
            chosen = files == i
            yield i, chosen, indices[chosen] - self._starts[i]


_SAMPLE_BYTES = sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape, _ in SCHEMA.values())


class Column:
    """A column of a data set on disk, read by ``column[numbers]``."""

    def __init__(self, dataset, name):
        self._dataset, self._name = dataset, name

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, numbers):
        return self._dataset._gather(self._name, numbers)


class _BuiltFile:
    """One built file, with its keys in memory and the rest on disk."""

    def __init__(self, path):
        self.path = path
        with open_built_file(path) as file:
            self.action, self.subject = text_of(file, "action"), text_of(file, "subject")
            with naming(path):
                provenance = dict(json.loads(text_of(file, "provenance")))
            self.source, self.synthetic = provenance.get("source", ""), provenance.get("synthetic")
            self.keys = {name: file[name][()] for name in _KEYS}
            _check_finite(path, file)
            self.checksums = {name: text_of(file[name], "sha256") for name in SCHEMA}
        self._file = open_hdf5(path, REMEDY)  # until `close`
        self._rows = {name: StoredRows(self._file[name]) for name in self.checksums if name not in _KEYS}

    def __len__(self):
        return len(self.keys["frame"])

    def table(self, name):
        """All rows of an array at once."""
        with open_built_file(self.path) as file:
            return file[name][()]

    @cached_property
    def kept_images(self):
        """All images, from their first use on in memory."""
        return self.read("images", np.arange(len(self)))

    def read(self, name, rows):
        """Rows of an array, in any order. Raises `UserError` if the file is damaged."""
        if not self._file:
            raise ValueError(f"{self.path} is read after its data set was closed")
        with naming(self.path):
            return self._rows[name].read(rows)

    def close(self):
        self._file.close()

    def prefetch(self, name, rows):
        self._rows[name].prefetch(rows)


def _check_finite(path, file):
    """Read all coordinates once. HDF5 verifies their Fletcher-32 checksums on the way."""
    size = 64 * BLOCK
    for name in _COLUMNS:
        for start in range(0, len(file[name]), size):
            if not np.isfinite(file[name][start : start + size]).all():
                raise UserError(f"{path}: {name} holds NaN or infinity; {REMEDY}")


def built_files(folder):
    """Paths of the built files of a folder, sorted by action, then by subject, with S9 before S11."""

    def key(path):
        action, _, subject = path.stem.rpartition("-")
        return action, len(subject), subject

    return sorted((path for path in folder.glob("*-*.h5") if not path.name.startswith(".")), key=key)


def _checked(folder, kind, wanted, there):
    """The names that are wanted, all of them `there`: list of str."""
    wanted = there if wanted is None else [wanted] if isinstance(wanted, str) else list(wanted)
    if not wanted:
        raise UserError(f"{kind}s is empty: name at least one, or None for all")
    for name in wanted:
        if name not in there:
            raise UserError(
                f"{folder} holds no {kind} {name}, only {', '.join(dict.fromkeys(there))}; "
                f"run {_build(folder, f'--{kind}s', name)}"
            )
    return wanted


_build = partial(command_line, "build_dataset", "--out")
