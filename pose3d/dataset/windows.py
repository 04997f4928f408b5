"""The 10 x 10 windows of the detection task and their labels (report, section 4.2, Eq. (3))."""

import numpy as np

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.skeleton import EDGES, N_JOINTS

GRID_SIDE = 10
N_WINDOWS = GRID_SIDE**2
WINDOW_SIDE = 13
# More than this share of an edge's length in a window makes it positive for both of the edge's joints.
EDGE_SHARE = 0.3

# Pixel centres are at whole numbers, so the image reaches from -0.5 to 127.5, and so do the windows, first to
# last. Neighbours overlap by 0.2 px.
_FAR_BORDER = IMAGE_SIDE - 0.5
_STARTS = (IMAGE_SIDE - WINDOW_SIDE) / (GRID_SIDE - 1) * np.arange(GRID_SIDE) - 0.5
_ENDS = _STARTS + WINDOW_SIDE
# In floating point 115 / 9 * 9 + 13 need not be 128; but a joint may lie on the far border.
_ENDS[-1] = _FAR_BORDER
_PARENTS, _CHILDREN = np.array(EDGES).T


def window_bounds():
    """Borders x0, y0, x1, y1 of the windows, (100, 4), px of the crop, whose first pixel is from -0.5 to 0.5.

    They are in the order of the label vector, row by row.
    """
    rows, columns = np.divmod(np.arange(N_WINDOWS), GRID_SIDE)
    return np.stack([_STARTS[columns], _STARTS[rows], _ENDS[columns], _ENDS[rows]], axis=-1)


def labels(joints_2d):
    """Labels: which windows are positive for which joint, Eq. (3) with the rule of the report's figure 2.

    ``h[j, w] = 1`` if joint j lies in window w, or if more than 30 % of the length of *one*
    edge of the skeleton that ends in j lies in w. Windows are half-open, except at the far
    border of the image, which is closed. An edge of zero length counts only through its joints.

    From (N, 17, 2) crop px (x, y) to (N, 17, 100) bool, windows row by row (index ``10 * row + column``); a
    ValueError for another shape.
    """
    joints_2d = np.asarray(joints_2d, dtype=np.float64)
    if joints_2d.ndim != 3 or joints_2d.shape[1:] != (N_JOINTS, 2):
        raise ValueError(f"2D joints of shape (N, {N_JOINTS}, 2) expected, not {joints_2d.shape}")
    # Samples on the last axis make numpy's inner loops long: this runs for every minibatch.
    joints_2d = np.ascontiguousarray(joints_2d.transpose(1, 2, 0))  # (17, 2, N)
    inside = _inside(joints_2d)
    positive = inside[:, 1, :, None] & inside[:, 0, None, :]  # (17, 10, 10, N), rows before columns
    enter, leave = _edge_times(joints_2d, inside)
    for edge, (parent, child) in enumerate(EDGES):
        # The share of the edge in each window; edge by edge, which stays in the cache.
        share = np.minimum(leave[edge, 1, :, None], leave[edge, 0, None])
        share -= np.maximum(enter[edge, 1, :, None], enter[edge, 0, None])
        crossed = share > EDGE_SHARE
        positive[parent] |= crossed
        positive[child] |= crossed
    positive = positive.reshape(N_JOINTS, N_WINDOWS, -1)
    return np.ascontiguousarray(positive.transpose(2, 0, 1))


def _inside(joints_2d):
    """Whether each coordinate lies in each of the 10 intervals of its axis: (17, 2, 10, N)."""
    x = joints_2d[:, :, None]
    inside = (x >= _STARTS[:, None]) & (x < _ENDS[:, None])
    inside[:, :, -1] |= joints_2d == _FAR_BORDER
    return inside


def _edge_times(joints_2d, inside):
    """Times in 0..1 at which each edge enters and leaves each interval: two (16, 2, 10, N) arrays.

    A point of the edge is in a window while it is in the window's interval for x and in that for
    y, so the share of the edge in the window is the length of the two times' intersection.
    """
    start = joints_2d[_PARENTS, :, None]
    step = joints_2d[_CHILDREN, :, None] - start
    moving = step != 0
    step_or_1 = np.where(moving, step, 1)
    at_start = (_STARTS[:, None] - start) / step_or_1
    at_end = (_ENDS[:, None] - start) / step_or_1
    # Along an axis on which the edge does not move it is always or never inside. So an edge of zero length
    # lies wholly in the windows that hold its joints, and adds no others.
    enter = np.where(moving, np.maximum(np.minimum(at_start, at_end), 0), 0)
    leave = np.where(moving, np.minimum(np.maximum(at_start, at_end), 1), inside[_PARENTS])
    return enter, leave
