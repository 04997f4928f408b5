"""The interface of data sources: a reader yields one observation for each frame."""

from dataclasses import dataclass

import numpy as np

from pose3d.errors import UserError


@dataclass(frozen=True)
class Observation:
    """One frame of a recording."""

    number: int  # of the frame in its recording or take, from 0
    take: int  # from 1
    frame: object  # with ``shape``, (H, W), and ``gray(box)``, as `pose3d.io.video.Frame`
    box: tuple | None  # (x0, y0, x1, y1), px of the frame, half-open; None where the source has none
    mask: np.ndarray | None  # (H, W), bool, True on the person; None without background subtraction
    joints_2d: np.ndarray  # (17, 2), px of the frame
    pose: np.ndarray  # (17, 3), mm, camera frame


class Reader:
    """Reads every n-th frame of one recording: a context manager, to be iterated once.

    A recording's ``open(every)`` makes it. It yields `Observation`; a `UserError` names the file that is
    damaged or does not fit.

    `box_source` names the boxes that the recording itself holds, and `usual_box` those that need no note.
    After iterating, `surplus` is the number of frames, poses or masks beyond the shortest of them, and
    `notes` are lines, each naming the recording.
    """

    box_source = usual_box = "the recording"
    subtracts_background = True
    surplus = 0

    def __init__(self, recording, every):
        self.recording, self.every, self.notes = recording, every, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def mask_of(masks, number, shape):
    """The mask of a frame of `shape`; all False where it is empty, None without masks.

    `masks` is None, or has ``path`` and ``[number]``: (H, W) bool, or None.
    """
    if masks is None:
        return None
    mask = masks[number]
    if mask is None:
        return np.zeros(shape, bool)
    if mask.shape != shape:
        raise UserError(
            f"{masks.path}: mask {number} has {mask.shape[1]} x {mask.shape[0]} px, the frame {shape[1]} x "
            f"{shape[0]}; extract both again, or remove the file to use no masks"
        )
    return mask


def box_around(mask):
    """The tightest box around the True pixels of (H, W): (x0, y0, x1, y1), half-open, or None if none is."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


def around(box, margin):
    """The part of an image within a box (x0, y0, x1, y1) and a margin, px: two slices."""
    x0, y0, x1, y1 = box
    return slice(max(0, y0 - margin), y1 + margin), slice(max(0, x0 - margin), x1 + margin)


def share_inside(mask, joints, reach=0.0):
    """The share of joints (J, 2), px (x, y), that lie on or near True pixels; none outside the image does.

    `reach` is the distance that counts as near, along rows and columns, as a share of W.
    """
    reach = round(reach * mask.shape[1])
    limit = 2 * max(mask.shape)  # so that any value of a damaged file fits an int
    low = np.rint(np.clip(joints, -limit, limit)).astype(int) - reach
    high = np.maximum(low + 2 * reach + 1, 0)
    low = np.maximum(low, 0)
    return np.mean([mask[y0:y1, x0:x1].any() for (x0, y0), (x1, y1) in zip(low, high, strict=True)])
