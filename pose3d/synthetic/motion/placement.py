"""Putting captured motion into the room: the feet on the floor, the body before all four cameras."""

from dataclasses import replace

import numpy as np

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.motion.kinematics import JOINT, SIDES
from pose3d.synthetic.scene import FULL_SIZE, camera_of

_SINK = 30.0  # mm that anything may be under the floor
_STANDING = 5  # per cent of the frames may be lower than the floor
_PLANTED = 30.0  # mm, height of the sole under which a foot stands
_MARGIN = 40  # px of a full-sized image between a joint and the border
_NEAREST = 1000.0  # mm, in front of a camera; the distortion is meant for no less


def put_on_floor(motion, body):
    """Raise or lower a motion as a whole, so that its lowest points are on the floor at z = 0.

    Captures are noisy, and skeletons differ: the floor is where the lowest point is in its lowest 5 %
    of frames, but higher by 30 mm at most than the lowest of all.

    Parameters
    ----------
    motion : Motion
    body : Body

    Returns
    -------
    Motion
    """
    soles = {side: _sole(motion, body, side) for side, _ in SIDES}
    lowest = np.minimum(motion.joints[..., 2].min(axis=1), np.min(list(soles.values()), axis=0))
    floor = min(np.percentile(lowest, _STANDING), lowest.min() + _SINK)
    planted = {side: sole - floor < _PLANTED for side, sole in soles.items()}
    return replace(motion, joints=motion.joints - [0, 0, floor], planted=planted)


def _sole(motion, body, side):
    """(F,) height of the lower of heel and ball, at the sole."""
    ankle, foot = motion.joints[:, JOINT[f"{side}Foot"]], motion.frames[f"{side} foot"]
    down = body.along("ankle", (0, 0, -1))
    heel = foot @ (down - body.along("heel", (1, 0, 0)))
    ball = foot @ (down + body.along("ball", (1, 0, 0)))
    return ankle[:, 2] + np.minimum(heel[:, 2], ball[:, 2])


def keep_in_view(motion, name):
    """Move a motion level, as seldom as can be, so that all four cameras see the whole body.

    A path that is longer than the room is cut into stretches, each as long as fits and centred; between
    two of them the body jumps to another place, as in a film, but moves as it was captured in each. Frames
    in which not even a body in the middle is seen (on a ladder) are left out.

    Parameters
    ----------
    motion : Motion, on the floor
    name : str or path, of the file, for the error

    Returns
    -------
    Motion

    Raises
    ------
    UserError
        if no frame can be shown
    """
    joints, kept = motion.joints.copy(), []
    start = 0
    while start < len(joints):
        end = _end_of_stretch(joints, start)
        if end > start:
            joints[start:end] -= _middle(joints[start:end])
            kept.extend(range(start, end))
        start = max(end, start + 1)
    if not kept:
        raise UserError(f"{name}: the body is never within the sight of all four cameras; leave the file out")
    return replace(motion, joints=joints).at(kept)


def _end_of_stretch(joints, start):
    """Where the longest stretch ends that can be seen when centred; `start` if there is none."""
    seen, unseen, step = start, len(joints) + 1, 1
    while unseen - seen > 1:
        end = min(seen + step, unseen - 1)
        if _is_seen(joints[start:end] - _middle(joints[start:end])):
            seen, step = end, 2 * step
        else:
            unseen, step = end, max(1, (end - seen) // 2)
    return seen


def _middle(joints):
    """(3,) middle of the ground that a stretch covers, at height 0."""
    level = joints[..., :2].reshape(-1, 2)
    return np.append((level.min(axis=0) + level.max(axis=0)) / 2, 0)


def _is_seen(joints):
    """Whether all four images show all joints, clear of their borders."""
    for number in CAMERAS:
        camera = camera_of(number, FULL_SIZE)
        points = world_to_camera(camera, joints)
        px = project(camera, points)
        if (points[..., 2] < _NEAREST).any() or px.min() < _MARGIN or px.max() > FULL_SIZE - 1 - _MARGIN:
            return False
    return True
