"""Metrics of consecutive frames: velocity, acceleration, and runs of equal poses.

Functions of poses take one sequence: (F, 17, 3) in mm, consecutive frames of one take and one camera; a
ValueError tells of other shapes. `successions` finds the frames that follow each other directly, so
that takes, cameras and gaps separate sequences.
"""

import numpy as np

from pose3d.evaluation.metrics.pose_errors import checked, relative
from pose3d.skeleton import N_JOINTS


def successions(frames, *keys):
    """Find the samples that follow each other directly in a recording.

    Of the frame numbers (F,), in any order, and the keys (F,) that identify the recording, returns

    * the order (F,) that sorts the samples by the keys, then by frame number;
    * whether, in that order, sample ``i + 1`` is the next frame of the recording of sample ``i``: (F - 1,)
      bool;
    * the smallest difference of frame numbers within a recording: 1, or 5 where every fifth frame was kept; 1
      if no recording has two frames.
    """
    frames = np.asarray(frames)
    order = np.lexsort((frames, *map(np.asarray, keys)))
    same = np.ones(max(len(frames) - 1, 0), bool)
    for key in keys:
        key = np.asarray(key)[order]
        same &= key[1:] == key[:-1]
    ahead = np.diff(frames[order])
    step = int(ahead[same & (ahead > 0)].min(initial=np.iinfo(ahead.dtype).max))
    follows = same & (ahead == step)
    return order, follows, step if follows.any() else 1


def velocity_errors(predictions, truths):
    """Error of each joint's displacement between consecutive frames: (F - 1, 17), mm per frame.

    ``||(p[t+1] - p[t]) - (g[t+1] - g[t])||``, after root alignment; the mean is the MPJVE of Pavllo et al.
    2019, nan for a single frame.
    """
    return _derivative_errors(predictions, truths, 1)


def acceleration_errors(predictions, truths):
    """Error of ``x[t-1] - 2 x[t] + x[t+1]``: (F - 2, 17), mm per frame squared; Kanazawa et al. 2019."""
    return _derivative_errors(predictions, truths, 2)


def constant_runs(predictions, tolerance=0.0, follows=None):
    """Lengths of the runs of (nearly) equal consecutive poses: the report's piecewise constancy k.

    A pose continues a run if no joint moved by more than `tolerance`, mm, since the previous frame. With
    `follows`, (F - 1,) bool of `successions`, a run also ends where the next frame does not follow. Returns
    (runs,) ints whose sum is F.
    """
    predictions = _sequence(checked(predictions))
    if not len(predictions):
        return np.zeros(0, int)
    ends = np.linalg.norm(np.diff(predictions, axis=0), axis=-1).max(axis=-1) > tolerance
    if follows is not None:
        ends |= ~follows
    return np.diff(np.concatenate([[0], 1 + np.flatnonzero(ends), [len(predictions)]]))


def _derivative_errors(predictions, truths, order):
    predictions, truths = relative(predictions, truths)
    return np.linalg.norm(np.diff(_sequence(predictions - truths), order, axis=0), axis=-1)


def _sequence(poses):
    if poses.ndim != 3:
        raise ValueError(f"poses of one take, (F, {N_JOINTS}, 3), expected, not {poses.shape}")
    return poses
