"""Background subtraction for a static camera, with the median of a video's frames as background."""

import itertools

import numpy as np
from scipy import ndimage

from pose3d.dataset.crop import largest_part
from pose3d.errors import UserError
from pose3d.io.video import count_frames, read_frames

FRAMES = 31  # number of frames in the median, in which a person who passes is a minority
FEWEST = 5
DIFFERENCE = 24  # levels by which at least one channel of a foreground pixel differs from the background
CLOSING = 5  # px, width of gaps that are closed, where clothes look like the background


def median_background(video):
    """Background of a video: the median of each pixel over evenly spaced frames.

    A person who stays in one place for more than half of the video becomes background.

    Parameters
    ----------
    video : path

    Returns
    -------
    (H, W, 3) uint8 array, RGB

    Raises
    ------
    UserError
        if the video has fewer than five frames, or cannot be read
    """
    count = count_frames(video) or sum(1 for _ in read_frames(video))
    every = max(1, count // FRAMES)
    frames = [frame.rgb() for frame in itertools.islice(read_frames(video), 0, None, every)]
    if len(frames) < FEWEST:
        raise UserError(f"{video}: {len(frames)} frames are too few for --background median; give --mask")
    # Row by row, because the median of many frames at once needs three times their memory.
    return np.stack([np.median(rows, axis=0).astype(np.uint8) for rows in zip(*frames, strict=True)])


def foreground(rgb, background):
    """Mask of the largest connected part of a frame that differs from the background.

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
