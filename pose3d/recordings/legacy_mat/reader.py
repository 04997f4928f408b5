"""Read the legacy .mat files of one subject and action, sample by sample."""

import numpy as np

from pose3d.errors import UserError
from pose3d.recordings.legacy_mat.matrices import (
    GRID_SIDE,
    STORED_SIDE,
    check_finite,
    gray_levels,
    in_rows,
    open_samples,
)
from pose3d.recordings.observation import Observation, Reader
from pose3d.skeleton import JOINTS_32, KEPT, N_JOINTS

# Largest distance, mm, that a joint can move in 1/50 s: it amounts to 20 m/s.
LEAP = 400.0
# A file with more stretches between leaps is shuffled or thinned, and counts as one take.
MOST_TAKES = 100
# Number of samples from which the value of white, 1 or 255, is determined.
_SPREAD = 32


class LegacyReader(Reader):
    """The samples of one subject and action, cut into takes where the pose leaps.

    Frames are counted within the take. Images are crops already: the box is the whole image. There are no 2D
    joints, but labels of windows.

    Parameters
    ----------
    recording : LegacyRecording
    every : int, 1 for all samples, otherwise every n-th of a take
    """

    takes_known = False

    def __iter__(self):
        recording = self.recording
        with open_samples(recording.paths) as samples:
            takes, frames, stretches = _takes(samples["poses"])
            white = samples["images"].full_scale(*samples["images"].spread(_SPREAD))
            for numbers in _blocks(samples["images"].block(), len(takes)):
                images, windows, poses = _read(recording, samples, numbers, white)
                for i, number in enumerate(numbers):
                    if frames[number] % self.every == 0:
                        yield Observation(
                            number=int(frames[number]),
                            take=int(takes[number]),
                            frame=StoredCrop(images[i]),
                            box=(0, 0, STORED_SIDE, STORED_SIDE),
                            mask=None,
                            joints_2d=None,
                            pose=poses[i],
                            windows=windows[i],
                        )
        self.notes.append(_note(recording, len(frames), stretches))


class StoredCrop:
    """A (128, 128) uint8 array as a frame."""

    def __init__(self, image):
        self._image, self.shape = image, image.shape

    def gray(self, box):
        """Gray levels of a part; the box is half-open, px."""
        x0, y0, x1, y1 = box
        return self._image[y0:y1, x0:x1]


def _blocks(size, count):
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _takes(poses):
    """Take, from 1, and frame in it, from 0, of every sample, (N,) int arrays; number of stretches."""
    leaps, before = [np.zeros(0, bool)], None
    for numbers in _blocks(poses.block(), len(poses)):
        joints = _joints(poses, numbers)
        # The very first sample has no predecessor.
        both = np.concatenate([joints[:1] if before is None else before, joints])
        leaps.append((np.linalg.norm(np.diff(both, axis=0), axis=-1) > LEAP).any(axis=1))
        before = joints[-1:]
    leaps = np.concatenate(leaps)
    stretches = 1 + int(leaps.sum())
    if stretches > MOST_TAKES:
        leaps[:] = False
    starts = np.concatenate([[0], np.flatnonzero(leaps)])
    takes = 1 + np.cumsum(leaps)
    return takes, np.arange(len(takes)) - starts[takes - 1], stretches


def _joints(poses, numbers):
    """The kept joints of some samples: (n, 17, 3) float64 array, mm, camera frame."""
    values = poses.read(numbers[0], numbers[-1] + 1).astype(np.float64)
    return check_finite(poses.path, numbers, values.reshape(-1, len(JOINTS_32), 3)[:, KEPT])


def _read(recording, samples, numbers, white):
    """Images (n, 128, 128) uint8, labels (n, 17, 100) bool and poses (n, 17, 3) of some samples."""
    gray = samples["images"].read(numbers[0], numbers[-1] + 1)
    gray = gray_levels(recording.images, numbers, gray, white)
    windows = in_rows(_labels(samples["labels"], numbers), GRID_SIDE, recording.pixel_order)
    return (
        in_rows(gray, STORED_SIDE, recording.pixel_order),
        windows.reshape(-1, N_JOINTS, GRID_SIDE**2),
        _joints(samples["poses"], numbers),
    )


def _labels(labels, numbers):
    """Labels of some samples, in the order in which they are stored: (n, 17, 100) bool array."""
    values = labels.read(numbers[0], numbers[-1] + 1)
    bad = np.flatnonzero(~((values == 0) | (values == 1)).all(axis=1))
    if bad.size:
        raise UserError(
            f"{labels.path}: sample {numbers[bad[0]]} has labels other than 0 and 1; repair or remove "
            "the file"
        )
    return values.reshape(-1, N_JOINTS, GRID_SIDE**2) == 1


def _note(recording, count, stretches):
    cut = f"cut into {stretches} take(s) where the pose leaps by more than {LEAP:.0f} mm"
    if stretches > MOST_TAKES:
        cut = f"one take: the pose leaps {stretches - 1} times, so the samples are shuffled or thinned"
    return (
        f"{recording}: {count} samples, {cut}; cameras are unknown, and 2D joints are estimates from the "
        f"labels, for drawing only; pixels and windows are read by {recording.pixel_order}: if people lie on "
        "their side in the contact sheet, build again with another --pixel-order"
    )
