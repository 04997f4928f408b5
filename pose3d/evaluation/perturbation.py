"""The same frames with a worse box or mask: how much a network leans on those of the ground truth."""

import contextlib
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pose3d.dataset.crop import Transform, crop
from pose3d.dataset.sampling import Outlines
from pose3d.recordings.human36m import open_masks, read_frames, read_poses_2d, read_poses_3d
from pose3d.skeleton import KEPT, pelvis_relative


@dataclass(frozen=True)
class Perturbation:
    """What is done to a frame's box and mask.

    Attributes
    ----------
    name : str
    shift : float
        The box moves, to each side and up or down, by up to this share of its longer side.
    zoom : float
        Its sides grow or shrink by up to this share.
    grow : float
        The mask grows by so many px of the crop, or shrinks where this is negative.
    """

    name: str
    shift: float = 0.0
    zoom: float = 0.0
    grow: float = 0.0


STANDARD = (
    Perturbation("as it is"),
    Perturbation("box moved by up to 2 %", shift=0.02),
    Perturbation("box moved by up to 5 %", shift=0.05),
    Perturbation("box larger or smaller by up to 5 %", zoom=0.05),
    Perturbation("box larger or smaller by up to 10 %", zoom=0.1),
    Perturbation("mask eroded by 1 px", grow=-1),
    Perturbation("mask eroded by 2 px", grow=-2),
    Perturbation("mask dilated by 1 px", grow=1),
    Perturbation("mask dilated by 3 px", grow=3),
)


def perturbed_box(box, perturbation, draws, frame_shape):
    """The box, moved and scaled, cut to the frame.

    Parameters
    ----------
    box : (x0, y0, x1, y1), px of the frame, half-open
    perturbation : Perturbation
    draws : (3,) array in [-1, 1]: to the right, down, larger
    frame_shape : (H, W)

    Returns
    -------
    (x0, y0, x1, y1); at least one px of the frame
    """
    x0, y0, x1, y1 = box
    right, down = perturbation.shift * max(x1 - x0, y1 - y0) * np.asarray(draws[:2])
    factor = 1 + perturbation.zoom * draws[2]
    width, height = factor * (x1 - x0), factor * (y1 - y0)
    left, top = (x0 + x1 - width) / 2 + right, (y0 + y1 - height) / 2 + down
    new = np.round([left, top, left + width, top + height]).astype(int)
    rows, columns = frame_shape
    low = np.clip(new[:2], 0, (columns - 1, rows - 1))
    high = np.clip(new[2:], low + 1, (columns, rows))
    return (*map(int, low), *map(int, high))


def perturbed_mask(mask, grow, scale):
    """The mask, grown or shrunk.

    Parameters
    ----------
    mask : (H, W) bool array
    grow : float, px of the crop; negative shrinks
    scale : float, px of the crop for each px of the frame
    """
    radius = abs(grow) / scale
    if grow > 0:
        return ndimage.distance_transform_edt(~mask) <= radius
    return ndimage.distance_transform_edt(mask) > radius


def perturbed_crops(recording, every, perturbations, rng):
    """Crop every n-th frame of a recording of the raw tree, once for each perturbation.

    All perturbations share a frame's draws, so that a larger one differs by its size alone.

    Parameters
    ----------
    recording : pose3d.recordings.human36m.Recording
    every : int
    perturbations : sequence of Perturbation
    rng : numpy.random.Generator

    Yields
    ------
    (P, 128, 128) uint8 array, a crop for each perturbation, and the (17, 3) pose, mm, relative to the pelvis

    Raises
    ------
    UserError
        as `pose3d.dataset.sampling.extract`
    """
    poses_2d = read_poses_2d(recording.poses_2d)[:, KEPT]
    poses_3d = pelvis_relative(read_poses_3d(recording.poses_3d)[:, KEPT].astype(np.float64))
    with contextlib.ExitStack() as stack:
        outlines = Outlines(
            *(path and stack.enter_context(open_masks(path)) for path in (recording.boxes, recording.masks))
        )
        end = min(len(poses_2d), len(poses_3d), *outlines.counts().values())
        for number, frame in enumerate(read_frames(recording.video)):
            if number >= end:
                break
            if number % every:
                continue
            box, mask = outlines.of(number, frame, poses_2d[number])
            draws = rng.uniform(-1, 1, 3)
            crops = [_crop(frame, box, mask, each, draws) for each in perturbations]
            yield np.stack(crops), poses_3d[number]


def _crop(frame, box, mask, perturbation, draws):
    if mask is not None and perturbation.grow:
        # The box stays the ground truth's; only around it is there anything to grow into.
        x0, y0, x1, y1 = box
        part = np.zeros_like(mask)
        part[y0:y1, x0:x1] = perturbed_mask(
            mask[y0:y1, x0:x1], perturbation.grow, Transform.of_box(box).scale
        )
        mask = part
    box = perturbed_box(box, perturbation, draws, frame.shape)
    x0, y0, x1, y1 = box
    return crop(frame.gray(box), None if mask is None else mask[y0:y1, x0:x1])
