"""Folders of images, read one at a time: the frames, and the masks that go with them."""

import re
from functools import cached_property

import numpy as np
from PIL import Image, ImageOps

from pose3d.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg")
# Modes whose gray level is one byte, or follows from bytes.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def list_images(folder):
    """Paths of the images of a folder, given as Path, by name; a number in a name counts as a number.

    Raises
    ------
    UserError
        if there is none
    """
    found = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.name[0] != "."]
    if not found:
        raise UserError(f"{folder}: holds no image that ends in {', '.join(ENDINGS)}")
    # Split by numbers, each second item is one: 2 comes before 10.
    return sorted(found, key=lambda path: [*map(_key, re.split(r"([0-9]+)", path.name)), path.name])


def _key(word):
    return (int(word), "") if word.isdecimal() else (-1, word)


class ImageFrame:
    """One image file, of which nothing is read until it is asked for.

    Attributes
    ----------
    shape : (H, W), as it is shown: a camera's note that it was turned is followed
    """

    def __init__(self, path):
        self.path = path

    @property
    def shape(self):
        return self._gray.shape

    def gray(self, box):
        """Gray levels, ITU-R 601, of a part: (y1 - y0, x1 - x0) uint8 array; the box is half-open, px."""
        x0, y0, x1, y1 = box
        return self._gray[y0:y1, x0:x1]

    @cached_property
    def _gray(self):
        return read_gray(self.path)


def read_gray(path):
    """Gray levels of an image file, ITU-R 601: (H, W) uint8 array.

    Raises
    ------
    UserError
        if the file is damaged, no image, or has more than 8 bits
    """
    try:
        with Image.open(path) as image:
            mode = image.mode
            gray = ImageOps.exif_transpose(image).convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow's, by format
        raise UserError(f"{path}: cannot be read as an image ({error}); copy it again") from error
    if mode not in _MODES:
        raise UserError(f"{path}: is an image of Pillow's mode {mode}; save it with 8 bits a channel")
    return np.asarray(gray)


class MaskImages:
    """Mask images by the number of their frame, as `pose3d.recordings.human36m.open_masks` gives those of a
    file.

    White, or whatever is brighter than half of the brightest, is the person.

    Parameters
    ----------
    path : path of their folder
    by_frame : list of path, or None for a frame without a mask
    """

    def __init__(self, path, by_frame):
        self.path, self._by_frame = path, by_frame

    def __len__(self):
        return len(self._by_frame)

    def __getitem__(self, number):
        path = self._by_frame[number] if number < len(self) else None
        if path is None:
            raise UserError(f"{self.path}: holds no mask for frame {number}; add it, or leave out that frame")
        gray = read_gray(path)
        return 2 * gray.astype(int) > gray.max(initial=0) if gray.any() else np.zeros(gray.shape, bool)
