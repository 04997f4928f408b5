"""Read, check and write predicted poses and their ground truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.errors import UserError
from pose3d.evaluation.pose_file_formats import KEYS, MOST, READERS, TEXT_KEYS, WRITERS
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS, LARGEST_COORDINATE, N_COORDINATES, N_JOINTS, unit_fault

_POSES = ("predictions_mm", "truths_mm")


@dataclass(frozen=True)
class Pair:
    """Predictions and ground truth, frame by frame."""

    predictions: np.ndarray  # (F, 17, 3), mm
    truths: np.ndarray  # (F, 17, 3), mm
    keys: dict  # of the `KEYS` in the files to (F,) arrays


def read_pair(predictions, truths=None):
    """Read predictions and their ground truth, which is in the same file if `truths` is None: a `Pair`.

    A `UserError` if a file is missing, damaged or empty, has an unknown suffix, holds no poses of 17 joints,
    or coordinates that no body has, or not in mm; or if the two differ in their frames.
    """
    predicted = _File(predictions)
    if truths is None and "truths_mm" not in predicted.arrays:
        raise UserError(
            f"{predictions}: no truths_mm beside the predictions; give the ground truth by --truth FILE"
        )
    true = predicted if truths is None else _File(truths)
    pair = Pair(predicted.poses("predictions_mm"), true.poses("truths_mm"), true.keys | predicted.keys)
    if len(pair.predictions) != len(pair.truths):
        raise UserError(
            f"{predictions} holds {len(pair.predictions)} frames, {truths} {len(pair.truths)}; "
            "give the same frames in both"
        )
    sides = {
        f"predictions of {predictions}": pair.predictions,
        f"truths of {truths or predictions}": pair.truths,
    }
    if faults := [f"{side}: {fault}" for side, poses in sides.items() if (fault := unit_fault(poses))]:
        raise UserError("; ".join(faults))
    for name in predicted.keys.keys() & true.keys.keys():
        a, b = predicted.keys[name], true.keys[name]
        differ = np.flatnonzero(a != b)
        if differ.size:
            i = differ[0]
            raise UserError(
                f"{predictions} and {truths}: row {i + 1} is {name} {a[i]} in one and {b[i]} in the other; "
                "give the same frames in both"
            )
    return pair


def write(folder, formats, pair):
    """Write ``predictions.npz`` and so on, or ``predictions.txt`` and ``truths.txt``; returns their Paths.

    The poses are stored as float32; the truths may be None, and the keys others than `KEYS`.
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
    """The content of one file: some of `KEYS` (F,), and all other arrays or nested lists but ``joints``."""

    def __init__(self, path):
        self._path = path = Path(path)
        if path.suffix not in READERS:
            raise UserError(f"{path}: unknown suffix; convert it to one of {', '.join(READERS)}")
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        if not path.stat().st_size:
            raise UserError(f"{path}: the file is empty; write it again")
        found = READERS[path.suffix](path)
        self._order = self._joint_order(found.pop("joints", JOINTS))
        self.keys = {name: self._key(name, found.pop(name)) for name in KEYS if name in found}
        self.arrays = found

    def poses(self, wanted):
        """The array `wanted`, or the only one, checked: (F, 17, 3), joints in the order of `JOINTS`.

        Predictions never stand in for the ground truth, nor the other way round.
        """
        if wanted not in self.arrays and (len(self.arrays) != 1 or self.arrays.keys() & set(_POSES)):
            held = ", ".join(self.arrays) or "no poses"
            raise self._error(f"holds {held}; call the array of poses {wanted}")
        name = wanted if wanted in self.arrays else next(iter(self.arrays))
        poses = self._numbers(name)
        if not poses.size:
            raise self._error("no frames; write it again")
        if poses.shape[1:] not in ((N_COORDINATES,), (N_JOINTS, 3)):
            size = " x ".join(map(str, poses.shape[1:])) or "1"
            raise self._error(f"{name} has {size} numbers per frame; give {N_COORDINATES} or {N_JOINTS} x 3")
        poses = poses.reshape(-1, N_JOINTS, 3)[:, self._order]
        if (bad := np.argwhere(~(abs(poses) <= LARGEST_COORDINATE))).size:  # NaN, too
            frame, joint, axis = bad[0]
            raise self._error(
                f"frame {frame + 1} of {name}: {JOINTS[joint]} has the coordinate "
                f"{poses[frame, joint, axis]:.6g}, not of -{LARGEST_COORDINATE:.0f} to "
                f"{LARGEST_COORDINATE:.0f} mm; correct it or remove the frame"
            )
        for key, values in self.keys.items():
            if len(values) != len(poses):
                raise self._error(
                    f"{key} has {len(values)} entries for {len(poses)} frames; give one per frame"
                )
        return poses

    def _joint_order(self, names):
        """Indices of `JOINTS` among the names in the file."""
        try:
            names = np.asarray(names).astype(str).ravel().tolist()
        except ValueError:  # a ragged list, or text that is no Unicode
            raise self._error("joints is no list of names; correct or remove it") from None
        if sorted(names) != sorted(JOINTS):
            raise self._error(f"joints are {', '.join(names)}; give {', '.join(JOINTS)}")
        return [names.index(name) for name in JOINTS]

    def _key(self, name, values):
        text = name in TEXT_KEYS
        try:
            values = np.asarray(values)
            if text:
                "".join(values.tolist()).encode("utf-8")
        except (ValueError, TypeError):  # a ragged list, no text, or half of a character
            values = np.empty(())
        if values.ndim != 1 or values.dtype.kind not in ("U" if text else "iu"):
            kind = "text" if text else "a whole number"
            raise self._error(f"{name} must be {kind} for each frame; correct or remove it")
        if not text and values.size and not 0 <= values.min() <= values.max() <= MOST:
            raise self._error(f"{name} must lie in 0 to {MOST}; correct or remove it")
        return values

    def _numbers(self, name):
        """An array as floats; the error names the first frame that does not fit."""
        values = self.arrays[name]
        try:
            array = np.asarray(values)
            if array.dtype.kind in "fiuO":
                return array if array.dtype == np.float32 else array.astype(np.float64)
        except (ValueError, TypeError, OverflowError):
            pass
        shapes = []
        for i, frame in enumerate([] if isinstance(values, np.ndarray) else values):
            try:
                shapes.append(np.asarray(frame, np.float64).shape)
            except (ValueError, TypeError, OverflowError):
                raise self._error(
                    f"frame {i + 1} of {name} holds something other than numbers; correct it"
                ) from None
            if shapes[i] != shapes[0]:
                raise self._error(
                    f"frame {i + 1} of {name} differs in size from the frames before; correct it"
                )
        raise self._error(f"{name} holds something other than numbers; correct it")

    def _error(self, message):
        return UserError(f"{self._path}: {message}")
