"""Place captured motion in the room: feet on the floor, body in view of all four cameras."""

import numpy as np

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.scene import FULL_SIZE, camera_of

_SINK = 30.0  # mm, largest depth below the floor
_STANDING = 5  # percentile of the lowest points that is the floor
_MARGIN = 40  # px at full size between a joint and the border
_NEAREST = 1000.0  # mm in front of a camera; the distortion is not valid for less


def put_on_floor(motion, body):
    """Shift a motion vertically so that its lowest points are on the floor at z = 0.

    Captures are noisy and skeletons differ: the floor is at the 5th percentile of the lowest point, but at
    most 30 mm above the lowest of all.
    """
    bare, shown = np.zeros(len(body.vertices), np.float32), body.n_body_vertices
    lowest = [skin(body, transforms, bare)[:shown, 2].min() for transforms in motion.transforms(body)]
    floor = min(np.percentile(lowest, _STANDING), np.min(lowest) + _SINK)
    return motion.moved([0, 0, -floor])


def keep_in_view(motion, body, name):
    """Shift a motion on the floor, as rarely as possible, so that all four cameras see the whole body.

    A path that is longer than the room is cut into stretches, each of the largest length that fits, and
    centred: the body jumps between stretches and moves as captured within them. Frames in which the body
    would be out of view even in the middle of the room (on a ladder) are dropped. A `UserError`, which names
    the file `name`, if no frame is in view, or joints that coincide leave a direction open.
    """
    joints, shifts, kept = motion.joints(body), np.zeros((len(motion), 3)), []
    if not np.isfinite(joints).all():
        raise UserError(f"{name}: joints coincide in some frame; name other joints by --joint-map")
    start = 0
    while start < len(joints):
        end = _end_of_stretch(joints, start)
        if end > start:
            shifts[start:end] = -_middle(joints[start:end])
            kept.extend(range(start, end))
        start = max(end, start + 1)
    if not kept:
        raise UserError(f"{name}: no frame is in view of all four cameras; remove the file")
    return motion.moved(shifts).at(kept)


def _end_of_stretch(joints, start):
    """End of the longest stretch that is in view when centred; `start` if there is none."""
    seen, unseen, step = start, len(joints) + 1, 1
    while unseen - seen > 1:
        end = min(seen + step, unseen - 1)
        if _is_seen(joints[start:end] - _middle(joints[start:end])):
            seen, step = end, 2 * step
        else:
            unseen, step = end, max(1, (end - seen) // 2)
    return seen


def _middle(joints):
    """(3,) middle of the ground covered by a stretch, at height 0."""
    level = joints[..., :2].reshape(-1, 2)
    return np.append((level.min(axis=0) + level.max(axis=0)) / 2, 0)


def _is_seen(joints):
    """Whether all joints are inside all four images, with a margin."""
    for number in CAMERAS:
        camera = camera_of(number, FULL_SIZE)
        points = world_to_camera(camera, joints)
        px = project(camera, points)
        if (points[..., 2] < _NEAREST).any() or px.min() < _MARGIN or px.max() > FULL_SIZE - 1 - _MARGIN:
            return False
    return True
