"""Find a person and the person's mask in a picture of any size, by the network of `segmentation`.

The network expects a person who fills much of its input. So windows of two sizes scan the picture for people,
and the largest person is then looked at again in windows that fit.
"""

import numpy as np
import scipy
from PIL import Image

from pose3d.dataset.crop import largest_part
from pose3d.inference import segmentation
from pose3d.recordings.observation import box_around

WINDOWS = (1.0, 0.6)  # sides of the windows that scan, as shares of the picture's shorter side
NARROW = 8  # the longer side is at most so many windows, if the picture is a strip
STEP = 0.5  # largest step from window to window, as a share of their side
SCANNED = 427  # px of the shorter side while it is scanned: the smaller windows have 256
PASSES = (1.9, 1.6, 1.3)  # sides of the later windows, as multiples of the person's longer side
REFINED = 512  # px of the longer side of the part that they are cut from
SMALLEST = 0.05  # of the shorter side; what is smaller is no person
OTHERS = 0.25  # of the largest person's area; a part as large is another person


class PersonSearch:
    """Searches pictures for their largest person.

    With `follow`, they are the frames of a video: it looks first where the person was, which is faster.
    """

    def __init__(self, follow=False):
        self._follow, self._last, self._people = follow, None, 0

    def __call__(self, rgb, box=None):
        """Find the largest person of a picture (H, W, 3), uint8.

        A `box` (x0, y0, x1, y1), px, half-open, that holds the person may be given. Returns the mask (H, W),
        all False if there is nobody, and the number of people; while a person is followed, as when the whole
        picture was scanned. A `UserError` if the weights are missing or damaged.
        """
        picture = Image.fromarray(rgb)
        scene = _reduced(picture, SCANNED / min(picture.size))
        inside = np.ones(rgb.shape[:2], bool)
        if box is not None:
            x0, y0, x1, y1 = box
            inside[:], inside[y0:y1, x0:x1] = False, True
        mask = np.zeros_like(inside)
        if self._last is not None:
            mask = refined(picture, self._last, inside)
        if 2 * mask.sum() <= (0 if self._last is None else self._last.sum()):  # lost, or not followed
            start, self._people = scanned(scene, _resized(inside, scene.size))
            start = _resized(start, picture.size)
            mask = refined(picture, start, inside) if self._people else np.zeros_like(inside)
        self._last = mask if self._follow and mask.any() else None
        return mask, self._people


def scanned(scene, inside):
    """The largest person of a PIL image: (H, W) bool array and the number of people, 0 if there is nobody.

    `inside` (H, W) is where the person is.
    """
    chances, shorter = np.zeros(inside.shape, np.float32), min(scene.size)
    for share in WINDOWS:
        side = max(1, round(share * shorter), max(scene.size) // NARROW)
        for top in _starts(scene.height, side):
            for left in _starts(scene.width, side):
                window = left, top, left + side, top + side
                np.maximum(chances, _people_in(scene, window), out=chances)
    people = (chances > 0.5) & inside
    person = largest_part(people)
    box = box_around(person)
    if box is None or max(box[2] - box[0], box[3] - box[1]) < SMALLEST * shorter:
        return np.zeros_like(inside), 0
    return person, count_people(people)


def count_people(mask):
    """How many people a mask, (H, W) bool, shows: its largest part, and each that is not much smaller."""
    parts, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(parts.ravel(), minlength=2)[1:]
    return int(np.sum(areas >= OTHERS * areas.max())) if count else 0


def refined(picture, start, inside):
    """The mask (H, W) of a person of whom a rough one, `start`, is known, and where: `inside`, (H, W)."""
    if not start.any():
        return start
    region = _square(box_around(start), PASSES[0])
    x0, y0 = max(region[0], 0), max(region[1], 0)
    x1, y1 = min(region[2], picture.width), min(region[3], picture.height)
    part = picture.crop((x0, y0, x1, y1))
    around = _reduced(part, REFINED / max(part.size))
    person, inside_part = (_resized(each[y0:y1, x0:x1], around.size) for each in (start, inside))
    total = np.zeros(person.shape, np.float32)
    for number, factor in enumerate(PASSES, 1):
        if not person.any():
            break
        window = _square(box_around(person), factor)
        total += _people_in(around, window) + _people_in(around, window, mirror=True)
        parts, _ = scipy.ndimage.label((total > number) & inside_part, structure=np.ones((3, 3)))
        shared = np.bincount(parts[person & (parts > 0)])
        person = parts == np.argmax(shared) if shared.size else np.zeros_like(person)
    mask = np.zeros_like(start)
    mask[y0:y1, x0:x1] = _resized(person, part.size)
    return mask


def _people_in(picture, window, mirror=False):
    """The network's probabilities in a square window, which may exceed the picture: (H, W), 0 elsewhere."""
    left, top, right, bottom = window
    side = (segmentation.SIDE, segmentation.SIDE)
    seen = picture.crop(window).resize(side, Image.Resampling.BILINEAR)
    turn = slice(None, None, -1 if mirror else 1)
    found = Image.fromarray(segmentation.people(np.asarray(seen)[:, turn])[:, turn])
    found = np.asarray(found.resize((right - left, bottom - top), Image.Resampling.BILINEAR))
    chances = np.zeros((picture.height, picture.width), np.float32)
    rows = slice(max(top, 0), min(bottom, picture.height))
    columns = slice(max(left, 0), min(right, picture.width))
    chances[rows, columns] = found[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return chances


def _starts(extent, side):
    """Where windows of a side begin, so that they cover an extent evenly."""
    count = 1 + max(0, int(np.ceil((extent - side) / (STEP * side))))
    return np.linspace(0, extent - side, count).astype(int).tolist()


def _square(box, factor):
    """The square around a box whose side is a multiple of its longer side, in whole px; it may exceed all."""
    x0, y0, x1, y1 = box
    side = max(1, round(factor * max(x1 - x0, y1 - y0)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    return left, top, left + side, top + side


def _reduced(picture, scale):
    """The picture made smaller, if the scale is less than 1."""
    if scale >= 1:
        return picture
    size = [max(1, round(scale * each)) for each in picture.size]
    return picture.resize(size, Image.Resampling.BILINEAR)


def _resized(mask, size):
    """A mask of another size, (width, height)."""
    levels = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(levels) > 127
