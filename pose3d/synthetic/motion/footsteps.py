"""Footsteps: feet planted along a path, their roll over the floor, and the legs above them."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from pose3d.synthetic.motion.rotations import euler, segment_frame

# Angle between sole and floor in degrees, toes up positive, at every 5 % of the stride from heel strike:
# hip - knee + ankle angle of normal gait at natural cadence, rounded, after Winter (The Biomechanics and
# Motor Control of Human Gait, 1991) and Perry (Gait Analysis, 1992). The angles of the leg follow from
# the feet, not the reverse, so that a planted foot does not slide.
_SOLE = (20, 7, 0, 0, 0, 0, 0, -2, -7, -14, -24, -40, -58, -68, -62, -45, -24, -5, 10, 19)
_TOE_OFF = 0.62  # share of the stride
_UNDER_HIP = 0.26  # share of the stride at which the ankle passes below the hip
_CLEARANCE = 25.0  # mm, height of the swinging foot above the direct passage
_REACH = 0.997  # largest share of the leg's length: the knee is never quite straight


@dataclass(frozen=True)
class Feet:
    """Motion of one foot, world frame.

    Attributes
    ----------
    ankle : (F, 3) array, mm
    frame : (F, 3, 3) array, the foot's forward, left and up axes as columns
    heading, pitch : (F,) arrays, rad
    planted : (F,) bool array
    """

    ankle: np.ndarray
    frame: np.ndarray
    heading: np.ndarray
    pitch: np.ndarray
    planted: np.ndarray


def foot_motion(body, path, heading, phase, sideways, toe_out, roll):
    """Plant a foot at every stride and swing it from each place to the next.

    Parameters
    ----------
    body : Body
    path : (F, 2) array, mm, of the pelvis over the floor
    heading, phase : (F,) arrays, rad and strides since a heel strike of this foot
    sideways : float, mm, of the ankle to the left of the path
    toe_out : float, rad, to the left
    roll : float, factor of the sole's published angle

    Returns
    -------
    Feet; the first and last 1.5 strides are invalid
    """
    stride = np.floor(phase)
    part = phase - stride
    this = _plant(path, heading, phase, stride, sideways)
    following = _plant(path, heading, phase, stride + 1, sideways)
    pitch = _sole(part, roll)
    swing = np.clip((part - _TOE_OFF) / (1 - _TOE_OFF), 0, 1)
    planted = part < _TOE_OFF
    on_floor = _ankle(body, *this, pitch)
    ankle = np.where(planted[:, None], on_floor, _swung(body, this, following, swing, roll))
    eased = swing**2 * (3 - 2 * swing)
    turned = this[1] + eased * (following[1] - this[1]) + toe_out
    return Feet(ankle, euler("ZY", turned, -pitch), turned, pitch, planted)


def pelvis_height(hips, feet, body):
    """Height (F,) of the pelvis at which both legs just reach the floor, smoothed.

    Parameters
    ----------
    hips : list of (F, 3) arrays, mm, hip joints of a pelvis at height 0
    feet : list of Feet, in the same order
    body : Body
    """
    reach = _REACH * (body.length("thigh") + body.length("shank"))
    limits = []
    for hip, foot in zip(hips, feet, strict=True):
        level = ((foot.ankle - hip)[:, :2] ** 2).sum(axis=1)
        limits.append(np.sqrt(np.maximum(reach**2 - level, 0)) + foot.ankle[:, 2] - hip[:, 2])
    lowest = minimum_filter1d(np.min(limits, axis=0), 5, mode="nearest")
    return gaussian_filter1d(lowest, 2, mode="nearest")


def bend_leg(hip, foot, forward, body):
    """Knee (F, 3), and frames (F, 3, 3) of thigh and shank, by the law of cosines.

    Parameters
    ----------
    hip : (F, 3) array, mm
    foot : Feet
    forward : (F, 3) array, direction in which the knee bends
    body : Body
    """
    thigh, shank = body.length("thigh"), body.length("shank")
    span = foot.ankle - hip
    far = np.linalg.norm(span, axis=1, keepdims=True)
    along = (thigh**2 - shank**2 + far**2) / (2 * far)
    out = np.sqrt(np.maximum(thigh**2 - along**2, 0))
    plane = segment_frame(-span, forward)
    knee = hip + along * span / far + out * plane[..., 0]
    return knee, segment_frame(hip - knee, forward), segment_frame(knee - foot.ankle, forward)


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


def _ankle(body, place, heading, pitch):
    """Ankle (F, 3) above a sole that stands on its heel (toes up), flat, or on its ball (heel up)."""
    heel, ball, drop = (body.length(name) for name in ("heel", "ball", "ankle"))
    pivot = np.where(pitch >= 0, -heel, ball)
    forward = pivot - pivot * np.cos(pitch) - drop * np.sin(pitch)
    height = -pivot * np.sin(pitch) + drop * np.cos(pitch)
    x, y = place[:, 0] + forward * np.cos(heading), place[:, 1] + forward * np.sin(heading)
    return np.stack([x, y, height], axis=1)


def _swung(body, this, following, swing, roll):
    """Cubic passage from toe-off to the next heel strike, continuous in velocity at both ends."""
    small = 0.005
    duration = 1 - _TOE_OFF

    def state(plant, part):
        here, after = (
            _ankle(body, *plant, _sole(np.full(len(swing), p), roll)) for p in (part, part + small)
        )
        return here, (after - here) / small * duration

    start, leaving = state(this, _TOE_OFF - small)
    end, arriving = state(following, 0.0)
    s = swing[:, None]
    bump = np.zeros((len(swing), 3))
    bump[:, 2] = _CLEARANCE * 16 * swing**2 * (1 - swing) ** 2
    return (
        (2 * s**3 - 3 * s**2 + 1) * start
        + (s**3 - 2 * s**2 + s) * leaving
        + (3 * s**2 - 2 * s**3) * end
        + (s**3 - s**2) * arriving
        + bump
    )
