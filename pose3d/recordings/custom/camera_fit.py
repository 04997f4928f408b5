"""Whether the 2D and the 3D joints of a recording are of one camera, and in which axes."""

import itertools

import numpy as np

from pose3d.skeleton import PELVIS

FRAMES = 200  # checked of a recording, evenly spread
LEAST_SPAN = 3.0  # px; joints that span less are no px
# What 3D joints miss of the 2D joints, as a share of these. On the synthetic tree it is 0.002 at most in the
# camera's frame, and 0.43 at least with any axis turned or swapped.
FITS, MAY_FIT = 0.2, 0.4
_FRAME = "the camera's frame has x right, y down, z forward"


def camera_fault(poses_2d, poses_3d):
    """How joints in px (F, 17, 2) and in mm (F, 17, 3) do not fit together, and whether that is certain.

    In each frame, X / Z and Y / Z must be the 2D joints but for a place and a scale, as in a pinhole camera
    of any focal length. If not, all orders and signs of the axes are tried. Poses relative to the pelvis are
    compared without Z. The fault is an empty str if there is none.
    """
    chosen = np.unique(np.linspace(0, len(poses_2d) - 1, FRAMES).astype(int))
    poses_2d, poses_3d = poses_2d[chosen], poses_3d[chosen]
    span = np.median(np.ptp(poses_2d, axis=1).max(axis=1))
    if span < LEAST_SPAN:
        fault = f"the 2D joints of a frame span {span:.3g} (median); give px, not shares of the image's size"
        return fault, True
    miss = _miss(poses_2d, poses_3d)
    if miss <= FITS:
        return "", False
    ways = itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
    axes, signs = min(ways, key=lambda way: _miss(poses_2d, poses_3d[..., way[0]] * way[1]))
    if _miss(poses_2d, poses_3d[..., axes] * signs) <= FITS:
        names = ", ".join("-" * (sign < 0) + "XYZ"[axis] for axis, sign in zip(axes, signs, strict=True))
        return f"the 2D joints fit the 3D joints only with x, y, z = {names}; {_FRAME}", True
    share = f"by {100 * miss:.0f} % of their size" if miss < np.inf else "as most of these have Z <= 0"
    fault = f"the 3D joints miss the 2D joints {share}; {_FRAME}, and rows must be of one image"
    return fault, miss > MAY_FIT


def _miss(poses_2d, poses_3d):
    """What the best scale and place leave, as a share of the 2D joints: median over the frames."""
    depth = poses_3d[..., 2:] if poses_3d[:, PELVIS].any() else np.ones_like(poses_3d[..., 2:])
    is_seen = (depth > 0).all(axis=(1, 2))
    if 2 * is_seen.sum() < len(is_seen):
        return np.inf
    rays, points = (poses_3d[..., :2] / np.where(depth > 0, depth, 1))[is_seen], poses_2d[is_seen]
    rays, points = (x - x.mean(axis=1, keepdims=True) for x in (rays, points))
    tiny = np.finfo(float).tiny
    scale = np.maximum((rays * points).sum((1, 2)) / np.maximum((rays**2).sum((1, 2)), tiny), 0)
    left = ((points - scale[:, None, None] * rays) ** 2).sum((1, 2))
    return float(np.median(np.sqrt(left / np.maximum((points**2).sum((1, 2)), tiny))))
