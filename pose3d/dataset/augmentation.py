"""Training samples mirrored and shifted: more poses and places than were recorded, on the same bodies."""

import numpy as np

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.errors import UserError
from pose3d.skeleton import MIRROR

MIRRORED_SHARE = 0.5


def mirrored(images, joints_2d, poses):
    """Samples as a mirror shows them: left is right, of the joints as well.

    The labels of windows are to be made of the new joints: the grid's middle, 64, is half a px off the
    images', so that no exchange of windows would give them.

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
    """Samples moved by whole px, each by its own; zeros, the background, come in. Poses stay as they are.

    Parameters
    ----------
    images : (N, 128, 128) array
    joints_2d : (N, 17, 2) array, crop px (x, y)
    offsets : (N, 2) int array, px to the right and down, each from -127 to 127

    Returns
    -------
    two new arrays, of the same shapes and types; a joint may come to lie outside of the image
    """
    moved = np.zeros_like(images)
    for new, old, (right, down) in zip(moved, images, offsets, strict=True):
        (to_rows, rows), (to_columns, columns) = _overlap(down), _overlap(right)
        new[to_rows, to_columns] = old[rows, columns]
    return moved, joints_2d + offsets[:, None].astype(joints_2d.dtype)


def _overlap(offset):
    """The rows or columns that what stays in the image moves to, and those that it comes from."""
    return (
        slice(max(offset, 0), IMAGE_SIDE + min(offset, 0)),
        slice(max(-offset, 0), IMAGE_SIDE - max(offset, 0)),
    )


def draw(n, settings, rng):
    """What is to be done to a minibatch.

    Parameters
    ----------
    n : int, its number of samples
    settings : pose3d.config.AugmentationSettings
    rng : numpy.random.Generator

    Returns
    -------
    (n,) bool array, which samples are mirrored: each with a chance of one half
    (n, 2) int array, px by which they are then shifted: all whole numbers within the limit alike
    """
    # Both are drawn in any case, three numbers a sample, so that an option leaves the other's draws alone.
    chance, places = rng.random(n), rng.random((n, 2))
    offsets = np.floor(places * (2 * settings.shift + 1)).astype(int) - settings.shift
    return settings.mirror & (chance < MIRRORED_SHARE), offsets


def augmented(images, joints_2d, poses, mirror, offsets):
    """Samples as `draw` says: some of them mirrored, then all shifted; see `mirrored` and `shifted`."""
    images, joints_2d, poses = images.copy(), joints_2d.copy(), poses.copy()
    images[mirror], joints_2d[mirror], poses[mirror] = mirrored(
        images[mirror], joints_2d[mirror], poses[mirror]
    )
    return *shifted(images, joints_2d, offsets), poses


def refuse_given_labels(data, indices):
    """A `UserError` if the samples' labels were given by their source, with no joints to make new ones of.

    Parameters
    ----------
    data : Dataset
    indices : (n,) int array, the training samples
    """
    given = data.given_labels(indices)
    if given:
        raise UserError(
            f"{given[0]} holds windows' labels in place of 2D joints, which can be neither mirrored nor "
            "shifted: leave augmentation.mirror = false and augmentation.shift = 0"
        )
