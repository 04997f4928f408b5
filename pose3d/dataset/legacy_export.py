"""Write built files as legacy .mat files, for the original project's programs."""

import contextlib
from pathlib import Path

import numpy as np

from pose3d.dataset.built_files import BLOCK
from pose3d.dataset.samples import Dataset
from pose3d.io.hdf5 import matrix_writer
from pose3d.recordings.legacy_mat import KINDS
from pose3d.skeleton import JOINTS_32, KEPT

# Images and labels as the original's programs feed them to the network. Poses in double precision, so that
# subtracting the pelvis again restores every bit.
_TYPES = {"images": np.float32, "labels": np.float32, "poses": np.float64}


def export_legacy(out, folder, actions=None, subjects=None):
    """Write the original project's three files for each action and subject.

    In h5py a row is a sample, in MATLAB a column. Images and labels are stored by rows. Images are of single
    precision, 0 to 1. The 15 joints that a built file does not hold are NaN.

    Parameters
    ----------
    out : path of the folder of built files
    folder : path of the folder to write ``Walking/data_36MS1.mat`` and so on into
    actions, subjects : iterables of str, or None for all that are there

    Returns
    -------
    list of str, a line for each action and subject

    Raises
    ------
    UserError
        as `pose3d.dataset.samples.Dataset.open`, or if the disk is full
    """
    data = Dataset.open(out, actions, subjects, memory="stream")
    lines = []
    for action, subject in dict.fromkeys(zip(data.action.tolist(), data.subject.tolist(), strict=True)):
        numbers = np.flatnonzero((data.action == action) & (data.subject == subject))
        _write(data, numbers, Path(folder) / action, subject)
        lines.append(f"{len(numbers)} samples of {subject} {action} exported to {Path(folder) / action}")
    return lines


def _write(data, numbers, folder, subject):
    with contextlib.ExitStack() as stack:
        append = {
            kind: stack.enter_context(
                matrix_writer(folder / f"{start}{subject}.mat", name, len(numbers), width, _TYPES[kind])
            )
            for kind, (start, name, width) in KINDS.items()
        }
        for first in range(0, len(numbers), BLOCK):
            some = numbers[first : first + BLOCK]
            for kind, values in _samples(data, some).items():
                append[kind](values.reshape(len(some), -1))


def _samples(data, numbers):
    """Images, labels and poses of some samples, as they are stored."""
    poses = np.full((len(numbers), len(JOINTS_32), 3), np.nan)
    poses[:, KEPT] = data.poses[numbers].astype(np.float64) + data.pelvis[numbers][:, None]
    return {
        "images": data.images(numbers, keep=False).astype(np.float32) / 255,
        "labels": data.labels(numbers),
        "poses": poses,
    }
