"""Crop a person from a picture of any size: the 128 x 128 input of the network."""

from dataclasses import dataclass

import numpy as np

from pose3d.dataset.crop import box_from_silhouette, crop
from pose3d.errors import UserError

# Added on each side of the silhouette's box, as a share of its longer side. Boxes of Human3.6M enclose
# spheres around the joints: for the walkers they are 7 to 12 % longer than the silhouette. Without the
# margin, people would appear larger than in training.
SILHOUETTE_MARGIN = 0.05
# Of the silhouette's longer side: more of it along a border is no foot or hand that happens to touch.
CUT_SHARE = 0.12


@dataclass
class Cutout:
    """The crop of a person."""

    box: tuple  # (x0, y0, x1, y1), px of the picture, half-open
    body: tuple  # likewise, bounds of the silhouette; without a mask, as `box`
    crop: np.ndarray  # (128, 128), uint8
    mask: np.ndarray | None = None  # (H, W), bool, of the picture
    people: int = 1  # their number in the picture

    @property
    def is_cut_off(self):
        """Whether the silhouette ends at a border of the picture, or of a given box, as of a person half out.

        A mask that touches all borders is of a person around whom the picture was trimmed.
        """
        if self.mask is None:
            return False
        x0, y0, x1, y1 = self.box
        seen = self.mask[y0:y1, x0:x1]
        touching = np.array([side.sum() for side in (seen[0], seen[-1], seen[:, 0], seen[:, -1])])
        longer = max(self.body[2] - self.body[0], self.body[3] - self.body[1])
        return bool(not touching.all() and touching.max() > CUT_SHARE * longer)


def cut_out(picture, mask=None, box=None, people=1):
    """Crop the person from a picture: a `Cutout`, or None if the mask is empty within the box.

    `mask` is (H, W), True on the person; `box` (x0, y0, x1, y1), px, half-open. Without a box: that of the
    largest part of the mask and a margin, or the whole picture without a mask. A `UserError` if the mask is
    of another size, or the box is empty or exceeds the picture.
    """
    height, width = picture.rgb.shape[:2]
    if mask is not None and mask.shape != (height, width):
        rows, columns = mask.shape
        raise UserError(f"{picture.name}: is {width} x {height} px, but its mask {columns} x {rows}")
    if box is not None:
        x0, y0, x1, y1 = box
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise UserError(
                f"{picture.name}: is {width} x {height} px; the box {x0},{y0},{x1},{y1} is empty or too large"
            )
    silhouette = None if mask is None else box_from_silhouette(mask if box is None else _within(mask, box))
    if mask is not None and silhouette is None:
        return None
    if box is None:
        box = (0, 0, width, height) if silhouette is None else _widened(silhouette, width, height)
    x0, y0, x1, y1 = box
    part = None if mask is None else mask[y0:y1, x0:x1]
    return Cutout(box, silhouette or box, crop(picture.gray((x0, y0, x1, y1)), part), mask, people)


def _within(mask, box):
    """The mask, set to False outside the box."""
    x0, y0, x1, y1 = box
    inside = np.zeros_like(mask)
    inside[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
    return inside


def _widened(box, width, height):
    """The box with `SILHOUETTE_MARGIN`, clipped to the picture."""
    x0, y0, x1, y1 = box
    margin = round(SILHOUETTE_MARGIN * max(x1 - x0, y1 - y0))
    return max(0, x0 - margin), max(0, y0 - margin), min(width, x1 + margin), min(height, y1 + margin)
