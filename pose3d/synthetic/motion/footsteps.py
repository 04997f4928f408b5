"""Footsteps: feet planted along a path, their roll over the floor, and the legs above them."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from pose3d.synthetic.anatomy import bend
from pose3d.synthetic.body import BONE
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.kinematics import euler, upright

# Angle between sole and floor in degrees, toes up positive, at every 5 % of the stride from heel strike:
# hip - knee + ankle angle of normal gait at natural cadence, rounded, after Winter (The Biomechanics and
# Motor Control of Human Gait, 1991) and Perry (Gait Analysis, 1992). The angles of the leg follow from
# the feet, not the reverse, so that a planted foot does not slide.
_SOLE = (20, 7, 0, 0, 0, 0, 0, -2, -7, -14, -24, -40, -58, -68, -62, -45, -24, -5, 10, 19)
_TOE_OFF = 0.62  # share of the stride
_UNDER_HIP = 0.26  # share of the stride at which the ankle passes below the hip
_CLEARANCE = 25.0  # mm, height of the swinging foot above the direct passage
_REACH = 0.997  # largest share of the leg's length: the knee is never quite straight
_ROUND = 0.75  # share of the heel's length at which its rounded end touches the floor


@dataclass(frozen=True)
class Leg:
    """Lengths of a body's legs, mm."""

    thigh: float
    shank: float
    ankle: float  # height of the ankle over the sole
    heel: float  # from the ankle back to where the heel touches the floor
    ball: float  # from the ankle ahead to the joint of the toes
    ball_height: float  # of that joint over the sole


def leg_of(body):
    """Measure the left `Leg` of a body in the T-pose."""
    hip, knee, ankle, ball = (
        body.t_pose[BONE[f"Left{name}"]] for name in ("UpLeg", "Leg", "Foot", "ToeBase")
    )
    transforms = body.transforms(np.tile(np.eye(3), (len(body.t_pose), 1, 1)))
    mesh = skin(body, transforms, np.zeros(len(body.vertices), np.float32))
    foot = mesh[body.on(("LeftFoot", "LeftToeBase"))]
    back, _, low = foot.min(axis=0)
    thigh, shank = hip[2] - knee[2], knee[2] - ankle[2]
    heel = _ROUND * (ankle[0] - back)
    return Leg(thigh, shank, ankle[2] - low, heel, ball[0] - ankle[0], ball[2] - low)


@dataclass(frozen=True)
class Foot:
    """Motion of one foot: ankle (F, 3) in mm, heading and pitch (F,) in rad."""

    ankle: np.ndarray
    heading: np.ndarray
    pitch: np.ndarray


def step(leg, path, heading, phase, sideways, toe_out, roll):
    """Plant a foot at every stride and swing it smoothly from each place to the next: a `Foot`.

    The pelvis follows `path` (F, 2), mm, over the floor with `heading`, rad, and `phase`, strides since a
    heel strike of this foot. The ankle is `sideways` mm to the left of the path; `toe_out` is in rad, to the
    left, and `roll` a factor of the sole's published angle. The first and last 1.5 strides are invalid.
    """
    frame, stride = np.arange(len(phase)), np.floor(phase)
    part = phase - stride
    place, turned = _plant(path, heading, phase, stride, sideways)
    pitch = _sole(part, roll)
    ankle = _ankle(leg, place, turned + toe_out, pitch)
    planted = part < _TOE_OFF
    turned = np.interp(frame, frame[planted], turned[planted]) + toe_out
    passage = CubicSpline(frame[planted], ankle[planted])(frame)
    swing = np.maximum(part - _TOE_OFF, 0) / (1 - _TOE_OFF)
    passage[:, 2] += _CLEARANCE * 16 * (swing * (1 - swing)) ** 2
    return Foot(passage, turned, pitch)


def hips_height(hips, feet, leg):
    """Height (F,) of the hips at which both legs just reach the floor, smoothed.

    `hips` are the hip joints, (F, 3) each, mm, of hips at height 0, in the order of `feet`.
    """
    reach = _REACH * (leg.thigh + leg.shank)
    limits = []
    for hip, foot in zip(hips, feet, strict=True):
        level = ((foot.ankle - hip)[:, :2] ** 2).sum(axis=1)
        limits.append(np.sqrt(np.maximum(reach**2 - level, 0)) + foot.ankle[:, 2] - hip[:, 2])
    lowest = minimum_filter1d(np.min(limits, axis=0), 5, mode="nearest")
    return gaussian_filter1d(lowest, 2, mode="nearest")


def bend_leg(hip, foot, leg):
    """Rotations (F, 3, 3) of thigh and shank from the hip joint (F, 3), mm.

    The knee bends where the foot points.
    """
    forward = euler("Z", foot.heading)[..., 0]
    span = foot.ankle - hip
    far = np.linalg.norm(span, axis=1, keepdims=True)
    along, out = bend(leg.thigh, leg.shank, far)
    knee = hip + along * span / far + out * upright(-span, forward)[..., 0]
    return upright(hip - knee, forward), upright(knee - foot.ankle, forward)


def _plant(path, heading, phase, stride, sideways):
    """Place (F, 2), mm, and heading (F,) of the flat foot in the given strides."""
    frame = np.arange(len(phase))
    at = np.interp(stride + _UNDER_HIP, phase, frame)
    turned = np.interp(at, frame, heading)
    left = np.stack([-np.sin(turned), np.cos(turned)], axis=1)
    place = np.stack([np.interp(at, frame, path[:, axis]) for axis in (0, 1)], axis=1)
    return place + sideways * left, turned


def _sole(part, roll):
    """Pitch of the sole (F,), rad, at parts of a stride; exactly flat between zeros of the table."""
    tiled = np.tile(_SOLE, 3)
    curve = PchipInterpolator(np.arange(len(tiled)) / len(_SOLE) - 1, tiled)
    return np.radians(roll * curve(part))


def _ankle(leg, place, heading, pitch):
    """Ankle (F, 3) above a sole that turns about its heel (toes up), or about the joint of its toes."""
    pivot, above = np.where(pitch >= 0, -leg.heel, leg.ball), np.where(pitch >= 0, 0, leg.ball_height)
    forward = pivot - pivot * np.cos(pitch) - (leg.ankle - above) * np.sin(pitch)
    height = above - pivot * np.sin(pitch) + (leg.ankle - above) * np.cos(pitch)
    x, y = place[:, 0] + forward * np.cos(heading), place[:, 1] + forward * np.sin(heading)
    return np.stack([x, y, height], axis=1)
