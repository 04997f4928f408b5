"""Motion capture from a BVH file: named joints, 50 frames per second, z up."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation, Slerp

from pose3d.errors import UserError
from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.synthetic.body import SIDES
from pose3d.synthetic.motion.bvh import pose, read, rest_pose
from pose3d.synthetic.motion.joint_names import find_joints

_Z_UP = Rotation.from_euler("x", 90, degrees=True)  # BVH has y up
_STANDING = 0.7  # smallest cosine with the vertical of trunk and legs in a standing pose
_LYING = 0.5  # share of frames that stand along another axis, by which that axis is taken to be up
_SLOWEST, _FASTEST = 10, 480  # frames per second of motion capture
_LEAP = 0.1  # of the leg's length between frames: 10 m/s at 120 frames per second
_SUDDEN, _NEXT = 3, 10  # a leap exceeds 3 times the largest of the next 10 steps
_TOUCHING = 1e-3  # of the leg's length: joints in the same place
LEGS, _ARMS = (
    [(side + one, side + other) for side, _ in SIDES for one, other in bones]
    for bones in ((("UpLeg", "Leg"), ("Leg", "Foot")), (("Arm", "ForeArm"), ("ForeArm", "Hand")))
)
_ACROSS = [("LeftUpLeg", "RightUpLeg"), ("LeftArm", "RightArm"), ("Hips", "Neck"), ("Neck", "Head")]


@dataclass(frozen=True)
class Capture:
    """A captured motion. Names are those of our bones; the point ``Hips`` is the middle of the hip joints."""

    points: dict  # of (F, 3), z up, in the file's unit
    turns: dict  # of F Rotations, of each joint from the reference pose, z up
    reference: dict  # of (1, 3), the points in a standing pose

    def turned(self, rotation):
        """The motion rotated by a Rotation about z."""
        points = {name: rotation.apply(at) for name, at in self.points.items()}
        turns = {name: rotation * turn for name, turn in self.turns.items()}
        return Capture(points, turns, self.reference)


def load(path, joint_map, limit=None):
    """Read a motion from a BVH file with y up, and resample it to 50 frames per second: a `Capture`.

    Positions are interpolated by a cubic spline, rotations by Slerp. The first frame is dropped if the body
    leaps after it or no joint is rotated: it is the T-pose of the conversion. The reference pose is the
    skeleton's rest pose or, if that does not stand (some exporters write all bones in one direction), the
    most upright frame.

    `limit` is the largest number of frames. A `UserError` if the file is malformed, lacks a joint, has no
    standing pose, stands with z up, or has a frame time that no motion capture has.
    """
    bvh = read(path)
    if not 1 / _FASTEST <= bvh.frame_time * 1.001 <= 1.002 / _SLOWEST:
        raise UserError(
            f"{path}: Frame Time: {bvh.frame_time:g} is no time in s between frames; motion capture has "
            f"{_SLOWEST} to {_FASTEST} frames per second: correct it in the file"
        )
    joints = find_joints(bvh, joint_map)
    positions, rotations = pose(bvh)
    points, rest = _points(bvh, joints, positions), _points(bvh, joints, rest_pose(bvh))
    _check_bones(bvh, joints, points)
    collars = {f"{side}Shoulder": max(bvh.parents[joints[f"{side}Arm"]], 0) for side, _ in SIDES}
    sources = {"Neck": joints["Spine1"]} | joints | collars  # what carries the arm is the collar
    turns = {name: _Z_UP * rotations[joint] * _Z_UP.inv() for name, joint in sources.items()}
    if _uprightness(rest)[0] <= _STANDING:
        best = int(_check_stands(path, points).argmax())
        rest = {name: at[best : best + 1] for name, at in points.items()}
        turns = {name: turn * turn[best].inv() for name, turn in turns.items()}
    first = int(_starts_with_t_pose(bvh, points))
    _check_up(path, {name: at[first:] for name, at in points.items()})
    if len(bvh.values) - first < 2:
        raise UserError(f"{path}: only {len(bvh.values)} frame(s); give at least 2 frames of motion")
    seconds = np.arange(len(bvh.values) - first) * bvh.frame_time
    # A frame time such as .0083333 is truncated: the last frame counts if it is missed by this little.
    number = int(seconds[-1] * FRAMES_PER_SECOND + 0.01) + 1
    at = np.minimum(np.arange(min(number, limit or number)) / FRAMES_PER_SECOND, seconds[-1])
    degree = min(3, len(seconds) - 1)
    return Capture(
        {name: make_interp_spline(seconds, p[first:], degree)(at) for name, p in points.items()},
        {name: Slerp(seconds, turn[first:])(at) for name, turn in turns.items()},
        rest,
    )


def leg_length(points):
    """Length of thigh and shank, mean of both sides and all frames."""
    bones = [points[upper] - points[lower] for upper, lower in LEGS]
    return float(np.linalg.norm(bones, axis=-1).sum(axis=0).mean() / 2)


def _points(bvh, joints, positions):
    """Points (F, 3), z up, from positions (F, J, 3), with the middle of the hips and the tips of the feet.

    A skeleton without a neck has it in the middle of the shoulders.
    """
    points = {name: _Z_UP.apply(positions[:, joint]) for name, joint in joints.items()}
    points["Hips"] = (points["LeftUpLeg"] + points["RightUpLeg"]) / 2
    points.setdefault("Neck", (points["LeftArm"] + points["RightArm"]) / 2)
    for side, _ in SIDES:
        foot = joints[f"{side}Foot"]
        ends = [i for i, parent in enumerate(bvh.parents) if parent == foot and not bvh.names[i]]
        tip = joints.get(f"{side}ToeBase", ends[0] if ends else foot)
        points[f"{side}Tip"] = _Z_UP.apply(positions[:, tip])
    return points


def _check_bones(bvh, joints, points):
    """Raise an error for a bone without length, which has no direction."""
    names = {"Neck": "the shoulders' middle"} | {name: bvh.names[joint] for name, joint in joints.items()}
    names["Hips"] = "the hips' middle"
    for one, other in (*LEGS, *_ARMS, *_ACROSS):
        if np.linalg.norm(points[one] - points[other], axis=1).min() <= _TOUCHING * leg_length(points):
            raise UserError(
                f"{bvh.path}: {names[one]} and {names[other]}, used as {one} and {other}, coincide; name "
                "other joints by --joint-map"
            )


def _check_stands(path, points):
    """The uprightness (F,); an error if nobody stands."""
    upright = _uprightness(points)
    if upright.max() <= _STANDING:
        raise UserError(
            f"{path}: no standing pose with y up, neither the rest pose nor a frame; convert the file to y up"
        )
    return upright


def _check_up(path, points):
    """Refuse a motion that stands along the file's z, whatever way up its rest pose is."""
    z_up = _uprightness(points, _Z_UP.apply([0, 0, 1])) > _STANDING
    if not (_uprightness(points) > _STANDING).any() and z_up.mean() > _LYING:
        raise UserError(f"{path}: the body stands with z up; convert the file to y up")


def _uprightness(points, up=(0, 0, 1)):
    """(F,) smallest cosine of trunk, thighs and shanks with the vertical."""
    bones = np.stack([points[upper] - points[lower] for upper, lower in [("Neck", "Hips"), *LEGS]])
    return (bones @ up / np.linalg.norm(bones, axis=-1)).min(axis=0)


def _starts_with_t_pose(bvh, points):
    """Whether the first frame is a T-pose before the motion."""
    kinds = [kind for channels in bvh.channels for kind, _ in channels]
    if not bvh.values[0, np.array(kinds) == "rotation"].any():
        return True
    body = np.stack([at - points["Hips"] for at in points.values()])[:, : _NEXT + 2]
    steps = np.linalg.norm(np.diff(body, axis=1), axis=-1).max(axis=0) / leg_length(points)
    return len(steps) > 1 and steps[0] > max(_LEAP, _SUDDEN * steps[1:].max())
