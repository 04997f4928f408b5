"""Draw poses over the pictures that they were predicted from."""

import contextlib

import numpy as np
from PIL import Image, ImageDraw

from pose3d.io.atomic_files import whole
from pose3d.io.video import video_writer
from pose3d.report.colours import EDGE_COLOURS
from pose3d.skeleton import EDGES

# Flesh beyond the outermost joints, mm: ankle to sole, and around the wrists.
FLESH_MM = 80


def to_picture(pose, body):
    """Project a pose into a picture by orthographic projection, scaled to the person's size.

    The network knows neither the camera nor the person's position: the overlay is for viewing, not for
    measuring.

    Parameters
    ----------
    pose : (17, 3) array, mm, camera frame
    body : (x0, y0, x1, y1), px, bounding box of the person

    Returns
    -------
    (17, 2) array, px
    """
    points = np.asarray(pose, float)[:, :2]
    low, high = points.min(axis=0) - FLESH_MM, points.max(axis=0) + FLESH_MM
    corner, size = np.array(body[:2], float), np.subtract(body[2:], body[:2])
    longer = np.argmax(high - low)  # its scale is the more accurate one
    scale = size[longer] / (high - low)[longer]
    return corner + size / 2 + (points - (low + high) / 2) * scale - 0.5


def draw_over(rgb, pose, body):
    """Draw a pose over a picture: (H, W, 3) uint8 array; arguments as in `to_picture`."""
    image = Image.fromarray(rgb)
    canvas, points = ImageDraw.Draw(image), to_picture(pose, body)
    width = max(2, round((body[3] - body[1]) / 80))
    for (parent, child), colour in zip(EDGES, EDGE_COLOURS, strict=True):
        ends = [tuple(points[parent]), tuple(points[child])]
        canvas.line(ends, fill="black", width=width + 2)
        canvas.line(ends, fill=colour, width=width)
    return np.asarray(image)


@contextlib.contextmanager
def overlay_writer(folder, rate=None, single=False):
    """Yield a function that writes the pictures with their poses in turn, ``write(name, rgb)``.

    The output is ``overlay.mp4`` for a video, ``overlay.png`` for a single image, and ``overlay/NAME.png``
    for each of several images, where NAME keeps the ending: ``a.jpg`` and ``a.png`` are two pictures.

    Parameters
    ----------
    folder : Path
    rate : int or Fraction, frames per second of the video; None for images
    single : bool, whether there is a single image
    """
    if rate is None:
        yield lambda name, rgb: _save(
            folder / "overlay.png" if single else folder / "overlay" / f"{name}.png", rgb
        )
        return
    with contextlib.ExitStack() as stack:
        append = None

        def write(_, rgb):
            nonlocal append
            rows, columns = (size - size % 2 for size in rgb.shape[:2])  # the codec needs even sizes
            if append is None:
                append = stack.enter_context(video_writer(folder / "overlay.mp4", rows, columns, rate))
            append(np.ascontiguousarray(rgb[:rows, :columns]))

        yield write


def _save(path, rgb):
    with whole(path) as temporary:
        Image.fromarray(rgb).save(temporary)
