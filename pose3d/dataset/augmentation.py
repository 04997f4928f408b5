"""Data augmentation: mirror and shift training samples."""

import numpy as np

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.errors import UserError
from pose3d.skeleton import MIRROR

MIRRORED_SHARE = 0.5


def mirrored(images, joints_2d, poses):
    """Mirror samples left to right, with left and right joints swapped.

    Labels of windows must be computed from the new joints.

    Parameters
    ----------
    images : (N, 128, 128) array
    joints_2d : (N, 17, 2) array, crop px (x, y), pixel centres at whole numbers
    poses : (N, 17, 3) array, mm, camera frame, relative to the pelvis

    Returns
    -------
    three new arrays, of the same shapes and types
    """
    joints_2d, poses = joints_2d[:, MIRROR], poses[:, MIRROR]  # copies
    joints_2d[..., 0] = IMAGE_SIDE - 1 - joints_2d[..., 0]
    poses[..., 0] *= -1
    return images[:, :, ::-1].copy(), joints_2d, poses


def shifted(images, joints_2d, offsets):
    """Shift each sample by whole px; zeros, the background, fill the gap. Poses do not change.

    Parameters
    ----------
    images : (N, 128, 128) array
    joints_2d : (N, 17, 2) array, crop px (x, y)
    offsets : (N, 2) int array, px to the right and down, each from -127 to 127

    Returns
    -------
    two new arrays, of the same shapes and types; a joint may leave the image
    """
    moved = np.zeros_like(images)
    for new, old, (right, down) in zip(moved, images, offsets, strict=True):
        (to_rows, rows), (to_columns, columns) = _overlap(down), _overlap(right)
        new[to_rows, to_columns] = old[rows, columns]
    return moved, joints_2d + offsets[:, None].astype(joints_2d.dtype)


def _overlap(offset):
    """Rows or columns of the part that stays in the image: slice after the shift, slice before."""
    return (
        slice(max(offset, 0), IMAGE_SIDE + min(offset, 0)),
        slice(max(-offset, 0), IMAGE_SIDE - max(offset, 0)),
    )


def draw(n, settings, rng):
    """Draw the augmentation of a minibatch.

    Parameters
    ----------
    n : int, its number of samples
    settings : pose3d.config.AugmentationSettings
    rng : numpy.random.Generator

    Returns
    -------
    (n,) bool array, which samples are mirrored: each with a chance of one half
    (n, 2) int array, px by which they are then shifted: whole numbers within the limit, all equally likely
    """
    # Always three numbers a sample, so that one option does not change the draws of the other.
    chance, places = rng.random(n), rng.random((n, 2))
    offsets = np.floor(places * (2 * settings.shift + 1)).astype(int) - settings.shift
    return settings.mirror & (chance < MIRRORED_SHARE), offsets


def augmented(images, joints_2d, poses, mirror, offsets):
    """Apply what `draw` returns: mirror some samples, then shift all; see `mirrored` and `shifted`."""
    images, joints_2d, poses = images.copy(), joints_2d.copy(), poses.copy()
    images[mirror], joints_2d[mirror], poses[mirror] = mirrored(
        images[mirror], joints_2d[mirror], poses[mirror]
    )
    return *shifted(images, joints_2d, offsets), poses


def refuse_given_labels(data, indices):
    """Raise a `UserError` if the labels of samples are from their source, without joints to compute new ones.

    Parameters
    ----------
    data : Dataset
    indices : (n,) int array, the training samples
    """
    given = data.given_labels(indices)
    if given:
        raise UserError(
            f"{given[0]} holds windows' labels in place of 2D joints, which can be neither mirrored nor "
            "shifted; set augmentation.mirror = false and augmentation.shift = 0"
        )
