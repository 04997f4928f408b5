"""Mask images of a person: which belongs to which picture, and who is in it."""

from collections import defaultdict

import numpy as np

from pose3d.errors import UserError
from pose3d.io.images import covers_border, read_picture

_DIM = 64  # a brightest pixel below this is noise, unless the image has two levels only


class MaskImages:
    """Mask images, indexed by frame number: ``masks[number]`` is an (H, W) bool array, True on the person.

    `by_frame` lists their paths, with None for a frame without a mask; `path` is the folder, for messages.
    Indexing raises a `UserError` if the frame has no mask, or it is inverted or covers all, or as
    `read_picture`.
    """

    def __init__(self, path, by_frame):
        self.path, self._by_frame = path, by_frame

    def __len__(self):
        return len(self._by_frame)

    def __getitem__(self, number):
        path = self._by_frame[number] if number < len(self) else None
        if path is None:
            raise UserError(f"{self.path}: holds no mask for frame {number}; add it, or drop the frame")
        mask = person_in(read_picture(path))
        if covers_border(mask):
            raise UserError(
                f"{path}: is white along its border, so it is inverted or no mask; make only the person white"
            )
        return mask

    def check_count(self, count, video):
        """Raise a `UserError` unless there is one mask for each frame of a video; else masks would shift."""
        if len(self) != count:
            raise UserError(
                f"{self.path}: {len(self)} masks for {count} frames of {video}; give one for each frame"
            )


def person_in(picture):
    """Where a mask image (`pose3d.io.images.Picture`) shows the person: (H, W) bool array.

    The part that its alpha channel cuts out, if that cuts out any; else all that is white: more than half as
    bright as the brightest pixel. All is False in a dim image, unless its levels are two, such as 0 and 1.
    """
    if picture.alpha is not None:
        return picture.alpha
    gray = picture.gray()
    brightest = gray.max(initial=0)
    if brightest < _DIM and not np.isin(gray, (0, brightest)).all():
        return np.zeros(gray.shape, bool)
    return 2 * gray.astype(int) > max(brightest, 1)


def masks_by_name(masks, images):
    """Match masks to images (Paths) by name, with or without the ending; None for an image without a mask.

    A `UserError` if several have one name without the ending, and nothing tells which belong together.
    """
    by_name = {mask.name: mask for mask in masks}
    of_stem = defaultdict(lambda: ([], []))
    for kind, paths in enumerate((masks, images)):
        for path in paths:
            of_stem[path.stem][kind].append(path)
    return [by_name.get(image.name) or _only_mask(image, *of_stem[image.stem]) for image in images]


def _only_mask(image, masks, images):
    """The mask that shares the image's stem, or None."""
    if masks and (len(masks) > 1 or len(images) > 1):
        alike = " and ".join(str(path) for path in (masks if len(masks) > 1 else images)[:2])
        raise UserError(f"{alike} differ in their endings only; rename them, or name each mask as its image")
    return masks[0] if masks else None
