"""Pictures of one's own to predict from, one at a time: an image file, a folder of them, or a video."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pose3d.errors import UserError
from pose3d.io.images import list_images
from pose3d.recordings.human36m import read_frames

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
LARGEST_SIDE = 16_384  # px; a picture of more takes gigabytes
OPAQUE = 128  # alpha from which on a pixel is the person's
# Pillow's modes that hold 8 bits a channel, or less.
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


@dataclass
class Picture:
    """One picture.

    Attributes
    ----------
    name : str, the file's, or the number of a video's frame
    rgb : (H, W, 3) uint8 array
    alpha : (H, W) bool array, where the picture is not transparent, or None if it has no such channel
    """

    name: str
    rgb: np.ndarray
    alpha: np.ndarray | None = None

    @property
    def gray(self):
        """Gray levels, ITU-R 601: (H, W) uint8 array."""
        return np.asarray(Image.fromarray(self.rgb).convert("L"))


def is_video(path):
    """Whether a path is named as a video."""
    return Path(path).suffix.lower() in VIDEOS


def read_picture(path):
    """Read an image file of any kind and colour; a camera's note that it was turned is followed.

    Parameters
    ----------
    path : path

    Returns
    -------
    Picture

    Raises
    ------
    UserError
        if the file is absent, no image, damaged, animated, too large, or of more than 8 bits a channel
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        with Image.open(path) as image:
            _check(path, image)
            turned = ImageOps.exif_transpose(image)
            with_alpha = turned.convert("RGBA") if turned.has_transparency_data else turned.convert("RGB")
    # Pillow raises what its formats' readers do.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as an image ({error})") from error
    pixels = np.asarray(with_alpha)
    alpha = pixels[..., 3] >= OPAQUE if pixels.shape[2] == 4 else None
    return Picture(path.name, np.ascontiguousarray(pixels[..., :3]), alpha)


def _check(path, image):
    if getattr(image, "n_frames", 1) > 1:
        raise UserError(
            f"{path}: is animated, {image.n_frames} frames; save it as a video, or one frame of it"
        )
    if image.mode not in _EIGHT_BITS:
        raise UserError(f"{path}: is of Pillow's mode {image.mode}; save it with 8 bits a channel")
    if max(image.size) > LARGEST_SIDE:
        width, height = image.size
        raise UserError(f"{path}: is {width} x {height} px; make it {LARGEST_SIDE} px at most")


def read_pictures(source):
    """The pictures of an image file, of a folder, by name, or of a video.

    Parameters
    ----------
    source : path

    Yields
    ------
    Picture

    Raises
    ------
    UserError
        as `read_picture`, and if there are none
    """
    source = Path(source)
    if source.is_dir():
        yield from map(read_picture, list_images(source))
    elif is_video(source):
        number = -1
        for number, frame in enumerate(read_frames(source)):
            yield Picture(str(number), frame.rgb())
        if number < 0:
            raise UserError(f"{source}: holds no frame")
    else:
        yield read_picture(source)
