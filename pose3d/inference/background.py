"""Background subtraction for a camera that stands still: the median of a video's frames."""

import itertools

import numpy as np
from scipy import ndimage

from pose3d.dataset.crop import largest_part
from pose3d.errors import UserError
from pose3d.inference.pictures import read_pictures
from pose3d.io.video import count_frames

FRAMES = 31  # number of frames in the median; a body that passes is in the minority of them
FEWEST = 5
DIFFERENCE = 24  # gray levels of the most different channel, from which a pixel is foreground
CLOSING = 5  # px: width of gaps that are filled, where clothes look like what is behind them


def median_background(video):
    """The background of a video: for each pixel, the median over evenly chosen frames.

    A person who stands in one place for more than half of the video counts as background.

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
        raise UserError(f"{video}: {len(frames)} frames are too few to find the background; give --mask")
    return np.median(frames, axis=0).astype(np.uint8)


def foreground(rgb, background):
    """The largest connected part of a frame that differs from the background.

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
    return largest_part(ndimage.binary_fill_holes(different))
