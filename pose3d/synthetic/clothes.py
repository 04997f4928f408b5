"""Clothes, hair and skin of a person: gray of each vertex, and how far cloth stands off the skin."""

import functools
from dataclasses import dataclass

import numpy as np

from pose3d.synthetic.body import BONES, population

PARTS = {
    "head": ("Head", "Neck", "Neck1"),
    "arm": ("LeftArm", "LeftForeArm", "RightArm", "RightForeArm"),
    "leg": ("LeftUpLeg", "LeftLeg", "RightUpLeg", "RightLeg"),
    "hand": (
        "LeftHand", "LThumb", "LeftFingerBase", "LeftHandFinger1", "RightHand", "RThumb", "RightFingerBase",
        "RightHandFinger1",
    ),
    "foot": ("LeftFoot", "LeftToeBase", "RightFoot", "RightToeBase"),
    "trunk": (
        "Hips", "LHipJoint", "RHipJoint", "LowerBack", "Spine", "Spine1", "LeftShoulder", "RightShoulder"
    ),
}  # fmt: skip
_LIMBS = (("{}Arm", "{}ForeArm", "{}Hand"), ("{}UpLeg", "{}Leg", "{}Foot"))
_WAVES = 3  # plane waves of a field, and as many of half the length
_FIELDS = 120


@dataclass(frozen=True)
class Clothes:
    """What a person wears."""

    albedo: np.ndarray  # (V,), float32, share of the light that is reflected
    offsets: np.ndarray  # (V,), float32, mm from the skin
    folds: np.ndarray  # (V,), bool, where cloth may fold
    skirt: bool  # whether the body's skirt is worn


