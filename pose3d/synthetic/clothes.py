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
_TUBES = {"arm": (42, 75), "leg": (70, 125)}  # mm, radii of straight sleeves and legs of trousers
_WAVES = 3  # plane waves of a field, and as many of half the length
_FIELDS = 120


@dataclass(frozen=True)
class Clothes:
    """What a person wears."""

    albedo: np.ndarray  # (V,), float32, share of the light that is reflected
    offsets: np.ndarray  # (V,), float32, mm from the skin
    folds: np.ndarray  # (V,), bool, where cloth may fold
    skirt: bool  # whether the body's skirt is worn


@dataclass(frozen=True)
class Head:
    """Ranges that hair and eyes are drawn from."""

    nape: tuple  # mm above the mouth
    hairline: tuple  # mm above the eyes
    gray: tuple  # darkest, range, and exponent of a share of it: the larger, the more are dark
    volume: tuple  # mm
    eyes: tuple  # shares of the skin's gray


_WALKERS = Head((-30, 50), (30, 65), (0.03, 0.5, 2), (4, 14), (0.4, 0.8))
# From afar a face is a bright, smooth spot below dark hair, and a head from behind is dark to the collar.
_PEOPLE = Head((-75, 15), (35, 85), (0.02, 0.6, 4), (4, 25), (0.5, 1))


