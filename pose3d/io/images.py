"""Read image files, and folders of them."""

import re
import shlex
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pose3d.errors import UserError

# Formats that Pillow recognises but does not decode.
_NOT_DECODED = ("BUFR", "GRIB", "HDF5", "MPEG", "WMF")
LARGEST_SIDE = 16_384  # px; a larger picture needs gigabytes of memory
OPAQUE = 128  # lowest alpha of an opaque pixel
# Of the border; what is cut off at one side and the halves of two others covers half.
BORDER_SHARE = 0.75
# Pillow's modes of at most 8 bits a channel.
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


# First bytes of files that Pillow does not decode, and what they are.
_FOREIGN = {
    rb".{4}ftyp(hei|hev|mif1|msf1)": "a HEIC picture",
    rb".{4}ftypavi[fs]": "an AVIF picture",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "a JPEG XL picture",
    rb"II\*\0.{4}CR|.{4}ftypcrx|FUJIFILMCCD-RAW|II(RO|RS|U\0)": "a camera's raw picture",
    rb".{4}(ftyp|moov|wide)|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV|OggS|\0\0\1[\xb3\xba]|G.{187}G": "a video",
}
# Tags of TIFF: a smaller version of another picture in the file, as cameras put before theirs; DNG's version.
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706


@dataclass
class Picture:
    """One picture in memory."""

    name: str  # of the file, or number of the frame in a video
    rgb: np.ndarray  # (H, W, 3), uint8
    alpha: np.ndarray | None = None  # (H, W), bool, True where opaque; None as of `opaque_part`

    @property
    def shape(self):
        """(H, W)."""
        return self.rgb.shape[:2]

    def gray(self, box=None):
        """Gray levels (ITU-R 601), (h, w) uint8, of all or of a box (x0, y0, x1, y1), px, half-open."""
        x0, y0, x1, y1 = box or (0, 0, *self.shape[::-1])
        return np.asarray(Image.fromarray(self.rgb[y0:y1, x0:x1]).convert("L"))


class LazyPicture:
    """A `Picture` that is read from its file (Path) at first use, which raises as `read_picture`."""

    def __init__(self, path):
        self.path, self.name = path, path.name

    def __getattr__(self, name):
        return getattr(self._picture, name)

    @cached_property
    def _picture(self):
        return read_picture(self.path)


def list_images(folder):
    """Find the images of a folder (Path); a `UserError` if it holds none.

    Returns the files with the ending of a format that Pillow reads, sorted by name with 2 before 10, and the
    number of other files, of which hidden ones do not count.
    """
    endings = {
        ending for ending, kind in Image.registered_extensions().items()
        if kind in Image.OPEN and kind not in _NOT_DECODED
    }  # fmt: skip
    files = [path for path in folder.iterdir() if path.name[0] != "." and path.is_file()]
    found = [path for path in files if path.suffix.lower() in endings]
    if not found:
        held = next(filter(None, map(_foreign, sorted(files))), "")
        raise UserError(f"{folder}: holds no image, such as a .png or .jpg file{held and f', but {held}'}")
    # re.split puts a number at every second place of the key.
    found.sort(key=lambda path: [*map(_key, re.split(r"([0-9]+)", path.name)), path.name])
    return found, len(files) - len(found)


def _key(word):
    return (int(word), "") if word.isdecimal() else (-1, word)


def read_picture(path):
    """Read an image file of any format and color mode as a `Picture`. EXIF rotation is applied.

    A `UserError` tells of a file that is missing, no image, damaged, animated, too large, or of more than 8
    bits a channel.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        pixels = _decoded(path)
    except (UserError, MemoryError):
        raise
    # Pillow's readers of damaged files raise what their code happens to: TypeError, struct.error, ...
    except Exception as error:
        held = _foreign(path)
        fault = f"is {held}" if held else f"cannot be read as an image ({error}); copy it again"
        raise UserError(f"{path}: {fault}") from error
    alpha = opaque_part(pixels[..., 3]) if pixels.shape[2] == 4 else None
    return Picture(path.name, np.ascontiguousarray(pixels[..., :3]), alpha)


def opaque_part(alpha):
    """What an alpha channel, (H, W) uint8, cuts out: (H, W) bool array, or None if it cuts out nothing."""
    mask = alpha >= OPAQUE
    return None if covers_border(mask) else mask


def covers_border(mask):
    """Whether a mask is True along nearly all of its border: it covers all, or is inverted."""
    return np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean() > BORDER_SHARE


def _foreign(path):
    """What a file is by its first bytes, if nothing that Pillow reads, with a remedy; empty if unknown."""
    with path.open("rb") as file:
        head = file.read(200)
    name = next((name for start, name in _FOREIGN.items() if re.match(start, head, re.DOTALL)), "")
    if not name or name == "a video":
        return name and f"{name}; give its name the ending of one, such as .mp4"
    return f"{name}, which is not read; {_conversion(path)}"


def _conversion(path):
    words = "magick", str(path), str(path.with_suffix(".png"))
    return f"convert it, for instance with ImageMagick: {shlex.join(words)}"


def _decoded(path):
    """(H, W, 3) or, with transparency, (H, W, 4) uint8 array. A large picture is not copied needlessly."""
    # Given a path, Pillow maps the pixels of a turned TIFF with its sides swapped.
    # It warns of damaged EXIF, without which the picture is read as it is.
    with warnings.catch_warnings(action="ignore"), path.open("rb") as file, Image.open(file) as image:
        _check(path, image)
        ImageOps.exif_transpose(image, in_place=True)
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return np.asarray(image if image.mode == mode else image.convert(mode))


def _check(path, image):
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags or tags.get(_NEW_SUBFILE_TYPE, 0) & 1:
        raise UserError(f"{path}: is a camera's raw picture, which is not read; {_conversion(path)}")
    # A phone's MPO is a JPEG with a depth or gain map behind the picture.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise UserError(
            f"{path}: is animated, {image.n_frames} frames; save it as a video, or save one frame"
        )
    if image.mode not in _EIGHT_BITS:
        raise UserError(f"{path}: has Pillow's mode {image.mode}; save it with 8 bits a channel")
    if max(image.size) > LARGEST_SIDE:
        width, height = image.size
        raise UserError(f"{path}: is {width} x {height} px; reduce it to at most {LARGEST_SIDE} px")
