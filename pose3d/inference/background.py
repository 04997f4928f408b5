"""A simple background for a camera that does not move: what most frames of a video agree on."""

import itertools

import numpy as np
from scipy import ndimage

from pose3d.errors import UserError
from pose3d.inference.pictures import read_pictures
from pose3d.recordings.human36m import count_frames

FRAMES = 31  # that the median is taken of: a body that passes is in the minority in most of them
FEWEST = 5
DIFFERENCE = 24  # gray levels of the most different channel, from which on a pixel is not background
CLOSING = 5  # px: gaps of this width, where clothes look like what is behind them, are filled


def median_background(video):
    """The background of a video: of each pixel the median over frames from all over it.

    Who stands in one place for more than half of the video is taken for background.

    Parameters
    ----------
    video : path

    Returns
    -------
    (H, W, 3) uint8 array, RGB

    Raises
    ------
    UserError
        if it has fewer than five frames, or cannot be read
    """
    count = count_frames(video) or sum(1 for _ in read_pictures(video))
    every = max(1, count // FRAMES)
    frames = [picture.rgb for picture in itertools.islice(read_pictures(video), 0, None, every)]
    if len(frames) < FEWEST:
        raise UserError(f"{video}: {len(frames)} frames are too few to tell the background; give --mask")
    return np.median(frames, axis=0).astype(np.uint8)


def foreground(rgb, background):
    """Where a frame shows something else than the background, in its largest connected part.

    Parameters
    ----------
    rgb, background : (H, W, 3) uint8 arrays

    Returns
    -------
    (H, W) bool array; all False where nothing moves
    """
    different = np.abs(rgb.astype(np.int16) - background).max(axis=2) >= DIFFERENCE
    square = np.ones((CLOSING, CLOSING), bool)
    different = ndimage.binary_closing(np.pad(different, CLOSING), square)[CLOSING:-CLOSING, CLOSING:-CLOSING]
    parts, n = ndimage.label(ndimage.binary_fill_holes(different), np.ones((3, 3)))
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]) if n else different
