"""The built files: schema, writer, reader. One HDF5 file for each action and subject."""

import contextlib
import json
from pathlib import Path

import h5py
import numpy as np

from pose3d.crop import IMAGE_SIDE
from pose3d.errors import UserError
from pose3d.files import whole
from pose3d.skeleton import JOINTS, N_JOINTS

FORMAT = "pose3d samples"
VERSION = 1
# gzip 1 keeps 27 % of a masked crop and is read at 250 MB/s (lzf: 31 %, 270 MB/s, but h5py alone reads
# it; gzip 6: 26 %, written at half the speed). Its checksum also tells a damaged chunk from data.
_COMPRESSION = {"compression": "gzip", "compression_opts": 1}
IMAGES_PER_CHUNK = 8

# Name -> type, shape of one sample, what it holds and in which unit.
SCHEMA = {
    "images": (np.uint8, (IMAGE_SIDE, IMAGE_SIDE), "gray level 0 to 255, ITU-R 601, background 0"),
    "joints_2d": (np.float32, (N_JOINTS, 2), "px of the crop (x, y), pixel centres at whole numbers"),
    "poses": (np.float32, (N_JOINTS, 3), "mm, camera frame (x right, y down, z forward), pelvis-relative"),
    "pelvis": (np.float32, (3,), "mm, camera frame, position of the pelvis"),
    "box": (np.int32, (4,), "px of the frame: x0, y0, x1, y1, half-open"),
    "take": (np.int8, (), "take of the action, 1 or 2"),
    "camera": (np.int32, (), "id of the camera"),
    "frame": (np.int32, (), "number of the frame in the video, from 0"),
}
_IN_MEMORY = tuple(name for name in SCHEMA if name != "images")


def built_path(folder, action, subject):
    """Path of the built file of one action and subject."""
    return Path(folder) / f"{action}-{subject}.h5"


def write_samples(path, action, subject, parts, provenance):
    """Write a built file; it appears under its name only when it is whole.

    Parameters
    ----------
    path : path ending in ``.h5``
    action, subject : str
    parts : iterable of dicts from the names of `SCHEMA` to arrays of N samples each
        one after the other, so that only one part is in memory; by take, camera, frame
    provenance : dict that JSON can hold, what the samples were made of and how
    """
    # Made in memory, as small as it is packed: on a full disk HDF5 would print pages of tracebacks, which
    # no caller can silence, where one plain write raises one error.
    with h5py.File(Path(path).name, "w", driver="core", backing_store=False) as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            action=action,
            subject=subject,
            joints=", ".join(JOINTS),
            provenance=json.dumps(provenance, sort_keys=True),
        )
        for name, (dtype, shape, meaning) in SCHEMA.items():
            chunks = (IMAGES_PER_CHUNK, *shape) if name == "images" else True
            file.create_dataset(
                name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunks, **_COMPRESSION
            )
            file[name].attrs["meaning"] = meaning
        for part in parts:
            _append(file, part)
        file.flush()
        packed = file.id.get_file_image()
    with whole(path) as temporary:
        temporary.write_bytes(packed)


def _append(file, part):
    start = len(file["frame"])
    for name, (_, shape, _) in SCHEMA.items():
        values = np.asarray(part[name])
        if values.shape != (len(part["frame"]), *shape):
            raise ValueError(f"{name} of {len(part['frame'])} samples has shape {values.shape}")
        file[name].resize(start + len(values), axis=0)
        file[name][start:] = values


def read_samples(path):
    """Read a whole built file as one part of `write_samples`; raises as `Dataset.open` does."""
    with _open(path) as file:
        return {name: file[name][()] for name in SCHEMA}


def read_provenance(path):
    """The provenance given to `write_samples`; raises as `Dataset.open` does."""
    with _open(path) as file:
        return json.loads(file.attrs["provenance"])


@contextlib.contextmanager
def _open(path):
    """An h5py.File of this format and version, whose faults become one clear line."""
    remedy = "remove it and run build_dataset again"
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise UserError(f"{path} is no built file of pose3d; move it elsewhere")
            if file.attrs.get("version") != VERSION:
                raise UserError(f"{path} has version {file.attrs.get('version')}, not {VERSION}; {remedy}")
            count = len(file["frame"])
            for name, (dtype, shape, _) in SCHEMA.items():
                if file[name].shape != (count, *shape) or file[name].dtype != dtype:
                    raise UserError(f"{path}: {name} is {file[name].dtype} {file[name].shape}; {remedy}")
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; run build_dataset") from None
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error


