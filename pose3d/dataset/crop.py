"""From a frame to the 128 x 128 grayscale sample: one transform for pixels and joints.

A box is (x0, y0, x1, y1) in whole px of the frame, half-open: columns x0 <= x < x1.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from PIL import Image

from pose3d.recordings.observation import box_around

IMAGE_SIDE = 128
# Margin around the 2D joints where there is no mask, as a share of their longer extent: joints lie within the
# body, and the box of ground_truth_bb leaves 115 to 260 mm around them.
JOINTS_MARGIN = 0.1


@dataclass(frozen=True)
class Transform:
    """The square around a box: converts between px of the frame and px of the crop.

    Pixel centres are at whole numbers in both images, so the left border of the square is at ``left - 0.5``
    in the frame and at -0.5 in the crop.
    """

    left: int  # px of the frame, first column of the square; may be negative
    top: int  # first row
    side: int  # px of the frame

    @classmethod
    def of_box(cls, box):
        """Centre the box in the square of its longer side (to half a px of the frame)."""
        x0, y0, x1, y1 = (int(value) for value in box)
        if x1 <= x0 or y1 <= y0:
            raise ValueError(f"box {x0, y0, x1, y1} is empty")
        side = max(x1 - x0, y1 - y0)
        return cls(x0 - (side - (x1 - x0)) // 2, y0 - (side - (y1 - y0)) // 2, side)

    @property
    def scale(self):
        """Px of the crop for each px of the frame."""
        return IMAGE_SIDE / self.side

    def to_crop(self, points):
        """Convert (..., 2) points (x, y) from px of the frame to px of the crop, in float64."""
        return (np.asarray(points, np.float64) - (self.left, self.top) + 0.5) * self.scale - 0.5

    def to_frame(self, points):
        """Convert (..., 2) points (x, y) from px of the crop to px of the frame, in float64."""
        return (np.asarray(points, np.float64) + 0.5) / self.scale - 0.5 + (self.left, self.top)


def crop(gray, mask=None):
    """Make the sample of a box: background to zero, scale, centre on zeros; (128, 128) uint8.

    `gray` (h, w), uint8, and `mask` (h, w), True on the person, or None to keep the background, are those
    within the box. The box fills the longer side; ``Transform.of_box(box)`` locates points of the frame in
    it. A ValueError if the mask is of another size, or the box is empty.
    """
    height, width = gray.shape
    transform = Transform.of_box((0, 0, width, height))
    if mask is not None:
        if mask.shape != gray.shape:
            raise ValueError(f"a mask of {mask.shape} px for a box of {gray.shape}")
        gray = gray * mask
    square = np.zeros((transform.side, transform.side), np.uint8)
    square[-transform.top :, -transform.left :][:height, :width] = gray
    # Only the part that shows the person is computed; the rest is zero.
    left, right = _reached(-transform.left, width, transform.scale)
    top, bottom = _reached(-transform.top, height, transform.scale)
    part = (left / transform.scale, top / transform.scale, right / transform.scale, bottom / transform.scale)
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    # Pillow widens the bilinear kernel when it shrinks: no aliasing, and no ringing on the zeros.
    image[top:bottom, left:right] = Image.fromarray(square).resize(
        (right - left, bottom - top), Image.Resampling.BILINEAR, part
    )
    return image


def _reached(start, extent, scale):
    """First and last px of the crop, half-open, covered by `extent` px of the square from `start`."""
    first = int(np.floor(start * scale)) - 2
    last = int(np.ceil((start + extent) * scale)) + 2
    return max(0, first), min(IMAGE_SIDE, last)


def largest_part(mask):
    """The largest 8-connected part of a mask: (H, W) bool array; the mask itself where it is empty."""
    parts, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]) if count else mask


def box_from_silhouette(mask):
    """The box of the largest part of a mask (H, W), or None where it is empty.

    Background subtraction leaves specks, which must not widen the box.
    """
    return box_around(largest_part(mask))


def box_from_joints(joints_2d, frame_shape):
    """The box of joints (J, 2), px, widened by `JOINTS_MARGIN` and clipped to the frame; None if outside."""
    low, high = np.min(joints_2d, axis=0), np.max(joints_2d, axis=0)
    margin = JOINTS_MARGIN * np.max(high - low)
    x0, y0 = np.maximum(np.floor(low - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high + margin) + 1, (frame_shape[1], frame_shape[0])).astype(int)
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None
