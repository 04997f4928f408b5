"""Metrics of single poses: MPJPE of Eq. (9), its variants, PCK, AUC and bone lengths.

Predictions and truths are (..., 17, 3) arrays in mm; a ValueError tells of others, or of shapes that differ.
"""

import numpy as np

from pose3d.skeleton import EDGES, N_JOINTS, pelvis_relative

# Mehta et al. 2017 (MPI-INF-3DHP): PCK counts joints within 150 mm, AUC is its mean over 31 thresholds.
# They use other joints; ours are Human3.6M's 17.
PCK_THRESHOLD = 150.0
AUC_THRESHOLDS = np.arange(0.0, 151, 5)


def joint_errors(predictions, truths):
    """Distance of each predicted joint from the ground truth, after root alignment: (..., 17), mm.

    The mean of any selection is an MPJPE. To combine batches, add sums and counts, not means.
    """
    return _distances(*relative(predictions, truths))


def absolute_errors(predictions, truths):
    """Distance of each predicted joint from the ground truth, without root alignment: (..., 17), mm."""
    return _distances(*paired(predictions, truths))


def mpjpe(predictions, truths):
    """Mean per joint position error of Eq. (9), mm, over all poses and all 17 joints."""
    return float(joint_errors(predictions, truths).mean())


def scaled(predictions, truths):
    """Scale each pose by its best factor, ``s = sum(p * g) / sum(p * p)``: (..., 17, 3), mm.

    It is to be compared with the pelvis-relative truths. The pelvis is at zero, and a pose of zeros stays
    one.
    """
    p, g = relative(predictions, truths)
    norm = (p**2).sum(axis=(-2, -1), keepdims=True)
    return (p * g).sum(axis=(-2, -1), keepdims=True) / np.where(norm > 0, norm, 1) * p


def n_joint_errors(predictions, truths):
    """`joint_errors` after the best scaling of each pose; Rhodin et al. 2018."""
    return joint_errors(scaled(predictions, truths), truths)


def aligned(predictions, truths):
    """Align each pose to the ground truth by the best rotation, scaling and translation (Procrustes).

    The transformation is the least-squares one without reflection (Umeyama 1991), by a singular value
    decomposition. Returns (..., 17, 3) in mm, to be compared with the pelvis-relative truths; the pelvis need
    not be at zero. A pose of zeros becomes the centre of the ground truth.
    """
    predictions, truths = relative(predictions, truths)
    centre = truths.mean(axis=-2, keepdims=True)
    p, g = predictions - predictions.mean(axis=-2, keepdims=True), truths - centre
    u, singular, vt = np.linalg.svd(np.swapaxes(p, -1, -2) @ g)
    # A proper rotation: where the best orthogonal matrix is a reflection, flip its weakest axis.
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    norm = (p**2).sum(axis=(-2, -1))
    scale = (singular * sign).sum(axis=-1) / np.where(norm > 0, norm, 1)
    return scale[..., None, None] * (p @ (u * sign[..., None, :] @ vt)) + centre


def p_joint_errors(predictions, truths):
    """Distance of each joint after `aligned`, without root alignment: (..., 17) float64 array, mm."""
    return _distances(aligned(predictions, truths), pelvis_relative(paired(predictions, truths)[1]))


def pck(errors, threshold=PCK_THRESHOLD):
    """Share of joints whose error, mm, is strictly below the threshold, 0 to 1."""
    return float((np.asarray(errors) < threshold).mean())


def auc(errors):
    """Mean of `pck` over the 31 thresholds 0, 5, ... 150 mm; 30 / 31 at best, since no error is below 0."""
    below = len(AUC_THRESHOLDS) - np.searchsorted(AUC_THRESHOLDS, errors, side="right")
    return float(below.mean() / len(AUC_THRESHOLDS))


def bone_lengths(poses):
    """Lengths of the 16 edges of `pose3d.skeleton.EDGES`: (..., 16), mm."""
    poses = checked(poses)
    parents, children = np.transpose(EDGES)
    return _distances(poses[..., children, :], poses[..., parents, :])


def bone_length_errors(predictions, truths):
    """Absolute errors of the predicted bone lengths: (..., 16), mm."""
    predictions, truths = paired(predictions, truths)
    return np.abs(bone_lengths(predictions) - bone_lengths(truths))


def spread_ratio(predictions, truths):
    """Spread of N predictions divided by that of the ground truth; near 0 for a collapsed network.

    The spread is the root of the summed variances of all coordinates over the poses, after root
    alignment. The ratio is nan if the ground truth does not vary.
    """
    predictions, truths = relative(predictions, truths)
    truth = truths.var(axis=0).sum()
    return float(np.sqrt(predictions.var(axis=0).sum() / truth)) if truth > 0 else float("nan")


def checked(poses):
    """Poses as float64; ValueError if the shape is not (..., 17, 3)."""
    poses = np.asarray(poses, np.float64)
    if poses.shape[-2:] != (N_JOINTS, 3):
        raise ValueError(f"poses (..., {N_JOINTS}, 3) expected, not {poses.shape}")
    return poses


def paired(predictions, truths):
    """Both as float64 poses; ValueError if their shapes differ."""
    predictions, truths = checked(predictions), checked(truths)
    if predictions.shape != truths.shape:
        raise ValueError(f"{predictions.shape} predictions for {truths.shape} truths")
    return predictions, truths


def relative(predictions, truths):
    """`paired`, after root alignment."""
    return tuple(map(pelvis_relative, paired(predictions, truths)))


def _distances(a, b):
    return np.linalg.norm(a - b, axis=-1)
