"""Data augmentation: mirror and shift training samples, and change their light."""

import numpy as np

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.ops import blas
from pose3d.skeleton import MIRROR, mirrored_poses

MIRRORED_SHARE = 0.5
LAMPS = 4  # the light is drawn at so many places each way
# (128, 4) float32, how much of a row's or column's light is that of each place: linear between two.
_TENTS = np.maximum(0, 1 - abs(np.linspace(0, LAMPS - 1, IMAGE_SIDE)[:, None] - np.arange(LAMPS)))
_TENTS = _TENTS.astype(np.float32)


def mirrored(images, joints_2d, poses):
    """Mirror samples left to right, with left and right joints swapped; window labels need the new joints.

    Images (N, 128, 128); joints (N, 17, 2), crop px; poses (N, 17, 3), mm, camera frame, relative to the
    pelvis. Returns three new arrays of the same shapes and types.
    """
    joints_2d = joints_2d[:, MIRROR]  # a copy
    joints_2d[..., 0] = IMAGE_SIDE - 1 - joints_2d[..., 0]
    return images[:, :, ::-1].copy(), joints_2d, mirrored_poses(poses)


def shifted(images, joints_2d, offsets):
    """Shift each sample by whole px; zeros, the background, fill the gap. Poses do not change.

    Images (N, 128, 128); joints (N, 17, 2), crop px; `offsets` (N, 2), px to the right and down, each from
    -127 to 127. Returns two new arrays of the same shapes and types; a joint may leave the image.
    """
    moved = np.zeros_like(images)
    for new, old, (right, down) in zip(moved, images, offsets, strict=True):
        (to_rows, rows), (to_columns, columns) = _overlap(down), _overlap(right)
        new[to_rows, to_columns] = old[rows, columns]
    return moved, joints_2d + offsets[:, None].astype(joints_2d.dtype)


def relit(images, light):
    """Multiply gray values by a smooth field, as other clothes and lamps would. Zeros, the background, stay.

    Images (N, 128, 128), uint8; `light` (N, 4, 4) are the logarithms of the factors at 4 x 4 places, the
    outer ones on the border, and linear in between. A new array; the brightest values are cut off at 255.
    """
    rows = np.einsum("nij,ri->nrj", np.exp(light), _TENTS)
    values = blas.multiply(rows.reshape(-1, LAMPS), _TENTS, right=True).reshape(images.shape)
    values *= images
    values += 0.5
    return np.minimum(values, 255, out=values).astype(np.uint8)


def _overlap(offset):
    """Rows or columns of the part that stays in the image: slice after the shift, slice before."""
    return (
        slice(max(offset, 0), IMAGE_SIDE + min(offset, 0)),
        slice(max(-offset, 0), IMAGE_SIDE - max(offset, 0)),
    )


def draw(n, settings, rng):
    """Draw the augmentation of a minibatch of `n` samples, uniformly within the limits of `settings`.

    Returns which are mirrored, (n,) bool, with a chance of one half; the px by which they are then shifted,
    (n, 2) int; and their light before, (n, 4, 4) float32, see `relit`.
    """
    # Always as many numbers a sample, so that one option does not change the draws of another.
    chance, places = rng.random(n), rng.random((n, 2))
    light = settings.light * (2 * rng.random((n, LAMPS, LAMPS), np.float32) - 1)
    offsets = np.floor(places * (2 * settings.shift + 1)).astype(int) - settings.shift
    return settings.mirror & (chance < MIRRORED_SHARE), offsets, light


def augmented(images, joints_2d, poses, mirror, offsets, light):
    """Apply what `draw` returns: light all samples, mirror some, shift all; see `relit` and so on."""
    images = relit(images, light) if light.any() else images.copy()
    joints_2d, poses = joints_2d.copy(), poses.copy()
    images[mirror], joints_2d[mirror], poses[mirror] = mirrored(
        images[mirror], joints_2d[mirror], poses[mirror]
    )
    if offsets.any():
        images, joints_2d = shifted(images, joints_2d, offsets)
    return images, joints_2d, poses