class Wardrobe:
    """Dresses people; what depends on the mesh of a body of average build alone is computed once."""

    def __init__(self, body):
        self._body = body
        bone = body.bones[np.arange(len(body.bones)), body.weights.argmax(axis=1)]
        self._on = {name: np.isin(bone, [BONES.index(b) for b in bones]) for name, bones in PARTS.items()}
        self._skirt = np.arange(len(bone)) >= body.n_body_vertices
        self._along = np.zeros(len(bone))  # from 0 to 1 along the upper half of a limb, to 2 along the lower
        self._radius = np.zeros(len(bone))  # mm from the bone of a limb
        for joints in _LIMBS:
            for side in ("Left", "Right"):
                numbers = [BONES.index(joint.format(side)) for joint in joints]
                for half, (start, end) in enumerate(zip(numbers[:-1], numbers[1:], strict=True)):
                    axis = body.heads[end] - body.heads[start]
                    there = bone == start
                    places = body.vertices[there] - body.heads[start]
                    share = places @ axis / (axis @ axis)
                    self._along[there] = half + np.clip(share, 0, 1)
                    self._radius[there] = np.linalg.norm(places - share[:, None] * axis, axis=1)
        rng = np.random.default_rng(0)
        self._lengths = np.sort(np.exp(rng.uniform(np.log(30), np.log(350), _FIELDS)))
        self._fields = [_waves(body.vertices, length, rng) for length in self._lengths]

    @functools.cached_property
    def _relief(self):
        """Of what clothes cover, and of the head: (V,), mm. The walkers' plain clothes do without."""
        covered = self._on["trunk"] | self._on["arm"] | self._on["leg"]
        return _relief(self._body, covered, 240) + _relief(self._body, self._on["head"], 60)

    def field(self, length, rng):
        """A smooth random field (V,), float32, on the body's surface, about -1 to 1; waves of `length` mm."""
        number = np.searchsorted(self._lengths, length) + rng.integers(-4, 5)
        return self._fields[min(max(number, 0), _FIELDS - 1)]

    def dress(self, body, rng, may_wear_skirt=True):
        """Draw the clothes of a person. A skirt does not follow the legs of people who sit."""
        chance, uniform = (lambda share: rng.random() < share), rng.uniform
        on, along = self._on, self._along
        x, y, z = body.vertices.T
        skirt = bool(may_wear_skirt and body.is_female and chance(0.12))

        waist = body.heads[0, 2] + body.scale * (uniform(-60, 110) if chance(0.85) else uniform(-200, -60))
        sleeves = [0.02, uniform(0.3, 0.75), uniform(0.3, 0.75), uniform(0.8, 1.6)]
        sleeve = rng.choice([*sleeves, 1.97, 1.97, 1.97])
        length = rng.choice([uniform(0.25, 0.8), uniform(0.7, 1.5), 1.97, 1.97, 1.97, 1.93])
        neckline = uniform(0, 90) * (1 if chance(0.7) else 1.8)
        top, bottom = self._covered(body, waist, sleeve, length, neckline)
        collar = np.zeros_like(top)
        if chance(0.6):  # higher behind than in front
            collar = on["head"] & (z < body.landmarks["mouth"][2] - uniform(20, 80) - uniform(0, 0.6) * x)
            top |= collar | on["trunk"] & (z > body.landmarks["neck"][2] - 90)
        shirt, trousers, shoes = _gray(rng), _gray(rng, dark=True), _gray(rng, dark=True)
        if chance(0.3):  # in black from head to foot
            shirt, trousers = 0.015 + 0.2 * rng.random(2) ** 1.5
        albedo = np.full(len(x), 0.85 - 0.6 * rng.random() ** 1.6)
        albedo[top], albedo[bottom], albedo[self._skirt] = shirt, trousers, trousers if chance(0.6) else shirt
        offsets = uniform(0, 1) * self._relief * on["head"]  # few faces have features as sharp as the mesh's
        thick = 1.8 if chance(0.15) else 1.0  # of who is dressed for the cold
        for cloth, limb, loose in ((top, "arm", 24 * thick), (bottom, "leg", 27 * thick)):
            offsets[cloth] = self._ease(body, limb, loose, rng)[cloth]
        offsets[collar] = uniform(5, 40)
        if chance(0.15):
            offsets[top] += self._hood(body, rng)[top]
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
        self._head(albedo, offsets, body, _PEOPLE, rng)
        self._headgear(albedo, offsets, body, rng)
        albedo *= 1 + uniform(0, 0.12) * self.field(35, rng)
        return self._worn(albedo, offsets, skirt)

    def plain(self, body, shirt, trousers, rng):
        """A T-shirt and long trousers of plain gray; `rng` draws the hair."""
        top, bottom = self._covered(body, body.heads[0, 2] + 60 * body.scale, 0.5, 1.97, 30)
        albedo, offsets = np.full(len(self._along), 0.55), np.zeros(len(self._along))
        for cloth, gray in ((top, shirt), (bottom, trousers), (self._on["foot"], 0.1)):
            albedo[cloth], offsets[cloth] = gray, 8
        self._head(albedo, offsets, body, _WALKERS, rng)
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

    def _ease(self, body, limb, loose, rng):
        """How far a garment stands off, (V,), mm: it hides the body's relief, straight sleeves a limb's."""
        ease = 3 + rng.uniform(0, loose) * (1 + 0.6 * self.field(250, rng))
        ease = np.maximum(ease + rng.uniform(0, 2.5) * self._relief, 3)
        if rng.random() < 0.4:
            return ease
        wide = rng.uniform(*_TUBES[limb]) * body.scale + rng.uniform(-10, 25) * (self._along - 1)
        tube = np.minimum(wide - self._radius, 60)
        return np.where(self._on[limb] & (self._along > 0.25), np.maximum(ease, tube), ease)

    def _hood(self, body, rng):
        """How far a hood between the shoulders stands off, (V,), mm."""
        (x, y, z), neck = body.vertices.T, body.landmarks["neck"]
        hood = np.exp(-((y / 90) ** 2) - ((z - neck[2] - rng.uniform(-40, 30)) / 60) ** 2)
        return rng.uniform(20, 60) * hood * (x < neck[0])

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

    def _head(self, albedo, offsets, body, ranges, rng):
        """Hair or what covers it, sometimes a beard, and eyes."""
        eyes = body.landmarks["eyes"]
        head, (x, _, z) = self._on["head"], body.vertices.T
        behind = eyes[0] - rng.uniform(70, 110)
        scalp = functools.partial(self._scalp, body, behind)
        if rng.random() > 0.06:
            long = rng.uniform(0, 130) if body.is_female and rng.random() < 0.5 else 0
            low = body.landmarks["mouth"][2] + rng.uniform(*ranges.nape) - long
            hair = scalp(rng.uniform(*ranges.hairline), low)
            darkest, more, exponent = ranges.gray
            gray = darkest + more * rng.random() ** exponent
            albedo[hair] = gray * (1 + 0.25 * self.field(60, rng)[hair])
            offsets[hair] = rng.uniform(*ranges.volume) + (rng.uniform(0, 25) if rng.random() < 0.3 else 0)
        if not body.is_female and rng.random() < 0.2:
            albedo[head & (abs(z - body.landmarks["mouth"][2] + 24) < 36) & (x > behind)] *= rng.uniform(
                0.35, 0.8
            )
        albedo[head & (abs(z - eyes[2]) < 10) & (x > eyes[0] - 25)] *= rng.uniform(*ranges.eyes)
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


def _relief(body, where, steps):
    """How far a body lies below its smoothed surface, (V,), mm, `where` (V,), 0 elsewhere.

    Smoothed without shrinking: G. Taubin, "A signal processing approach to fair surface design", 1995.
    """
    starts, ends = np.concatenate([body.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]).T
    degrees = np.maximum(np.bincount(starts, minlength=len(body.vertices)), 1)
    at = body.vertices.astype(np.float64).T
    for step in range(steps):
        means = np.stack([np.bincount(starts, axis[ends], len(axis)) for axis in at]) / degrees
        at = at + (0.6 if step % 2 == 0 else -0.61) * where * (means - at)
    return ((at.T - body.vertices) * body.normals).sum(axis=1)


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
