"""Background subtraction for a static camera, with the median of a video's frames as background."""

import numpy as np
import scipy

from pose3d.dataset.crop import largest_part
from pose3d.errors import UserError
from pose3d.io.video import read_frames

MOST = 61  # frames in the median, in which a person who passes is a minority; half as many at least
FEWEST = 5
BYTES = 2**29  # of frames in memory: 81 of full HD, 20 of 4K
DIFFERENCE = 24  # levels by which at least one channel of a foreground pixel differs from the background
CLOSING = 5  # px, width of gaps that are closed, where clothes look like the background


def median_background(video):
    """Background of a video, (H, W, 3) uint8: the median of each pixel over evenly spaced frames.

    A person who stays in one place for more than half of the video becomes background. A `UserError` if the
    video has fewer than five frames, or cannot be read.
    """
    frames = evenly_spaced(read_frames(video))
    if len(frames) < FEWEST:
        raise UserError(f"{video}: {len(frames)} frames are too few for --background median; give --mask")
    # Row by row, because the median of many frames at once needs three times their memory.
    return np.stack([np.median(rows, axis=0).astype(np.uint8) for rows in zip(*frames, strict=True)])


def evenly_spaced(frames):
    """List the pixels (H, W, 3) of evenly spaced ones of an iterable of `Frame`, whose number is unknown.

    They are at most `MOST`, and take at most `BYTES` or are `FEWEST`.
    """
    kept, every = [], 1
    for number, frame in enumerate(frames):
        if number % every:
            continue
        kept.append(frame.rgb())
        if len(kept) > max(FEWEST, min(MOST, BYTES // kept[0].nbytes)):
            del kept[1::2]
            every *= 2
    return kept


def foreground(rgb, background):
    """Mask of the largest connected part of a frame that differs from the background; all False if none."""
    different = np.abs(rgb.astype(np.int16) - background).max(axis=2) >= DIFFERENCE
    square = np.ones((CLOSING, CLOSING), bool)
    closed = scipy.ndimage.binary_closing(np.pad(different, CLOSING), square)
    return largest_part(scipy.ndimage.binary_fill_holes(closed[CLOSING:-CLOSING, CLOSING:-CLOSING]))
