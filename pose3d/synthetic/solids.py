"""Solids of the walkers: tapered, scaled capsules attached to the joints."""

from dataclasses import dataclass

import numpy as np

from pose3d.synthetic.motion.kinematics import JOINT

PLAIN, HEAD, EMBLEM, STRIPES, JACKET = range(5)  # patterns, see the renderer
_PATTERNS = {"emblem": EMBLEM, "stripes": STRIPES, "jacket": JACKET}


@dataclass(frozen=True)
class Part:
    """A capsule along a segment's up axis, tapered, and scaled along the segment's three axes.

    Attributes
    ----------
    joint, frame : str, origin and orientation
    offset : (3,) floats, mm, of the first sphere from the joint, in the frame
    length : float, mm, between the centres of the first and the second sphere
    radii : (2,) floats, mm, of the first and the second sphere
    scale : (3,) floats, of the solid, forward, left and up
    colour, second : (red, green, blue) in 0..1; the pattern chooses between them
    pattern : int
    """

    joint: str
    frame: str
    offset: tuple
    length: float
    radii: tuple
    scale: tuple
    colour: tuple
    second: tuple
    pattern: int = PLAIN


def parts(body):
    """Solids of one walker.

    Parameters
    ----------
    body : Body

    Returns
    -------
    list of Part
    """
    return [*_trunk(body), *_head(body), *_limbs(body, "Left", 1), *_limbs(body, "Right", -1)]


def _thickness(body):
    return 0.001 * body.stature * body.girth  # a thousandth of the stature for average girth


def _trunk(body):
    u = _thickness(body)
    spine, chest, shoulder = body.length("spine"), body.length("chest"), body.length("shoulder")
    hips, pattern, deep = 0.001 * body.stature * body.hips, _PATTERNS[body.pattern], 0.68 * body.belly
    shirt, accent, trousers = body.shirt, body.accent, body.trousers
    wide = 0.001 * body.stature * body.shoulders
    round_ = (1, 1, 1)
    return [
        Part("Hips", "pelvis", (0, 0, -20), 55, (88 * hips, 84 * hips), (0.72, 1, 1), trousers, trousers),
        Part("Hips", "pelvis", (-34 * u, 0, -30), 0, (60 * u, 60 * u), (0.85, 1.3, 1), trousers, trousers),
        Part("Hips", "waist", (4, 0, 50), spine - 50, (80 * u, 82 * u), (deep, 1, 1), shirt, accent, pattern),
        Part(
            "Spine1",
            "trunk",
            (0, 0, 0),
            chest - 75 * u,
            (82 * u, 90 * wide),
            (0.68, 1, 1),
            shirt,
            accent,
            pattern,
        ),
        Part(
            "Neck", "trunk", (-8, 0, -40), 0, (60 * u, 60 * u), (0.7, shoulder / (48 * u), 0.55), shirt, shirt
        ),
        Part(
            "Neck", "head", (0, 0, -30), body.length("neck"), (31 * u, 29 * u), round_, body.skin, body.skin
        ),
    ]


def _head(body):
    up = 0.5 * body.length("head")
    h = body.stature / 1000
    skull = (56 * h, 56 * h)
    nose = (55 * h, 0, up - 12 * h)
    return [
        Part("Head", "head", (4, 0, up), 0, skull, (1.0, 0.80, 1.22), body.skin, body.hair, HEAD),
        Part("Head", "head", nose, 0, (9 * h, 9 * h), (1.3, 0.8, 1.2), body.skin, body.skin),
    ]


def _limbs(body, side, sign):
    """Arm and leg; each solid extends upwards from its lower joint."""
    u, skin, shirt, trousers = _thickness(body), body.skin, body.shirt, body.trousers
    upper_sleeve = skin if body.bare_arms else shirt
    sleeve = shirt if body.long_sleeves else skin
    shin = skin if body.bare_legs else trousers
    upper, lower, hand = (body.length(name) for name in ("upper arm", "forearm", "hand"))
    thigh, shank = body.length("thigh"), body.length("shank")
    foot = body.length("heel") + body.length("ball")
    h = body.stature / 1000
    round_ = (1, 1, 1)
    shoe = [
        Part(
            f"{side}Foot", f"{side} foot sole", (0, 0, -22 * h), foot - 15 * h, (23 * h, 25 * h),
            (0.8, 1.0, 1), body.shoes, body.shoes,
        ),
        Part(
            f"{side}ToeBase", f"{side} toes sole", (0, 0, -12 * h), body.length("toe"), (24 * h, 18 * h),
            (0.72, 1.1, 1), body.shoes, body.shoes,
        ),
    ]  # fmt: skip
    arm = [
        Part(
            f"{side}ForeArm", f"{side} upper arm", (0, 0, 0), upper, (25 * u, 33 * u), round_,
            upper_sleeve, upper_sleeve,
        ),
        Part(f"{side}Hand", f"{side} forearm", (0, 0, 0), lower, (17 * u, 26 * u), round_, sleeve, sleeve),
        Part(
            f"{side}Hand", f"{side} forearm", (6, 0, -0.5 * hand), 0, (24 * h, 24 * h),
            (0.8, 0.55, 1.5), skin, skin,
        ),
    ]  # fmt: skip
    leg = [
        Part(
            f"{side}Leg", f"{side} thigh", (0, 0, 0), thigh - 20 * u, (36 * u, 52 * u),
            round_, trousers, trousers,
        ),
        Part(f"{side}Foot", f"{side} shank", (0, 0, 0), shank, (25 * u, 34 * u), round_, shin, shin),
        Part(
            f"{side}Leg", f"{side} shank", (-14 * u, 0, -0.3 * shank), 0, (30 * u, 30 * u),
            (1, 1, 2.2), shin, shin,
        ),
    ]  # fmt: skip
    return [*arm, *leg, *shoe]


def _with_soles(motion):
    """Segment frames, with frames for the soles whose up axis points forward."""
    frames = dict(motion.frames)
    for side in ("Left", "Right"):
        for name in ("foot", "toes"):
            forward, left, up = np.moveaxis(frames[f"{side} {name}"], -1, 0)
            frames[f"{side} {name} sole"] = np.stack([-up, left, forward], axis=-1)
    return frames


def solids(body, motion, camera):
    """Place the parts in camera coordinates for every frame.

    Parameters
    ----------
    body : Body
    motion : Motion
    camera : Camera

    Returns
    -------
    begin : (F, P, 3) array, mm, centres of the first spheres
    axes : (F, P, 3, 3) array, columns are the solids' forward, left and up axes
    """
    frames = _with_soles(motion)
    begin, axes = [], []
    for part in parts(body):
        turned = frames[part.frame]
        begin.append(
            (motion.joints[:, JOINT[part.joint]] + turned @ np.array(part.offset) - camera.T) @ camera.R.T
        )
        axes.append(camera.R @ turned)
    return np.stack(begin, axis=1), np.stack(axes, axis=1)
