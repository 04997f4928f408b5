"""Metrics of consecutive frames: velocity, acceleration, and runs of equal poses.

Functions of poses take one sequence. `successions` finds the frames that follow each other directly, so
that takes, cameras and gaps separate sequences.
"""

import numpy as np

from pose3d.evaluation.metrics.pose_errors import checked, relative
from pose3d.skeleton import N_JOINTS


def successions(frames, *keys):
    """Find the samples that follow each other directly in a recording.

    Parameters
    ----------
    frames : (F,) int array, frame numbers, in any order
    *keys : (F,) arrays that identify the recording: action, subject, take, camera

    Returns
    -------
    order : (F,) int array
        sorts the samples by the keys, then by frame number
    follows : (F - 1,) bool array
        whether, in that order, sample ``i + 1`` is the next frame of the recording of sample ``i``
    step : int
        smallest difference of frame numbers within a recording: 1, or 5 where every fifth frame was
        kept; 1 if no recording has two frames
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
    """Error of each joint's displacement between consecutive frames, after root alignment.

    ``||(p[t+1] - p[t]) - (g[t+1] - g[t])||``; the mean is the MPJVE of Pavllo et al. 2019.

    Parameters
    ----------
    predictions, truths : (F, 17, 3) arrays, mm, consecutive frames of one take and one camera

    Returns
    -------
    (F - 1, 17) float64 array, mm per frame

    Raises
    ------
    ValueError
        if the shapes differ or are not those of one sequence
    """
    return _derivative_errors(predictions, truths, 1)


def acceleration_errors(predictions, truths):
    """Error of the second difference ``x[t-1] - 2 x[t] + x[t+1]``; Kanazawa et al. 2019.

    Arguments and errors as in `velocity_errors`.

    Returns
    -------
    (F - 2, 17) float64 array, mm per frame squared
    """
    return _derivative_errors(predictions, truths, 2)


def mpjve(predictions, truths):
    """Mean per joint velocity error of one sequence, mm per frame; nan for fewer than two frames."""
    errors = velocity_errors(predictions, truths)
    return float(errors.mean()) if errors.size else float("nan")


def constant_runs(predictions, tolerance=0.0, follows=None):
    """Lengths of the runs of (nearly) equal consecutive poses: the report's piecewise constancy k.

    Parameters
    ----------
    predictions : (F, 17, 3) array, mm, consecutive frames
    tolerance : float, mm
        a pose continues a run if no joint moved by more than this since the previous frame
    follows : (F - 1,) bool array of `successions`, or None for one take and one camera
        a run also ends where the next frame does not follow

    Returns
    -------
    (runs,) int array whose sum is F
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
