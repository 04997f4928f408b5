"""Procedural gait: a path around the room, the feet along it, and the body above them."""

from dataclasses import dataclass

import numpy as np

from pose3d.recordings.human36m import FRAMES_PER_SECOND
from pose3d.synthetic.body import BONE, SIDES
from pose3d.synthetic.motion.footsteps import bend_leg, hips_height, leg_of, step
from pose3d.synthetic.motion.kinematics import Motion, all_bones, euler

_STARTS = {"Right": 0.0, "Left": 0.5}  # of each leg's stride
_PAD = 2 * FRAMES_PER_SECOND  # extra frames at both ends, for steps that reach beyond them


@dataclass(frozen=True)
class Gait:
    """Gait of one subject; angles in degrees."""

    cadence: float  # strides per second
    stride: float  # length as a share of the stature
    roll: float  # factor of the published angle of the sole
    width: float  # of the steps, as a share of the stature
    toe_out: float
    arm_swing: float  # half range of the shoulder
    elbow: float  # mean flexion
    abduction: float  # of the shoulder
    lean: float  # forward tilt of the trunk
    twist: float  # half range of pelvis and trunk relative to the direction of travel
    sway: float  # mm, half range of the pelvis towards the standing leg


GAITS = {
    "S1": Gait(0.96, 0.69, 1.00, 0.055, 6, 18, 22, 9, 3, 5.0, 18),
    "S5": Gait(1.00, 0.66, 0.92, 0.045, 4, 13, 18, 8, 2, 6.5, 22),
    "S6": Gait(0.90, 0.73, 1.05, 0.055, 8, 24, 28, 10, 5, 6.0, 15),
    "S7": Gait(0.90, 0.64, 0.90, 0.080, 11, 15, 30, 14, 6, 4.0, 28),
    "S8": Gait(0.85, 0.71, 1.00, 0.065, 7, 27, 35, 11, 4, 7.0, 18),
    "S9": Gait(0.94, 0.67, 1.04, 0.070, 9, 20, 16, 12, 7, 5.0, 20),
    "S11": Gait(0.93, 0.68, 0.99, 0.060, 7, 20, 25, 10, 4, 5.5, 19),
}


def walk(body, gait, frames, clockwise, rng):
    """Walk loops of about 1 m radius around the middle of the room, as seen from above: a `Motion`.

    `frames` are at 50 per second. `rng` draws the start, the path and the variation between steps.
    """
    time = (np.arange(frames + 2 * _PAD) - _PAD) / FRAMES_PER_SECOND
    cadence = gait.cadence * rng.uniform(0.96, 1.04)
    phase = rng.uniform(0, 1) + cadence * time + 0.02 * _wander(time, rng)
    rate = rng.uniform(1.15, 1.3) * (-1 if clockwise else 1)
    heading = rng.uniform(0, 2 * np.pi) + rate * time + 0.15 * _wander(time, rng)
    speed = gait.stride * body.stature * cadence * (1 + 0.04 * _wander(time, rng))
    ahead = euler("Z", heading)
    path = np.cumsum((speed / FRAMES_PER_SECOND)[:, None] * ahead[:, :2, 0], axis=0)
    kept = np.arange(_PAD, _PAD + frames)
    path += rng.uniform(-150, 150, 2) - (path[kept].min(axis=0) + path[kept].max(axis=0)) / 2

    swing = np.sin(2 * np.pi * (phase - 0.05))  # 1 in right mid-stance
    root = np.pad(path, ((0, 0), (0, 1))) - gait.sway * swing[:, None] * ahead[..., 1]
    turns = _trunk(gait, heading, phase, swing, time, rng)
    root[:, 2] = _put_legs(turns, body, gait, root, path, heading, phase)
    for side, sign in SIDES[::-1]:
        _put_arm(turns, gait, side, sign, phase + _STARTS[side], time, rng)
    return Motion(all_bones(turns), root).at(kept)


def _trunk(gait, heading, phase, swing, time, rng):
    """Rotations of pelvis, trunk and head: a hip goes forward with its leg, the shoulders against it."""
    turn = np.radians(gait.twist) * np.cos(2 * np.pi * phase)
    lean = np.radians(gait.lean + np.cos(4 * np.pi * phase) + _wander(time, rng))
    side = np.radians(1.5) * np.sin(2 * np.pi * phase)
    look, nod = np.radians(12) * _wander(time, rng), np.radians(5 + 5 * _wander(time, rng))
    return {
        "Hips": euler("ZX", heading + turn, np.radians(3) * swing),
        "LowerBack": euler("ZXY", heading, side, lean / 2),
        "Spine1": euler("ZXY", heading - turn, -side, lean),
        "Neck": euler("ZY", heading + look / 2, (lean + nod) / 2),
        "Head": euler("ZY", heading + look, nod),
    }


def _put_legs(turns, body, gait, root, path, heading, phase):
    """Add the rotations of both legs; returns the height (F,) of the hips that they allow."""
    leg, feet, hips = leg_of(body), [], []
    for side, sign in SIDES:
        sideways, toe_out = sign * gait.width / 2 * body.stature, sign * np.radians(gait.toe_out)
        feet.append(step(leg, path, heading, phase + _STARTS[side], sideways, toe_out, gait.roll))
        hips.append(root + turns["Hips"] @ body.t_pose[BONE[f"{side}UpLeg"]])
    height = hips_height(hips, feet, leg)
    for (side, _), foot, hip in zip(SIDES, feet, hips, strict=True):
        hip[:, 2] += height
        turns[f"{side}UpLeg"], turns[f"{side}Leg"] = bend_leg(hip, foot, leg)
        turns[f"{side}Foot"] = euler("ZY", foot.heading, -foot.pitch)
        # Toes stay flat while the heel rises, and drop a little in the swing.
        turns[f"{side}ToeBase"] = euler("ZY", foot.heading, -np.maximum(foot.pitch, 0.2 * foot.pitch))
    return height


def _put_arm(turns, gait, side, sign, phase, time, rng):
    """Add the rotations of an arm; it swings against its leg: furthest back at that leg's heel strike."""
    forward = -np.cos(2 * np.pi * (phase - 0.03))
    swing = 1 + 0.15 * _wander(time, rng)
    shoulder = np.radians(-2 + gait.arm_swing * swing * forward)
    elbow = np.radians(gait.elbow * (1 + 0.45 * forward) * swing)
    abduction = np.radians(gait.abduction + 2 * _wander(time, rng))
    hanging = euler("X", -sign * np.pi / 2)  # from the T-pose
    upper = turns["Spine1"] @ euler("XY", sign * abduction, -shoulder)
    turns[f"{side}Shoulder"] = turns["Spine1"] @ euler("X", -sign * np.radians(4))
    turns[f"{side}Arm"] = upper @ hanging
    turns[f"{side}ForeArm"] = upper @ euler("ZY", -sign * np.radians(25), -elbow) @ hanging


def _wander(time, rng):
    """A slow, smooth, aperiodic curve within -1..1, so that no two strides are equal."""
    period, start = rng.uniform((1.3, 2.3, 4.1), (2.0, 3.7, 7.0)), rng.uniform(0, 2 * np.pi, 3)
    return np.sin(2 * np.pi * time[:, None] / period + start).mean(axis=1)
