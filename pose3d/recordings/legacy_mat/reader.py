"""Prepared files -> samples."""

import numpy as np

from pose3d.dataset.built_files import WINDOWS
from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import GRID_SIDE, N_WINDOWS, window_bounds
from pose3d.errors import UserError
from pose3d.recordings.legacy_mat.matrices import check_finite, gray_levels, open_samples
from pose3d.recordings.legacy_mat.orders import in_rows
from pose3d.skeleton import JOINTS_32, KEPT, N_JOINTS, PELVIS, pelvis_relative

# No joint moves so far in 1/50 s: it would be 20 m/s.
LEAP = 400.0  # mm
# More stretches than that are no takes: the samples are shuffled or thinned.
MOST_TAKES = 100
# Samples that tell whether white is 1 or 255.
_SPREAD = 32
# Where a joint has no window; in a table that holds no NaN.
_NOWHERE = -1.0


def extract(recording, every, write):
    """Read one subject's prepared files in blocks.

    The samples are cut into takes where the pose leaps; frames are counted within the take.

    Parameters
    ----------
    recording : PreparedRecording
    every : int, 1 for all samples, else every n-th of a take
    write : function that takes the samples block by block, dicts of arrays as in
        `pose3d.dataset.built_files.SCHEMA`,
        and ``windows``

    Returns
    -------
    dict as of `pose3d.dataset.sampling.extract`, and ``takes``, a list of their numbers

    Raises
    ------
    UserError
        naming the file, and where it is one sample that is at fault, the sample
    """
    counts = {"frames": 0, "repeated": 0, "blank": 0}
    with open_samples(recording.paths) as samples:
        takes, frames, stretches = _takes(samples["poses"])
        scale = samples["images"].full_scale(*samples["images"].spread(_SPREAD))
        last = np.empty((0, IMAGE_SIDE, IMAGE_SIDE), np.uint8), np.empty(0, int)
        for numbers in _blocks(samples["images"].block(), len(takes)):
            wanted = frames[numbers] % every == 0
            part = _read(recording, samples, numbers, wanted, scale)
            part |= {"take": takes[numbers][wanted], "frame": frames[numbers][wanted]}
            write(part)
            last = _count(counts, part, *last)
    return {
        **counts,
        "takes": sorted({int(take) for take in takes}),
        "surplus": 0,
        "background": "subtracted",
        "notes": [_note(recording, len(frames), stretches)],
    }


def drawable(joints_2d):
    """2D joints with NaN for those that the labels do not locate, (..., 2) array, so that none is drawn."""
    return np.where((joints_2d == _NOWHERE).all(axis=-1, keepdims=True), np.nan, joints_2d)


def _blocks(size, count):
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _takes(poses):
    """Take, from 1, and frame in it, from 0, of every sample, (N,) int arrays; number of stretches."""
    leaps, before = [np.zeros(0, bool)], None
    for numbers in _blocks(poses.block(), len(poses)):
        joints = _joints(poses, numbers)
        # The first sample of all has none before it.
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
    """The joints kept of some samples: (n, 17, 3) float64 array, mm, camera frame."""
    values = poses.read(numbers[0], numbers[-1] + 1).astype(np.float64)
    return check_finite(poses.path, numbers, values.reshape(-1, len(JOINTS_32), 3)[:, KEPT])


def _read(recording, samples, numbers, wanted, full_scale):
    """Samples without their takes and frames."""
    gray = samples["images"].read(numbers[0], numbers[-1] + 1)
    gray = gray_levels(recording.images, numbers, gray, full_scale)[wanted]
    poses = _joints(samples["poses"], numbers)[wanted]
    positive = _positive(samples["labels"], numbers)[wanted]
    positive = in_rows(positive, GRID_SIDE, recording.window_order).reshape(-1, N_JOINTS, N_WINDOWS)
    return {
        "images": in_rows(gray, IMAGE_SIDE, recording.pixel_order),
        "joints_2d": _centres(positive),
        "poses": pelvis_relative(poses),
        "pelvis": poses[:, PELVIS],
        "box": np.tile([0, 0, IMAGE_SIDE, IMAGE_SIDE], (len(poses), 1)),
        "camera": np.full(len(poses), int(recording.camera)),
        WINDOWS: np.packbits(positive.reshape(len(poses), -1), axis=1),
    }


def _positive(labels, numbers):
    """Labels of some samples, in the order in which they are stored: (n, 17, 100) bool array."""
    values = labels.read(numbers[0], numbers[-1] + 1)
    bad = np.flatnonzero(~((values == 0) | (values == 1)).all(axis=1))
    if bad.size:
        raise UserError(
            f"{labels.path}: sample {numbers[bad[0]]} has labels not 0 and not 1; repair or remove the file"
        )
    return values.reshape(-1, N_JOINTS, N_WINDOWS) == 1


def _centres(positive):
    """Mean centre of each joint's positive windows: (n, 17, 2) array, px of the crop."""
    bounds = window_bounds()
    count = positive.sum(axis=-1)[..., None]
    centres = positive @ ((bounds[:, :2] + bounds[:, 2:]) / 2) / np.maximum(count, 1)
    return np.where(count > 0, centres, _NOWHERE)


def _count(counts, part, image, take):
    """Add a block to the counts; its last image and take, each as an array of one or none."""
    images, takes = (np.concatenate(pair) for pair in ((image, part["images"]), (take, part["take"])))
    same = (images[1:] == images[:-1]).all(axis=(1, 2)) & (takes[1:] == takes[:-1])
    counts["frames"] += len(part["images"])
    counts["repeated"] += int(same.sum())
    counts["blank"] += int((~part["images"].any(axis=(1, 2))).sum())
    return images[-1:], takes[-1:]


def _note(recording, count, stretches):
    cut = f"cut into {stretches} take(s) where the pose leaps by more than {LEAP:.0f} mm"
    if stretches > MOST_TAKES:
        cut = f"one take: the pose leaps {stretches - 1} times, so they are shuffled or thinned"
    return (
        f"{recording}: {count} samples, {cut}; the cameras are unknown, and 2D joints are estimates from the "
        "labels, for drawing only"
    )
