"""MPJPE of Eq. (9) and what else is said of single poses."""

import numpy as np

from pose3d.skeleton import EDGES, N_JOINTS, pelvis_relative

# Mehta et al. 2017 (MPI-INF-3DHP): a joint is found if it is nearer than 150 mm; the curve's area is
# the mean over 31 thresholds. Their set of joints is another: ours are Human3.6M's 17.
PCK_THRESHOLD = 150.0
AUC_THRESHOLDS = np.arange(0.0, 151, 5)


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
    return _distances(*relative(predictions, truths))


def absolute_errors(predictions, truths):
    """Distance of each predicted joint from the true one, as they stand: no pelvis is subtracted.

    Arguments, result and errors as in `joint_errors`.
    """
    return _distances(*paired(predictions, truths))


def mpjpe(predictions, truths):
    """Mean per joint position error of Eq. (9), mm, over all poses and all 17 joints."""
    return float(joint_errors(predictions, truths).mean())


def scaled(predictions, truths):
    """Each pose at its best scale, ``s = sum(p * g) / sum(p * p)``, neither turned nor shifted.

    Parameters
    ----------
    predictions, truths : (..., 17, 3) arrays, mm

    Returns
    -------
    (..., 17, 3) float64 array, mm, pelvis at zero, to be compared with the pelvis-relative truths; a
    pose that is all zero stays so
    """
    p, g = relative(predictions, truths)
    norm = (p**2).sum(axis=(-2, -1), keepdims=True)
    return (p * g).sum(axis=(-2, -1), keepdims=True) / np.where(norm > 0, norm, 1) * p


def n_joint_errors(predictions, truths):
    """`joint_errors` after the best scaling of each pose; Rhodin et al. 2018."""
    return joint_errors(scaled(predictions, truths), truths)


def n_mpjpe(predictions, truths):
    """MPJPE in mm after the best scaling of each pose."""
    return float(n_joint_errors(predictions, truths).mean())


def aligned(predictions, truths):
    """Each pose after the rotation, scaling and shift that bring it nearest to the truth, unmirrored.

    Nearest is meant in squares (Procrustes; Umeyama 1991): a rotation of determinant +1, by a singular
    value decomposition of all poses at once.

    Parameters
    ----------
    predictions, truths : (..., 17, 3) arrays, mm

    Returns
    -------
    (..., 17, 3) float64 array, mm, to be compared with the pelvis-relative truths; the shift takes the
    pelvis along. A pose that is all zero becomes the truth's centre.
    """
    predictions, truths = relative(predictions, truths)
    centre = truths.mean(axis=-2, keepdims=True)
    p, g = predictions - predictions.mean(axis=-2, keepdims=True), truths - centre
    u, singular, vt = np.linalg.svd(np.swapaxes(p, -1, -2) @ g)
    # A proper rotation: where the best orthogonal map is a mirror, turn its weakest axis back.
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    norm = (p**2).sum(axis=(-2, -1))
    scale = (singular * sign).sum(axis=-1) / np.where(norm > 0, norm, 1)
    return scale[..., None, None] * (p @ (u * sign[..., None, :] @ vt)) + centre


def p_joint_errors(predictions, truths):
    """Distance of each joint after `aligned`, as the poses then lie: (..., 17) float64 array, mm."""
    return _distances(aligned(predictions, truths), pelvis_relative(paired(predictions, truths)[1]))


def p_mpjpe(predictions, truths):
    """MPJPE in mm after the best rotation, scaling and shift of each pose."""
    return float(p_joint_errors(predictions, truths).mean())


def pck(errors, threshold=PCK_THRESHOLD):
    """Share of joints whose error is strictly below the threshold, 0 to 1.

    Parameters
    ----------
    errors : array, mm, as `joint_errors` gives them
    threshold : float, mm
    """
    return float((np.asarray(errors) < threshold).mean())


def auc(errors):
    """Mean of `pck` over the 31 thresholds 0, 5, ... 150 mm: 30 / 31 at best, for nothing is below 0.

    Parameters
    ----------
    errors : array, mm, as `joint_errors` gives them
    """
    below = len(AUC_THRESHOLDS) - np.searchsorted(AUC_THRESHOLDS, errors, side="right")
    return float(below.mean() / len(AUC_THRESHOLDS))


def bone_lengths(poses):
    """Lengths of the 16 edges of `pose3d.skeleton.EDGES`.

    Parameters
    ----------
    poses : (..., 17, 3) array, mm

    Returns
    -------
    (..., 16) float64 array, mm
    """
    poses = checked(poses)
    parents, children = np.transpose(EDGES)
    return _distances(poses[..., children, :], poses[..., parents, :])


def bone_length_errors(predictions, truths):
    """Differences without sign of predicted and true bone lengths: (..., 16) float64 array, mm.

    Arguments and errors as in `joint_errors`.
    """
    predictions, truths = paired(predictions, truths)
    return np.abs(bone_lengths(predictions) - bone_lengths(truths))


def spread_ratio(predictions, truths):
    """Spread of the predictions over spread of the truth: near 0 for a network that collapsed.

    The spread is the root of the coordinates' summed variances over all poses, pelvis on pelvis.
    It is nan where the truth does not vary.

    Parameters
    ----------
    predictions, truths : (N, 17, 3) arrays, mm
    """
    predictions, truths = relative(predictions, truths)
    truth = truths.var(axis=0).sum()
    return float(np.sqrt(predictions.var(axis=0).sum() / truth)) if truth > 0 else float("nan")


def checked(poses):
    """Poses as float64; ValueError if they are none."""
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
    """`paired`, the pelvis subtracted on both sides."""
    return tuple(map(pelvis_relative, paired(predictions, truths)))


def _distances(a, b):
    return np.linalg.norm(a - b, axis=-1)
