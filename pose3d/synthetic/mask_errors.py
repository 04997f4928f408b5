"""Masks as in Human3.6M: silhouettes of background subtraction: ragged, with holes, parts lost and added."""

import numpy as np
from PIL import Image, ImageFilter

from pose3d.recordings.observation import around, box_around

_MARGIN, _GRAIN = 0.06, 0.03  # of the person's longer side: what is looked at around it, grain of the noise
_NOISE = 0.24  # sd, as a share of the step from background to person
_BLOBS = 1.2  # mean number of holes, and of blobs around the person
_BLOB_RADIUS = (0.01, 0.028)  # of the person's longer side
_LOST = 0.12  # share of masks at strength 1 that lose a part at the lower border


def spoil(silhouette, rng, strength=1.0, furniture=0.15):
    """Add the errors of background subtraction to a silhouette, (H, W) bool and not empty.

    Feet in shadow are lost, and bits of furniture that was moved are kept. `strength` is a factor of the
    raggedness and of the mean number of faults (0: none); `furniture` is the mean number of bars or boards
    beside the person that the mask holds as well.
    """
    x0, y0, x1, y1 = box_around(silhouette)
    side = max(x1 - x0, y1 - y0)
    grain = max(1, round(_GRAIN * side))
    window = around((x0, y0, x1, y1), max(2, round(_MARGIN * side)))
    inner = silhouette[window]
    soft = np.asarray(Image.fromarray(255 * inner.view(np.uint8)).filter(ImageFilter.BoxBlur(grain / 2)))
    coarse = rng.standard_normal([length // grain + 2 for length in soft.shape], np.float32)
    noise = Image.fromarray(coarse).resize(soft.shape[::-1], Image.Resampling.BILINEAR)
    level = rng.normal(0.5, 0.1 * min(strength, 1))
    spoilt = (soft > 255 * (level - _NOISE * strength * np.asarray(noise))) & (soft > 5)
    for present in (False, True):
        for _ in range(rng.poisson(_BLOBS * strength)):
            _draw_blob(spoilt, present, side, _BLOB_RADIUS, rng)
    if rng.random() < _LOST * strength:
        _lose_an_end(spoilt, side, rng)
    for _ in range(rng.poisson(furniture)):
        spoilt |= _bar(inner, side, rng)
    mask = np.zeros_like(silhouette)
    mask[window] = spoilt
    return mask if mask.any() else silhouette


def _draw_blob(mask, value, side, radii, rng, centre=None):
    """Set an ellipse, at a random place if none is given."""
    centre = rng.uniform(0, 1, 2) * mask.shape if centre is None else centre
    radii = np.maximum(1, rng.uniform(*radii, 2) * side)
    low = np.maximum(np.floor(centre - radii), 0).astype(int)
    part = mask[low[0] : int(centre[0] + radii[0]) + 2, low[1] : int(centre[1] + radii[1]) + 2]
    row, column = np.ogrid[: part.shape[0], : part.shape[1]]
    row, column = (row + low[0] - centre[0]) / radii[0], (column + low[1] - centre[1]) / radii[1]
    part[row**2 + column**2 < 1] = value


def _lose_an_end(mask, side, rng):
    """Remove what is at a lower end, most often a foot."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return
    weight = np.exp(rng.uniform(2, 12) * (rows - rows.max()) / side)
    place = rng.choice(len(rows), p=weight / weight.sum())
    _draw_blob(mask, False, side, (0.03, 0.08), rng, np.array([rows[place], columns[place]]))


def _bar(silhouette, side, rng):
    """A bar or a board that begins at the person, like a leg or the back of a chair: bool array."""
    rows, columns = np.nonzero(silhouette)
    place = rng.integers(len(rows))
    angle = rng.choice([0, 90]) + rng.normal(0, 12)
    along = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    thick = rng.uniform(0.01, 0.05) if rng.random() < 0.8 else rng.uniform(0.05, 0.2)
    length, width = side * rng.uniform(0.05, 0.3), max(1.0, side * thick)
    row, column = np.ogrid[: silhouette.shape[0], : silhouette.shape[1]]
    forward = (row - rows[place]) * along[0] + (column - columns[place]) * along[1]
    across = (row - rows[place]) * along[1] - (column - columns[place]) * along[0]
    return (forward >= 0) & (forward < length) & (abs(across) < width / 2)
