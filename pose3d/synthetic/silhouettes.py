"""Masks as in Human3.6M: silhouettes of background subtraction, and filled bounding boxes."""

import numpy as np
from scipy.ndimage import uniform_filter, zoom

from pose3d.skeleton import JOINTS_32
from pose3d.synthetic.scene import FULL_SIZE

# Radii in mm of the spheres around the joints that define the official boxes: 140 for Head and
# HeadSite, 260 from Spine to Neck, 115 elsewhere.
_SPHERES = np.full(len(JOINTS_32), 115.0)
_SPHERES[[JOINTS_32.index(name) for name in ("Head", "HeadSite")]] = 140.0
_SPHERES[[JOINTS_32.index(name) for name in ("Spine", "Spine1", "Neck")]] = 260.0

_MARGIN, _GRAIN = 24, 7  # px at full size: margin around the walker, grain size of the noise
_NOISE = 0.24  # sd, as a share of the step from background to walker
_BLOBS = 1.2  # mean number of holes in the silhouette, and of blobs around it
_BLOB_RADIUS = (4, 11)  # px at full size


def ragged(silhouette, rng, strength=1.0):
    """Add the errors of background subtraction to a silhouette: ragged edges, holes, blobs.

    Parameters
    ----------
    silhouette : (H, W) bool array, not empty
    rng : numpy Generator
    strength : float, factor of the edges' raggedness and of the mean number of holes and blobs

    Returns
    -------
    (H, W) bool array
    """
    scale = silhouette.shape[1] / FULL_SIZE
    margin, grain = max(2, round(_MARGIN * scale)), max(1, round(_GRAIN * scale))
    rows, columns = (_extent(silhouette.any(axis=axis), margin) for axis in (1, 0))
    soft = uniform_filter(silhouette[rows, columns].astype(np.float32), grain)
    coarse = rng.normal(0, _NOISE * strength, [side // grain + 2 for side in soft.shape])
    noise = zoom(coarse, grain, order=1)[: soft.shape[0], : soft.shape[1]]
    spoiled = soft + noise > 0.5
    for present in (False, True):
        for _ in range(rng.poisson(_BLOBS * strength)):
            spoiled[_blob(spoiled.shape, scale, rng)] = present
    mask = np.zeros_like(silhouette)
    mask[rows, columns] = spoiled
    return mask


def _extent(occupied, margin):
    where = np.flatnonzero(occupied)
    return slice(max(0, where[0] - margin), where[-1] + 1 + margin)


def _blob(shape, scale, rng):
    """An ellipse at a random place: bool array."""
    centre = rng.uniform(0, 1, 2) * shape
    radii = np.maximum(1, rng.uniform(*_BLOB_RADIUS, 2) * scale)
    row, column = np.ogrid[: shape[0], : shape[1]]
    return ((row - centre[0]) / radii[0]) ** 2 + ((column - centre[1]) / radii[1]) ** 2 < 1


def box(points, pixels, focal, shape):
    """Official bounding box of a pose: around spheres at the 32 joints, clipped to the image.

    Parameters
    ----------
    points : (32, 3) array, mm, camera frame
    pixels : (32, 2) array, px, their projections
    focal : (2,) array, px
    shape : (H, W)

    Returns
    -------
    (H, W) bool array
    """
    reach = focal * _SPHERES[:, None] / points[:, 2:]
    left, top = np.maximum(np.floor((pixels - reach).min(axis=0)), 0).astype(int)
    right, bottom = np.ceil((pixels + reach).max(axis=0)).astype(int)
    mask = np.zeros(shape, bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask
