"""Predictions and their truth, checked, from and to files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.errors import UserError
from pose3d.evaluation.pose_files.formats import KEYS, READERS, TEXT_KEYS, WRITERS
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS, N_COORDINATES, N_JOINTS


@dataclass(frozen=True)
class Pair:
    """Predictions and the truth, frame by frame.

    Attributes
    ----------
    predictions, truths : (F, 17, 3) arrays, mm
    keys : dict from those of `KEYS` that the files hold to (F,) arrays
    """

    predictions: np.ndarray
    truths: np.ndarray
    keys: dict


def read_pair(predictions, truths=None):
    """Read predictions and their truth.

    Parameters
    ----------
    predictions : path
    truths : path, or None if that file holds the truth, too

    Returns
    -------
    Pair

    Raises
    ------
    UserError
        if a file is absent, damaged, empty, of an unknown suffix, holds no poses of 17 joints or a number
        that is not finite, or the two are not of the same frames
    """
    ours = _File(predictions)
    if truths is None and "truths_mm" not in ours.arrays:
        raise UserError(f"{predictions} holds no truths_mm beside the predictions: name --truth FILE")
    theirs = ours if truths is None else _File(truths)
    pair = Pair(ours.poses("predictions_mm"), theirs.poses("truths_mm"), theirs.keys | ours.keys)
    if len(pair.predictions) != len(pair.truths):
        raise UserError(
            f"{predictions} holds {len(pair.predictions)} frames, {truths} {len(pair.truths)}: "
            "both must be of the same frames"
        )
    for name in ours.keys.keys() & theirs.keys.keys():
        a, b = ours.keys[name], theirs.keys[name]
        differ = np.flatnonzero(a != b)
        if differ.size:
            i = differ[0]
            raise UserError(
                f"{predictions} and {truths}: row {i + 1} is of {name} {a[i]} and of {b[i]}; "
                "both must be of the same frames"
            )
    return pair


def write(folder, formats, pair):
    """Write ``predictions.npz`` and so on, for ``txt`` ``predictions.txt`` and ``truths.txt``.

    Parameters
    ----------
    folder : Path
    formats : iterable of `FORMATS`
    pair : Pair, its poses are stored as float32; the truths may be None, and there may be other keys

    Returns
    -------
    list of Path
    """
    both = {"predictions_mm": pair.predictions, "truths_mm": pair.truths}
    arrays = {name: np.asarray(poses, np.float32) for name, poses in both.items() if poses is not None}
    written = []
    for kind in dict.fromkeys(formats):
        if kind == "txt":
            contents = {name.removesuffix("_mm"): poses for name, poses in arrays.items()}
        else:
            contents = {"predictions": {**arrays, "joints": JOINTS, **pair.keys}}
        for stem, content in contents.items():
            written.append(folder / f"{stem}.{kind}")
            with whole(written[-1]) as temporary:
                WRITERS[kind](temporary, content)
    return written


class _File:
    """What a file holds.

    Attributes
    ----------
    keys : dict from some of `KEYS` to arrays of one length
    arrays : dict from the names of all else, but for the joints, to arrays or nested lists
    """

    def __init__(self, path):
        self._path = path = Path(path)
        if path.suffix not in READERS:
            raise UserError(f"{path}: poses are read from {', '.join(READERS)} files; convert it to one")
        if not path.is_file():
            raise UserError(f"{path}: there is no such file; name another")
        if not path.stat().st_size:
            raise UserError(f"{path} is empty; write it again")
        found = READERS[path.suffix](path)
        self._order = self._joint_order(found.pop("joints", JOINTS))
        self.keys = {name: self._key(name, found.pop(name)) for name in KEYS if name in found}
        self.arrays = found

    def poses(self, wanted):
        """The poses called `wanted`, else the only ones: (F, 17, 3), checked, in our order of joints."""
        if wanted not in self.arrays and len(self.arrays) != 1:
            held = ", ".join(self.arrays) or "no poses"
            raise UserError(f"{self._path} holds {held}: call the array of poses {wanted}")
        name = wanted if wanted in self.arrays else next(iter(self.arrays))
        poses = self._numbers(name)
        if not poses.size:
            raise UserError(f"{self._path} holds no frame; write it again")
        if poses.shape[1:] not in ((N_COORDINATES,), (N_JOINTS, 3)):
            size = " x ".join(map(str, poses.shape[1:])) or "1"
            raise UserError(
                f"{self._path}: {name} holds {size} numbers a frame, not {N_COORDINATES} or {N_JOINTS} x 3; "
                "give the 17 joints"
            )
        bad = np.flatnonzero(~np.isfinite(poses.reshape(len(poses), -1)).all(axis=1))
        if bad.size:
            raise UserError(f"{self._path}: NaN or infinity in frame {bad[0] + 1} of {name}; leave it out")
        for key, values in self.keys.items():
            if len(values) != len(poses):
                raise UserError(
                    f"{self._path}: {key} has {len(values)} entries for {len(poses)} frames; give one a frame"
                )
        return poses.reshape(-1, N_JOINTS, 3)[:, self._order]

    def _joint_order(self, names):
        """Where our joints are among the file's."""
        names = np.asarray(names).astype(str).ravel().tolist()
        if sorted(names) != sorted(JOINTS):
            raise UserError(f"{self._path}: joints {', '.join(names)}; wanted are {', '.join(JOINTS)}")
        return [names.index(name) for name in JOINTS]

    def _key(self, name, values):
        text = name in TEXT_KEYS
        try:
            values = np.asarray(values)
        except ValueError:  # a ragged list
            values = np.empty(())
        if values.ndim != 1 or values.dtype.kind not in ("U" if text else "iu"):
            kind = "text" if text else "a whole number"
            raise UserError(f"{self._path}: {name} must be {kind} for each frame; mend it or leave it out")
        return values

    def _numbers(self, name):
        """An array of floats; of what is none, the first frame that does not fit is told."""
        values = self.arrays[name]
        try:
            array = np.asarray(values)
            return array if array.dtype.kind == "f" else array.astype(np.float64)
        except (ValueError, TypeError):
            pass
        shapes = []
        for i, frame in enumerate(values):
            try:
                shapes.append(np.asarray(frame, np.float64).shape)
            except (ValueError, TypeError):
                raise UserError(
                    f"{self._path}: frame {i + 1} of {name} holds something else than numbers; mend it"
                ) from None
            if shapes[i] != shapes[0]:
                raise UserError(
                    f"{self._path}: frame {i + 1} of {name} has not as many numbers as those before; mend it"
                )
        raise UserError(f"{self._path}: {name} holds something else than numbers; mend it")
