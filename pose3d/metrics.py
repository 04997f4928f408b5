"""MPJPE of Eq. (9) and its companions, and the scores of the detection task.

Poses are (..., 17, 3) arrays in mm; every measure of position subtracts the pelvis on both
sides first and counts the pelvis, whose error is zero, among the 17 joints, as is the custom.
Everything is computed in float64 whatever the argument's type.
"""

import numpy as np

from pose3d.skeleton import N_JOINTS, pelvis_relative


def joint_errors(predictions, truths):
    """Distance of each predicted joint from the true one, pelvis on pelvis.

    The mean of any selection of them is an MPJPE: add sums and counts, not means.

    Parameters
    ----------
    predictions, truths : (..., 17, 3) arrays, mm

    Returns
    -------
    (..., 17) float64 array, mm

    Raises
    ------
    ValueError
        if the shapes differ or are no poses
    """
    predictions, truths = _relative(predictions, truths)
    return np.linalg.norm(predictions - truths, axis=-1)


def mpjpe(predictions, truths):
    """Mean per joint position error of Eq. (9), mm, over all poses and all 17 joints."""
    return float(joint_errors(predictions, truths).mean())


def n_mpjpe(predictions, truths):
    """MPJPE in mm after the best scaling of each pose: ``s = sum(p * g) / sum(p * p)``."""
    predictions, truths = _relative(predictions, truths)
    norm = (predictions**2).sum(axis=(-2, -1), keepdims=True)
    scale = (predictions * truths).sum(axis=(-2, -1), keepdims=True) / np.where(norm > 0, norm, 1)
    return mpjpe(scale * predictions, truths)


def p_mpjpe(predictions, truths):
    """MPJPE in mm after the best rotation, scaling and shift of each pose (Procrustes), unmirrored.

    Here the shift takes the pelvis along: positions are compared as they then lie.
    """
    predictions, truths = _relative(predictions, truths)
    centre = truths.mean(axis=-2, keepdims=True)
    p, g = predictions - predictions.mean(axis=-2, keepdims=True), truths - centre
    u, singular, vt = np.linalg.svd(np.swapaxes(p, -1, -2) @ g)
    # A proper rotation: where the best orthogonal map is a mirror, turn its weakest axis back.
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    norm = (p**2).sum(axis=(-2, -1))
    scale = (singular * sign).sum(axis=-1) / np.where(norm > 0, norm, 1)
    aligned = scale[..., None, None] * (p @ (u * sign[..., None, :] @ vt)) + centre
    return float(np.linalg.norm(aligned - truths, axis=-1).mean())


def constant_runs(predictions, tolerance=0.0):
    """Lengths of the runs of (nearly) equal consecutive poses: the report's piecewise constancy k.

    Parameters
    ----------
    predictions : (F, 17, 3) array, mm, consecutive frames of one take and one camera
    tolerance : float, mm
        a pose continues a run if no joint moved by more than this since the frame before

    Returns
    -------
    (runs,) int array whose sum is F
    """
    predictions = _poses(predictions)
    if predictions.ndim != 3:
        raise ValueError(f"poses of one take, (F, {N_JOINTS}, 3), expected, not {predictions.shape}")
    if not len(predictions):
        return np.zeros(0, int)
    moved = np.linalg.norm(np.diff(predictions, axis=0), axis=-1).max(axis=-1) > tolerance
    starts = np.concatenate([[0], 1 + np.flatnonzero(moved), [len(predictions)]])
    return np.diff(starts)


def spread_ratio(predictions, truths):
    """Spread of the predictions over spread of the truth: near 0 for a network that collapsed.

    The spread is the root of the coordinates' summed variances over all poses, pelvis on pelvis.
    It is nan where the truth does not vary.

    Parameters
    ----------
    predictions, truths : (N, 17, 3) arrays, mm
    """
    predictions, truths = _relative(predictions, truths)
    truth = truths.var(axis=0).sum()
    return float(np.sqrt(predictions.var(axis=0).sum() / truth)) if truth > 0 else float("nan")


