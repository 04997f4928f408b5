"""Bodies and clothes of the seven walkers."""

from dataclasses import dataclass

import numpy as np

# Segment lengths as shares of the stature, after Winter (Biomechanics and Motor Control of Human
# Movement, table 4.1). Trunk, neck and head are divided as in Human3.6M's motion capture.
_SHARES = {
    "hip": 0.074,  # pelvis to hip joint, sideways
    "thigh": 0.245,
    "shank": 0.246,
    "ankle": 0.041,  # height of the ankle over the sole
    "heel": 0.027,  # ankle to back of the heel
    "ball": 0.086,  # ankle to ball of the foot
    "toe": 0.034,  # ball to tip
    "spine": 0.133,
    "chest": 0.147,
    "neck": 0.069,
    "head": 0.066,
    "shoulder": 0.087,  # base of the neck to shoulder joint, sideways
    "upper arm": 0.172,
    "forearm": 0.146,
    "hand": 0.060,
}
_LEG = ("thigh", "shank")
_ARM = ("upper arm", "forearm", "hand")
_TRUNK = ("spine", "chest")


@dataclass(frozen=True)
class Body:
    """Body of one walker.

    Attributes
    ----------
    stature : float, mm
    leg, trunk, arm, hips, shoulders : float, factors of the average lengths
    girth, belly : float, factors of the average thickness, and of the depth of the waist
    skin, hair, shirt, accent, trousers, shoes : (red, green, blue) in 0..1
    pattern : ``"emblem"``, ``"stripes"`` or ``"jacket"``: pattern of `accent` on the shirt
    long_sleeves : bool
    bare_arms, bare_legs : bool, a vest without sleeves; shorts
    """

    stature: float
    leg: float
    trunk: float
    arm: float
    hips: float
    shoulders: float
    girth: float
    belly: float
    skin: tuple
    hair: tuple
    shirt: tuple
    accent: tuple
    trousers: tuple
    shoes: tuple
    pattern: str
    long_sleeves: bool
    bare_arms: bool = False
    bare_legs: bool = False

    def length(self, segment):
        """Length of a segment, mm."""
        factor = 1.0
        if segment in _LEG:
            factor = self.leg
        elif segment in _ARM:
            factor = self.arm
        elif segment in _TRUNK:
            factor = self.trunk
        elif segment == "hip":
            factor = self.hips
        elif segment == "shoulder":
            factor = self.shoulders
        return self.stature * _SHARES[segment] * factor

    def along(self, segment, axis):
        """``length * axis`` as a (3,) vector in a segment's frame (forward, left, up), mm."""
        return self.length(segment) * np.asarray(axis, float)


_FAIR, _TAN, _BROWN = (0.86, 0.68, 0.58), (0.74, 0.55, 0.43), (0.55, 0.39, 0.30)
_BLACK, _DARK, _CHESTNUT, _BLOND = (0.09, 0.08, 0.08), (0.2, 0.15, 0.11), (0.3, 0.2, 0.14), (0.42, 0.33, 0.2)

# The test subject S11 lies within the range of the others and equals none of them.
BODIES = {
    "S1": Body(
        1640, 0.99, 1.00, 0.98, 1.04, 0.95, 0.97, 1.00, _FAIR, _CHESTNUT,
        (0.25, 0.40, 0.62), (0.85, 0.85, 0.80), (0.30, 0.28, 0.30), (0.15, 0.12, 0.12), "emblem", False,
    ),
    "S5": Body(
        1590, 1.01, 0.98, 1.00, 1.08, 0.93, 0.92, 0.95, _TAN, _DARK,
        (0.62, 0.30, 0.34), (0.90, 0.80, 0.75), (0.24, 0.27, 0.38), (0.60, 0.58, 0.55), "stripes", False,
    ),
    "S6": Body(
        1830, 1.02, 0.99, 1.02, 0.98, 1.05, 1.02, 1.00, _FAIR, _DARK,
        (0.30, 0.32, 0.30), (0.80, 0.78, 0.70), (0.42, 0.38, 0.30), (0.22, 0.17, 0.13), "jacket", True,
    ),
    "S7": Body(
        1760, 0.98, 1.02, 1.00, 1.00, 1.00, 1.12, 1.18, _BROWN, _BLACK,
        (0.42, 0.48, 0.36), (0.88, 0.86, 0.60), (0.18, 0.20, 0.26), (0.35, 0.30, 0.28), "emblem", True,
    ),
    "S8": Body(
        1900, 1.00, 1.01, 1.03, 0.97, 1.07, 1.06, 1.05, _TAN, _BLOND,
        (0.36, 0.28, 0.42), (0.74, 0.76, 0.82), (0.34, 0.36, 0.40), (0.48, 0.44, 0.40), "jacket", False,
    ),
    "S9": Body(
        1710, 1.00, 1.00, 0.97, 1.02, 1.02, 1.08, 1.10, _FAIR, _BLACK,
        (0.50, 0.46, 0.40), (0.22, 0.22, 0.28), (0.26, 0.22, 0.20), (0.12, 0.12, 0.14), "stripes", True,
    ),
    "S11": Body(
        1780, 1.00, 1.00, 1.01, 1.01, 1.01, 1.03, 1.04, _TAN, _CHESTNUT,
        (0.34, 0.44, 0.46), (0.82, 0.78, 0.72), (0.28, 0.27, 0.33), (0.28, 0.22, 0.20), "emblem", False,
    ),
}  # fmt: skip
