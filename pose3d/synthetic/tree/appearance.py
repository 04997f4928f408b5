"""Bodies, clothes and light of the takes: fixed for each subject, or varied from take to take."""

from dataclasses import dataclass

import numpy as np

from pose3d.synthetic.body import BONES, Body, population
from pose3d.synthetic.clothes import PARTS, wardrobe

KINDS = ("clothes", "girth", "light", "masks", "bodies")
# Of the population: of different build, of the sexes of Human3.6M's subjects, and each of the group that
# `people` calls by its name. Women of 1650, 1600 and 1690 mm, men of 1820, 1880, 1690 and 1790 mm; S7 and S9
# are stout, S5 is slim.
_NUMBERS = {"S1": 133, "S5": 36, "S6": 25, "S7": 82, "S8": 180, "S9": 317, "S11": 369}
# Gray of their shirts and trousers; S11 is in between: six bodies cannot teach all clothes.
_CLOTHES = {
    "S1": (0.6, 0.22), "S5": (0.48, 0.3), "S6": (0.68, 0.16), "S7": (0.5, 0.38), "S8": (0.64, 0.34),
    "S9": (0.45, 0.13), "S11": (0.57, 0.26),
}  # fmt: skip
_GIRTH = (-6.0, 22.0)  # mm under the clothes
_ENDS = ("Head", "Neck", "Hand", "Finger", "Thumb", "Foot", "Toe")  # bones whose skin has no more girth
_SKIN, _HAIR = (1.32, 0.9, 0.68), (1.25, 0.95, 0.7)  # red, green and blue of gray 1
_TINT = 0.15  # sd of the channels of cloth
_GRAY = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Appearance:
    """How a take looks."""

    body: Body
    colours: np.ndarray  # (V, 3), float32, share of red, green and blue that each vertex of the body reflects
    offsets: np.ndarray  # (V,), float32, mm, of the clothes from the skin
    lamps: tuple  # (4,), factors of the lamps' strengths
    mask_noise: float  # factor of the masks' noise


def body_of(subject):
    """`Body` of a subject."""
    return population().body(_NUMBERS[subject])


def appearance(subject, kinds, rng):
    """Draw a take's appearance, with what varies: some of `KINDS`.

    ``clothes`` also varies hair and skin; ``bodies`` also the lengths of the bones, as if each take were
    another person's.
    """
    # Every kind draws from a stream of its own, so that one more kind changes nothing of the others.
    streams = {
        kind: stream for kind, stream in zip(KINDS, rng.spawn(len(KINDS)), strict=True) if kind in kinds
    }
    body = body_of(subject)
    if "bodies" in streams:
        body = population().body(streams["bodies"].integers(len(population())))
    if "clothes" in streams:
        stream = streams["clothes"]
        clothes = wardrobe().dress(body, stream, may_wear_skirt=False)
    else:
        stream = np.random.default_rng(_NUMBERS[subject])
        clothes = wardrobe().plain(body, *_CLOTHES[subject], stream)
    colours, offsets = clothes.albedo[:, None] * _tints(body, clothes, stream), clothes.offsets
    if "girth" in streams:
        thick = ~body.on([bone for bone in BONES if any(part in bone for part in _ENDS)])
        offsets = offsets + np.float32(streams["girth"].uniform(*_GIRTH)) * thick
    lamps = streams["light"].uniform(0.5, 1.5, 4) if "light" in streams else np.ones(4)
    noise = streams["masks"].uniform(0.5, 1.6) if "masks" in streams else 1.0
    return Appearance(body, colours.astype(np.float32), offsets, tuple(lamps), noise)


def _tints(body, clothes, rng):
    """(V, 3) colours of gray 1, of skin, hair, shirt, trousers and shoes."""
    shirt, trousers, shoes = np.exp(rng.normal(0, _TINT, (3, 3)))
    dressed = clothes.offsets > 0
    below = body.on(PARTS["leg"]) | (body.vertices[:, 2] < body.landmarks["Hips"][2])
    part = np.select([~dressed, body.on(PARTS["head"]), body.on(PARTS["foot"]), below], [0, 1, 4, 3], 2)
    tints = np.array([_SKIN, _HAIR, shirt, trousers, shoes])
    return (tints / (tints @ _GRAY)[:, None])[part]