def detection_counts(labels, decisions):
    """True positives, false positives and false negatives per joint; they add up over batches.

    Parameters
    ----------
    labels, decisions : (N, 17, 100) bool arrays

    Returns
    -------
    (3, 17) int array
    """
    labels, decisions = _windows(labels, decisions)
    hits, wrong, missed = labels & decisions, ~labels & decisions, labels & ~decisions
    return np.stack([cells.sum(axis=(0, 2)) for cells in (hits, wrong, missed)])


def f1_from_counts(counts):
    """F1 per joint, ``2 TP / (2 TP + FP + FN)``: (17,), nan for a joint with nothing to find or found."""
    hits, wrong, missed = np.asarray(counts)
    total = 2 * hits + wrong + missed
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def f1(labels, decisions):
    """F1 per joint over all samples and windows: (17,); arguments as in `detection_counts`."""
    return f1_from_counts(detection_counts(labels, decisions))


def precision_histograms(labels, probabilities):
    """How many windows, and how many positive ones, have each probability; they add up over batches.

    Probabilities are taken to three digits, those above a half by what they lack to one: a network
    that is sure of itself differs in the digits after 0.999.

    Parameters
    ----------
    labels : (N, 17, 100) bool array
    probabilities : (N, 17, 100) array, 0 to 1

    Returns
    -------
    (2, 17, bins) int array: all windows and positive windows, from probability 0 up
    """
    labels, probabilities = _windows(labels, probabilities)
    low = probabilities <= 0.5
    # The bits of a non-negative float16, read as a whole number, are in the order of the floats.
    digits = np.where(low, probabilities, 1 - probabilities).astype(np.float16).view(np.uint16)
    bins = np.where(low, digits, 2 * _HALF + 1 - digits.astype(int))
    size = 2 * _HALF + 2
    place = bins + size * np.arange(N_JOINTS)[:, None]
    counts = [np.bincount(some.ravel(), minlength=N_JOINTS * size) for some in (place, place[labels])]
    return np.stack(counts).reshape(2, N_JOINTS, size)


_HALF = int(np.float16(0.5).view(np.uint16))


def average_precision_from_histograms(histograms):
    """Area under the precision-recall steps, per joint, over all samples and windows.

    ``sum_n (R_n - R_(n-1)) P_n`` over the thresholds n = the distinct probabilities, from the highest;
    equal ones are taken together, so the order of the samples has no say.

    Parameters
    ----------
    histograms : (2, 17, bins) int array of `precision_histograms`

    Returns
    -------
    (17,) float64 array, nan for a joint without a positive window
    """
    found, hits = np.cumsum(np.asarray(histograms)[:, :, ::-1], axis=2)
    positives = hits[:, -1:]
    precision = hits / np.maximum(found, 1)
    gained = np.diff(hits, axis=1, prepend=0) / np.maximum(positives, 1)
    return np.where(positives[:, 0] > 0, (gained * precision).sum(axis=1), np.nan)


def average_precision(labels, probabilities):
    """Average precision per joint of one batch: (17,); arguments as in `precision_histograms`."""
    return average_precision_from_histograms(precision_histograms(labels, probabilities))


def _poses(poses):
    poses = np.asarray(poses, np.float64)
    if poses.shape[-2:] != (N_JOINTS, 3):
        raise ValueError(f"poses (..., {N_JOINTS}, 3) expected, not {poses.shape}")
    return poses


def _relative(predictions, truths):
    predictions, truths = _poses(predictions), _poses(truths)
    if predictions.shape != truths.shape:
        raise ValueError(f"{predictions.shape} predictions for {truths.shape} truths")
    return pelvis_relative(predictions), pelvis_relative(truths)


def _windows(labels, values):
    labels, values = np.asarray(labels), np.asarray(values)
    if labels.dtype != bool or labels.ndim != 3 or labels.shape[1] != N_JOINTS:
        raise ValueError(f"bool labels (N, {N_JOINTS}, windows) expected, not {labels.dtype} {labels.shape}")
    if labels.shape != values.shape:
        raise ValueError(f"{labels.shape} labels for {values.shape} decisions or scores")
    return labels, values
