"""In which order pixels and windows are stored, told by what they show: people who stand upright."""

import numpy as np

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import GRID_SIDE, N_WINDOWS
from pose3d.errors import UserError
from pose3d.skeleton import JOINTS, N_JOINTS

# "rows": index = side * row + column. "columns": side * column + row, as MATLAB unrolls an image.
ORDERS = ("rows", "columns")
# Share of the votes that decides.
_CLEAR = 0.6
_HEAD = JOINTS.index("head")
_ANKLES = [JOINTS.index("left ankle"), JOINTS.index("right ankle")]


def in_rows(values, side, order):
    """Square grids stored in one of the `ORDERS`, by rows: (..., side * side) to (..., side, side) array."""
    grids = values.reshape(*values.shape[:-1], side, side)
    return grids if order == "rows" else np.swapaxes(grids, -1, -2)


def votes_of_images(images):
    """What each image says of the order of pixels: whoever stands is taller than wide.

    Parameters
    ----------
    images : (n, 16384) uint8 array

    Returns
    -------
    (n,) int array: 1 for rows, -1 for columns, 0 where the extents of what is not black are equal
    """
    shown = in_rows(images, IMAGE_SIDE, "rows") > 0
    height, width = (_extent(shown.any(axis=axis)) for axis in (2, 1))
    return np.sign(height - width)


def _extent(reached):
    """From the first to the last True of each row: (n,) int array, 0 where there is none."""
    first, last = reached.argmax(axis=1), reached.shape[1] - reached[:, ::-1].argmax(axis=1)
    return np.where(reached.any(axis=1), last - first, 0)


def votes_of_labels(labels):
    """What each sample's labels say of the order of windows: the head is above the ankles.

    Parameters
    ----------
    labels : (n, 1700) array of 0 and 1

    Returns
    -------
    (n,) int array: 1 for rows, -1 for columns, 0 where a joint has no window or both are as likely
    """
    positive = labels.reshape(-1, N_JOINTS, N_WINDOWS) > 0
    drops = []
    for row in np.divmod(np.arange(N_WINDOWS), GRID_SIDE):  # of each window, if by rows, if by columns
        head = _mean_row(positive[:, _HEAD], row)
        drops.append(_mean_row(positive[:, _ANKLES].any(axis=1), row) - head)
    return np.nan_to_num(np.sign(drops[0] - drops[1])).astype(int)


def _mean_row(positive, row):
    """Mean row of the positive windows: (n,) array, NaN where there is none."""
    count = positive.sum(axis=1)
    return np.where(count > 0, positive @ row, np.nan) / np.maximum(count, 1)


def decide(votes, what, folder):
    """The order that the votes are for.

    Parameters
    ----------
    votes : (n,) int array, as above
    what : str, ``"pixels"`` or ``"windows"``
    folder : path, for the messages

    Returns
    -------
    order : one of `ORDERS`
    line : str, for the build's log

    Raises
    ------
    UserError
        if they are not clearly for one of them
    """
    counts = int((votes > 0).sum()), int((votes < 0).sum())
    cast, won = sum(counts), max(counts)
    if won < _CLEAR * cast or not cast:
        raise UserError(
            f"{folder}: cannot tell the order of its {what}: of {len(votes)} samples {counts[0]} show an "
            f"upright person if stored by rows, {counts[1]} if by columns; give --pixel-order rows or columns"
        )
    order = ORDERS[counts.index(won)]
    return order, (
        f"{folder}: {what} are stored by {order}: {won} of the {cast} samples that tell show an upright "
        "person so; --pixel-order overrules it"
    )
