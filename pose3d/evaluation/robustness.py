"""Robustness: the error of a network when boxes and masks are worse than the ground truth's."""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy

from pose3d.dataset.crop import Transform, crop
from pose3d.dataset.crop_recording import observations
from pose3d.dataset.sources import recordings_of
from pose3d.evaluation import metrics
from pose3d.skeleton import pelvis_relative

SPECK = 1.0  # px of the crop, the radius of a speck
BLOCK = 16  # frames, with all of their perturbations, that are predicted at once


@dataclass(frozen=True)
class Perturbation:
    """How a frame's box and mask are changed."""

    name: str
    shift: float = 0.0  # largest shift of the box to each side, up and down, as a share of its longer side
    zoom: float = 0.0  # largest change of the box's sides, as a share of them
    grow: float = 0.0  # px of the crop by which the mask is dilated; negative: eroded
    specks: float = 0.0  # share of the mask's pixels, on and off the body, that specks turn over


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
    Perturbation("specks over 2 % of the mask", specks=0.02),
    Perturbation("specks over 5 % of the mask", specks=0.05),
)


def perturbed_box(box, perturbation, draws, frame_shape):
    """Move and scale a box, px of the frame, and clip it to the frame; at least one px is left.

    `draws` (3,) are in [-1, 1]: to the right, down, larger.
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
    """Dilate a mask (H, W) by `grow` px of the crop, or erode it by ``-grow``.

    `scale` is px of the crop per px of the frame.
    """
    radius = abs(grow) / scale
    if grow > 0:
        return scipy.ndimage.distance_transform_edt(~mask) <= radius
    return scipy.ndimage.distance_transform_edt(mask) > radius


def specked_mask(mask, share, scale, chances):
    """Turn over round specks of a mask (H, W), as noise does in background subtraction.

    They cover about a `share` of it, and are centred where `chances` (H, W), random in [0, 1), are low;
    `scale` is px of the crop per px of the frame.
    """
    radius = SPECK / scale
    reach = int(radius)
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    speck = rows**2 + columns**2 <= radius**2
    # Specks overlap. A pixel stays as it is, with probability 1 - share, if none is centred within its reach.
    centres = chances < 1 - (1 - share) ** (1 / speck.sum())
    return mask ^ scipy.ndimage.binary_dilation(centres, speck)


def perturbed_errors(predict, data, indices, every, rng, perturbations=STANDARD):
    """MPJPE, mm, on every n-th frame of the recordings of samples, by name of the perturbation.

    ``predict`` takes images (n, 128, 128) and returns poses (n, 17, 3), mm. All figures are over the same
    frames; those of masks are omitted if a recording has none. A `UserError` if the source of the built
    files is gone.
    """
    recordings = recordings_of(data, indices)
    if not all(recording.masks for recording in recordings):
        perturbations = [each for each in perturbations if not (each.grow or each.specks)]
    frames = itertools.chain.from_iterable(
        perturbed_crops(recording, every, perturbations, rng) for recording in recordings
    )
    sums, count = np.zeros(len(perturbations)), 0
    while block := list(itertools.islice(frames, BLOCK)):
        crops, poses = map(np.array, zip(*block, strict=True))  # (n, P, 128, 128), (n, 17, 3)
        found = predict(crops.reshape(-1, *crops.shape[2:])).reshape(*crops.shape[:2], -1, 3)
        errors = metrics.joint_errors(found, np.broadcast_to(poses[:, None], found.shape))
        sums, count = sums + errors.mean(axis=2).sum(axis=0), count + len(block)
    return {each.name: float(total / count) for each, total in zip(perturbations, sums, strict=True)}


def perturbed_crops(recording, every, perturbations, rng):
    """Crop every n-th frame of a recording, once for each perturbation.

    Yields the crops (P, 128, 128), uint8, and the pose (17, 3), mm, pelvis-relative; raises as
    `crop_recording`. All perturbations of a frame share its random draws, so that they differ in size only.
    """
    for seen, box in observations(recording, every):
        draws = rng.uniform(-1, 1, 3)
        chances = rng.spawn(1)[0].random((box[3] - box[1], box[2] - box[0]))
        crops = [_crop(seen.frame, box, seen.mask, each, draws, chances) for each in perturbations]
        yield np.stack(crops), pelvis_relative(seen.pose.astype(np.float64))


def _crop(frame, box, mask, perturbation, draws, chances):
    if mask is not None and (perturbation.grow or perturbation.specks):
        # The mask changes within the unperturbed box only.
        x0, y0, x1, y1 = box
        part, scale = mask[y0:y1, x0:x1], Transform.of_box(box).scale
        if perturbation.grow:
            part = perturbed_mask(part, perturbation.grow, scale)
        if perturbation.specks:
            part = specked_mask(part, perturbation.specks, scale, chances)
        mask = np.zeros_like(mask)
        mask[y0:y1, x0:x1] = part
    box = perturbed_box(box, perturbation, draws, frame.shape)
    x0, y0, x1, y1 = box
    return crop(frame.gray(box), None if mask is None else mask[y0:y1, x0:x1])