class Dataset:
    """All samples of the built files of a folder, by action, subject, take, camera, frame.

    Attributes
    ----------
    folder : Path
    action, subject : (N,) str arrays
    take, camera, frame : (N,) int arrays
    joints_2d : (N, 17, 2) float32 array, px of the crop
    poses : (N, 17, 3) float32 array, mm, camera frame, relative to the pelvis
    pelvis : (N, 3) float32 array, mm, camera frame
    box : (N, 4) int32 array, px of the frame
    """

    def __init__(self, paths):
        """Read all but the images; see `Dataset.open`."""
        self._paths = paths
        self.folder = self._paths[0].parent
        tables = [_read_table(path) for path in self._paths]
        for name in ("action", "subject", *_IN_MEMORY):
            setattr(self, name, np.concatenate([table[name] for table in tables]))
        # Samples _starts[i] to _starts[i + 1] are those of file i; its images are read on first use.
        self._starts = np.cumsum([0] + [len(table["frame"]) for table in tables])
        self._images = [None] * len(tables)

    @classmethod
    def open(cls, folder, actions=None, subjects=None):
        """Open the built files of a folder.

        Parameters
        ----------
        folder : path
        actions, subjects : iterables of str, or None for all that are there

        Raises
        ------
        UserError
            if there is no such folder or no built file for an action or a subject asked for, or a file
            is damaged, of another version, or holds a coordinate that is not finite
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; run build_dataset --out {folder}")
        found = {path: tuple(path.stem.rsplit("-", 1)) for path in _built_files(folder)}
        if not found:
            raise UserError(f"{folder} holds no built file; run build_dataset --out {folder}")
        _check_there(folder, "action", actions, [action for action, _ in found.values()])
        _check_there(folder, "subject", subjects, [subject for _, subject in found.values()])
        chosen = [
            path
            for path, (action, subject) in found.items()
            if (actions is None or action in actions) and (subjects is None or subject in subjects)
        ]
        if not chosen:
            raise UserError(f"{folder} holds no file of {', '.join(actions)} by {', '.join(subjects)}")
        return cls(chosen)

    def __len__(self):
        return int(self._starts[-1])

    def images(self, indices, keep=True):
        """Images of the samples asked for, in that order.

        Parameters
        ----------
        indices : (n,) int array of sample numbers
        keep : bool
            read each file whole and keep it in memory, for training; otherwise, for a few images,
            read these alone

        Returns
        -------
        (n, 128, 128) uint8 array
        """
        indices = np.asarray(indices)
        if indices.size and not (indices.min() >= 0 and indices.max() < len(self)):
            raise IndexError(f"sample numbers must lie in 0 .. {len(self) - 1}")
        images = np.empty((len(indices), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        files = np.searchsorted(self._starts, indices, side="right") - 1
        for i in np.unique(files):
            chosen = files == i
            images[chosen] = self._file_images(i, indices[chosen] - self._starts[i], keep)
        return images

    def _file_images(self, i, rows, keep):
        """Images of file i: the one place to change where they do not fit into memory."""
        if self._images[i] is None:
            with _open(self._paths[i]) as file:
                if not keep:
                    ascending, back = np.unique(rows, return_inverse=True)
                    return file["images"][ascending][back]
                self._images[i] = file["images"][()]
        return self._images[i][rows]


def _built_files(folder):
    """By action, then by the subject's number: S11 comes after S9."""

    def key(path):
        action, _, subject = path.stem.rpartition("-")
        return action, len(subject), subject

    return sorted((path for path in folder.glob("*-*.h5") if not path.name.startswith(".")), key=key)


def _check_there(folder, kind, wanted, there):
    for name in wanted or ():
        if name not in there:
            raise UserError(
                f"{folder} holds no {kind} {name}, only {', '.join(dict.fromkeys(there))}; "
                f"run build_dataset --out {folder} --{kind}s {name}"
            )


def _read_table(path):
    """All arrays of a built file but the images, checked."""
    with _open(path) as file:
        table = {name: file[name][()] for name in _IN_MEMORY}
        for kind in ("action", "subject"):
            table[kind] = np.full(len(table["frame"]), file.attrs[kind])
    for name, values in table.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UserError(f"{path}: {name} holds NaN or infinity; remove it and run build_dataset again")
    return table
