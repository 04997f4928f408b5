"""Draw poses over the pictures that they were predicted from."""

import contextlib

import numpy as np
import scipy
from PIL import Image, ImageDraw, ImageFont

from pose3d.io.atomic_files import whole
from pose3d.io.video import video_writer
from pose3d.report.colours import EDGE_COLOURS
from pose3d.skeleton import EDGES

# Flesh beyond the outermost joints, mm: ankle to sole, and around the wrists.
FLESH_MM = 80
OUTLINE = (255, 225, 0)  # of a mask that was found in the picture
DOUBTFUL = "#DDDDDD"  # of a pose that is not to be trusted


def to_picture(pose, body):
    """Project a pose (17, 3), mm, into a picture by orthographic projection: (17, 2), px.

    It is scaled to the bounding box `body` of the person, (x0, y0, x1, y1), px. The network knows neither the
    camera nor the person's position: the overlay is for viewing, not for measuring.
    """
    points = np.asarray(pose, float)[:, :2]
    low, high = points.min(axis=0) - FLESH_MM, points.max(axis=0) + FLESH_MM
    corner, size = np.array(body[:2], float), np.subtract(body[2:], body[:2])
    longer = np.argmax(high - low)  # its scale is the more accurate one
    scale = size[longer] / (high - low)[longer]
    return corner + size / 2 + (points - (low + high) / 2) * scale - 0.5


def draw_over(rgb, pose, body, mask=None, note=""):
    """Draw a pose over a picture (H, W, 3), uint8; `pose` and `body` are as in `to_picture`.

    The outline of a mask (H, W) is drawn. A note says why the pose is not to be trusted: it is then drawn in
    gray, under the note.
    """
    width = max(2, round((body[3] - body[1]) / 80))
    if mask is not None:
        rgb = rgb.copy()
        rgb[_outline(mask, body, (width + 1) // 2)] = OUTLINE
    image = Image.fromarray(rgb)
    canvas, points = ImageDraw.Draw(image), to_picture(pose, body)
    for (parent, child), colour in zip(EDGES, EDGE_COLOURS, strict=True):
        ends = [tuple(points[parent]), tuple(points[child])]
        canvas.line(ends, fill="black", width=width + 2)
        canvas.line(ends, fill=DOUBTFUL if note else colour, width=width)
    if note:
        size = max(12, min(image.size) // 25)
        canvas.text((size // 2, size // 2), f"do not trust: {note}", DOUBTFUL, ImageFont.load_default(size),
                    stroke_width=2, stroke_fill="black")  # fmt: skip
    return np.asarray(image)


def _outline(mask, body, width):
    """The pixels along the inside of a mask's border: (H, W) bool array."""
    x0, y0, x1, y1 = (max(0, body[0] - 1), max(0, body[1] - 1), body[2] + 1, body[3] + 1)
    part = mask[y0:y1, x0:x1]
    found = np.zeros_like(mask)
    found[y0:y1, x0:x1] = part & ~scipy.ndimage.binary_erosion(part, iterations=width, border_value=1)
    return found


@contextlib.contextmanager
def overlay_writer(folder, rate=None, single=False):
    """Yield a function that writes the pictures with their poses in turn, ``write(name, rgb)``.

    The output is ``overlay.mp4`` for a video of `rate` frames per second, ``overlay.png`` for a `single`
    image, and ``overlay/NAME.png`` for each of several images, where NAME keeps the ending: ``a.jpg`` and
    ``a.png`` are two pictures.
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
