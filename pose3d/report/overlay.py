"""Poses drawn over the pictures that they were predicted from."""

import contextlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pose3d.inference.pictures import is_video
from pose3d.io.atomic_files import whole
from pose3d.io.video import video_writer
from pose3d.recordings.human36m import FRAMES_PER_SECOND, frame_rate
from pose3d.report.drawing import EDGE_COLOURS
from pose3d.skeleton import EDGES

# Flesh around the outermost joints, mm: from the ankles to the soles, and about the wrists.
FLESH_MM = 80


def to_picture(pose, body):
    """Place a pose in a picture: seen along parallel rays, as large as the person.

    The network knows neither the camera nor where the person stands, so this is for looking at, not
    for measuring.

    Parameters
    ----------
    pose : (17, 3) array, mm, camera frame
    body : (x0, y0, x1, y1), px: what the person fills

    Returns
    -------
    (17, 2) array, px
    """
    points = np.asarray(pose, float)[:, :2]
    low, high = points.min(axis=0) - FLESH_MM, points.max(axis=0) + FLESH_MM
    corner, size = np.array(body[:2], float), np.subtract(body[2:], body[:2])
    longer = np.argmax(high - low)  # that extent is told best
    scale = size[longer] / (high - low)[longer]
    return corner + size / 2 + (points - (low + high) / 2) * scale - 0.5


def draw_over(rgb, pose, body):
    """A picture with the pose drawn over it: (H, W, 3) uint8 array; arguments as of `to_picture`."""
    image = Image.fromarray(rgb)
    canvas, points = ImageDraw.Draw(image), to_picture(pose, body)
    width = max(2, round((body[3] - body[1]) / 80))
    for (parent, child), colour in zip(EDGES, EDGE_COLOURS, strict=True):
        ends = [tuple(points[parent]), tuple(points[child])]
        canvas.line(ends, fill="black", width=width + 2)
        canvas.line(ends, fill=colour, width=width)
    return np.asarray(image)


@contextlib.contextmanager
def overlay_writer(folder, source):
    """Yield what takes the pictures with their poses, ``write(name, rgb)``, one after the other.

    They become ``overlay.mp4`` where `source` is a video, ``overlay/NAME.png`` for a folder of images, and
    ``overlay.png`` for one image.

    Parameters
    ----------
    folder, source : Path
    """
    if not is_video(source):
        yield lambda name, rgb: _save(
            folder / "overlay" / f"{Path(name).stem}.png" if source.is_dir() else folder / "overlay.png", rgb
        )
        return
    with contextlib.ExitStack() as stack:
        append = None

        def write(_, rgb):
            nonlocal append
            rows, columns = (
                size - size % 2 for size in rgb.shape[:2]
            )  # the video's colours come in 2 x 2 px
            if append is None:
                rate = frame_rate(source) or FRAMES_PER_SECOND
                append = stack.enter_context(video_writer(folder / "overlay.mp4", rows, columns, rate))
            append(np.ascontiguousarray(rgb[:rows, :columns]))

        yield write


def _save(path, rgb):
    with whole(path) as temporary:
        Image.fromarray(rgb).save(temporary)