class Wardrobe:
    """Dresses people; what depends on the mesh of a body of average build alone is computed once."""

    def __init__(self, body):
        bone = body.bones[np.arange(len(body.bones)), body.weights.argmax(axis=1)]
        self._on = {name: np.isin(bone, [BONES.index(b) for b in bones]) for name, bones in PARTS.items()}
        self._skirt = np.arange(len(bone)) >= body.n_body_vertices
        self._along = np.zeros(len(bone))  # from 0 to 1 along the upper half of a limb, to 2 along the lower
        for joints in _LIMBS:
            for side in ("Left", "Right"):
                numbers = [BONES.index(joint.format(side)) for joint in joints]
                for half, (start, end) in enumerate(zip(numbers[:-1], numbers[1:], strict=True)):
                    axis = body.heads[end] - body.heads[start]
                    share = (body.vertices - body.heads[start]) @ axis / (axis @ axis)
                    self._along = np.where(bone == start, half + np.clip(share, 0, 1), self._along)
        rng = np.random.default_rng(0)
        self._lengths = np.sort(np.exp(rng.uniform(np.log(30), np.log(350), _FIELDS)))
        self._fields = [_waves(body.vertices, length, rng) for length in self._lengths]

    def field(self, length, rng):
        """A smooth random field (V,), float32, on the body's surface, about -1 to 1; waves of `length` mm."""
        number = np.searchsorted(self._lengths, length) + rng.integers(-4, 5)
        return self._fields[min(max(number, 0), _FIELDS - 1)]

    def dress(self, body, rng, may_wear_skirt=True):
        """Draw the clothes of a person. A skirt does not follow the legs of people who sit."""
        chance, uniform = (lambda share: rng.random() < share), rng.uniform
        on, along = self._on, self._along
        x, y, z = body.vertices.T
        size = body.scale
        skirt = bool(may_wear_skirt and body.is_female and chance(0.12))

        waist = body.heads[0, 2] + size * (uniform(-60, 110) if chance(0.85) else uniform(-200, -60))
        sleeve = rng.choice([0.02, uniform(0.3, 0.75), uniform(0.3, 0.75), uniform(0.8, 1.6), 1.97])
        length = rng.choice([uniform(0.25, 0.8), uniform(0.7, 1.5), 1.97, 1.97, 1.93])
        neckline = uniform(0, 90) * (1 if chance(0.7) else 1.8)
        top, bottom = self._covered(body, waist, sleeve, length, neckline)
        shirt, trousers, shoes = _gray(rng), _gray(rng, dark=True), _gray(rng, dark=True)
        albedo = np.full(len(x), uniform(0.28, 0.85))
        albedo[top], albedo[bottom], albedo[self._skirt] = shirt, trousers, trousers if chance(0.6) else shirt
        offsets = np.zeros(len(x))
        thick = 1.8 if chance(0.15) else 1.0  # of who is dressed for the cold
        for cloth, loose in ((top, 24 * thick), (bottom, 27 * thick)):
            offsets[cloth] = 3 + uniform(0, loose) * (1 + 0.6 * self.field(250, rng)[cloth])
        offsets[self._skirt] = uniform(-8, 10)
        if chance(0.12):  # gloves
            offsets[on["hand"]], albedo[on["hand"]] = uniform(2, 6), _gray(rng, dark=True)
        if chance(0.85):
            offsets[on["foot"]], albedo[on["foot"]] = uniform(3, 12), shoes
            if chance(0.4):  # socks or boots
                albedo[on["leg"] & (along > uniform(1.6, 1.95)) & ~bottom] = (
                    _gray(rng) if chance(0.6) else shoes
                )
        for cloth in (top, bottom | self._skirt):
            self._pattern(albedo, cloth, body, rng)
        for side in (1, -1):  # a print on the chest or the back, which must not tell one from the other
            if chance(0.2):
                place = uniform(-40, 40), body.landmarks["neck"][2] - uniform(120, 300)
                near = (y - place[0]) ** 2 + (z - place[1]) ** 2 < uniform(40, 130) ** 2
                printed = self.field(uniform(30, 90), rng) > uniform(-2, 0.3)  # all of it, or as letters are
                albedo[top & (side * x > 0) & near & printed] = _gray(rng)
        if chance(0.12):  # an open jacket
            albedo[top & (x > 0) & (abs(y) < uniform(30, 90))] = _gray(rng)
        if chance(0.15):  # a belt
            albedo[on["trunk"] & (abs(z - waist) < 22)] = _gray(rng, dark=True)
        self._head(albedo, offsets, body, rng)
        self._headgear(albedo, offsets, body, rng)
        albedo *= 1 + uniform(0, 0.12) * self.field(35, rng)
        return self._worn(albedo, offsets, skirt)

    def plain(self, body, shirt, trousers, rng):
        """A T-shirt and long trousers of plain gray; `rng` draws the hair."""
        top, bottom = self._covered(body, body.heads[0, 2] + 60 * body.scale, 0.5, 1.97, 30)
        albedo, offsets = np.full(len(self._along), 0.55), np.zeros(len(self._along))
        for cloth, gray in ((top, shirt), (bottom, trousers), (self._on["foot"], 0.1)):
            albedo[cloth], offsets[cloth] = gray, 8
        self._head(albedo, offsets, body, rng)
        return self._worn(albedo, offsets, skirt=False)

    def _worn(self, albedo, offsets, skirt):
        folds = (offsets > 2.9) & ~self._on["head"]
        return Clothes(np.clip(albedo, 0.015, 1).astype(np.float32), offsets.astype(np.float32), folds, skirt)

    def _covered(self, body, waist, sleeve, length, neckline):
        """What a top and a bottom cover, (V,) bool: waist, shares of arm and leg, and mm below the neck."""
        on, (x, y, z) = self._on, body.vertices.T
        bare = (x > 0) & (z > body.landmarks["neck"][2] - neckline) & (abs(y) < 70 + 0.3 * neckline)
        top = (on["trunk"] & ~bare | on["leg"]) & (z > waist) | on["arm"] & (self._along < sleeve)
        return top, (z <= waist) & (on["trunk"] | on["leg"] & (self._along < length))

    def _pattern(self, albedo, cloth, body, rng):
        """Stripes, spots or patches on some clothes."""
        kind = rng.random()
        if kind < 0.18:
            across = body.vertices[:, 2 if rng.random() < 0.6 else 1]
            stripe = np.sin(2 * np.pi * across / rng.uniform(30, 160)) > rng.uniform(-0.5, 0.5)
            albedo[cloth & stripe] = _gray(rng)
        elif kind < 0.45:
            albedo[cloth] *= np.clip(
                1 + rng.uniform(0.1, 0.6) * self.field(rng.uniform(40, 300), rng)[cloth], 0.2, 2
            )
        elif kind < 0.55:
            patch = self.field(rng.uniform(80, 350), rng) > rng.uniform(-0.3, 0.6)
            albedo[cloth & patch] = _gray(rng)

    def _head(self, albedo, offsets, body, rng):
        """Hair or what covers it, sometimes a beard, and eyes."""
        eyes = body.landmarks["eyes"]
        head, (x, _, z) = self._on["head"], body.vertices.T
        behind = eyes[0] - rng.uniform(70, 110)
        scalp = functools.partial(self._scalp, body, behind)
        if rng.random() > 0.06:
            long = rng.uniform(0, 130) if body.is_female and rng.random() < 0.5 else 0
            low = body.landmarks["mouth"][2] + rng.uniform(-30, 50) - long
            hair = scalp(rng.uniform(30, 65), low)
            albedo[hair] = (0.03 + 0.5 * rng.random() ** 2) * (1 + 0.25 * self.field(60, rng)[hair])
            offsets[hair] = rng.uniform(4, 14) + (rng.uniform(0, 25) if rng.random() < 0.3 else 0)
        if not body.is_female and rng.random() < 0.2:
            albedo[head & (abs(z - body.landmarks["mouth"][2] + 24) < 36) & (x > behind)] *= rng.uniform(
                0.35, 0.8
            )
        albedo[head & (abs(z - eyes[2]) < 10) & (x > eyes[0] - 25)] *= rng.uniform(0.4, 0.8)
        if rng.random() < 0.15:  # a cap, a hood or a helmet
            low = body.landmarks["mouth"][2] + rng.uniform(-60, 50)
            covered = scalp(rng.uniform(15, 60), low)
            albedo[covered], offsets[covered] = _gray(rng), rng.uniform(5, 30)

    def _headgear(self, albedo, offsets, body, rng):
        """Glasses or goggles, and helmets with holes, stripes and bars."""
        eyes, (x, _, z) = body.landmarks["eyes"], body.vertices.T
        if rng.random() < 0.15:
            worn = self._on["head"] & (abs(z - eyes[2]) < rng.uniform(8, 30))
            worn &= x > eyes[0] - rng.uniform(25, 90)
            albedo[worn], offsets[worn] = _gray(rng), rng.uniform(0, 12)
        if rng.random() < 0.1:
            low = body.landmarks["mouth"][2] + rng.uniform(-60, 50)
            covered = self._scalp(body, eyes[0] - rng.uniform(30, 110), rng.uniform(15, 60), low)
            albedo[covered], offsets[covered] = _gray(rng), rng.uniform(5, 35)
            self._pattern(albedo, covered, body, rng)

    def _scalp(self, body, behind, above, low):
        """The head higher above the eyes, mm, or behind a place and above a height: (V,) bool."""
        x, _, z = body.vertices.T
        return self._on["head"] & ((z > body.landmarks["eyes"][2] + above) | (x < behind) & (z > low))


@functools.cache
def wardrobe():
    """The `Wardrobe` of this process."""
    return Wardrobe(population().average)


def _gray(rng, dark=False):
    return 0.03 + 0.9 * rng.random() ** (1.6 if dark else 1.0)


def _waves(places, length, rng):
    """Field (V,) at (V, 3) places in mm, of waves of a length in mm."""
    wave = rng.normal(0, np.pi / length, (3, 2 * _WAVES)) * np.repeat([1, 2], _WAVES)
    phases = rng.uniform(0, 2 * np.pi, 2 * _WAVES)
    weights = np.repeat([1, 0.67], _WAVES) / _WAVES
    return np.sin(places @ wave.astype(np.float32) + phases.astype(np.float32)) @ weights.astype(np.float32)
