"""Animation: prediction beside ground truth, seen from the camera and from the right."""

import numpy as np
from PIL import Image, ImageDraw

from pose3d.io.video import video_writer
from pose3d.report.colours import EDGE_COLOURS
from pose3d.skeleton import EDGES

PANEL = 256  # px, each of the five panels
MARGIN_MM = 100
# Axes drawn to the right and down; in the camera frame, y points down and z away from the camera.
_VIEWS = {"from the camera": (0, 1), "from the right": (2, 1)}


def write_animation(path, images, predictions, truths, errors, rate):
    """Write a video (``.mp4``): the image, then prediction and ground truth in two views.

    Images (128, 128), uint8; poses (n, 17, 3), mm, camera frame, pelvis-relative; errors (n,), mm; `rate` is
    in frames per second.
    """
    both = np.stack([predictions, truths])
    low, high = both.min(axis=(0, 1, 2)), both.max(axis=(0, 1, 2))
    middle, reach = (low + high) / 2, (high - low).max() / 2 + MARGIN_MM  # one scale for all panels
    with video_writer(path, PANEL, 5 * PANEL, rate) as append:
        for image, prediction, truth, error in zip(images, predictions, truths, errors, strict=True):
            frame = Image.new("RGB", (5 * PANEL, PANEL), "white")
            frame.paste(Image.fromarray(image).resize((PANEL, PANEL), Image.Resampling.NEAREST))
            canvas = ImageDraw.Draw(frame)
            panel = 1
            for view, axes in _VIEWS.items():
                for name, pose in (("prediction", prediction), ("ground truth", truth)):
                    points = (pose - middle)[:, axes] / reach * (PANEL / 2) + PANEL / 2
                    _draw(canvas, points + (panel * PANEL, 0))
                    canvas.text((panel * PANEL + 6, 4), f"{name}, {view}", fill="black")
                    panel += 1
            canvas.text((6, 4), f"error {error:.1f} mm", fill="white")
            append(np.asarray(frame))


def _draw(canvas, points):
    """Draw a skeleton, (17, 2) px."""
    for (parent, child), colour in zip(EDGES, EDGE_COLOURS, strict=True):
        canvas.line([tuple(points[parent]), tuple(points[child])], fill=colour, width=4)
