"""Bodies and clothes of the seven subjects: the same in all takes, as in Human3.6M."""

from dataclasses import dataclass

import numpy as np

from pose3d.synthetic.body import Body, population
from pose3d.synthetic.clothes import PARTS, wardrobe

# Of the population: of different build, of the sexes of Human3.6M's subjects, and each of the group that
# `people` calls by its name. Women of 1650, 1600 and 1690 mm, men of 1820, 1880, 1690 and 1790 mm; S7 and S9
# are stout, S5 is slim.
_NUMBERS = {"S1": 133, "S5": 36, "S6": 25, "S7": 82, "S8": 180, "S9": 317, "S11": 369}
# Gray of their shirts and trousers; S11 is in between: six bodies cannot teach all clothes.
_CLOTHES = {
    "S1": (0.6, 0.22), "S5": (0.48, 0.3), "S6": (0.68, 0.16), "S7": (0.5, 0.38), "S8": (0.64, 0.34),
    "S9": (0.45, 0.13), "S11": (0.57, 0.26),
}  # fmt: skip
_SKIN, _HAIR = (1.32, 0.9, 0.68), (1.25, 0.95, 0.7)  # red, green and blue of gray 1
_TINT = 0.15  # sd of the channels of cloth
_GRAY = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Appearance:
    """How a subject looks."""

    body: Body
    colours: np.ndarray  # (V, 3), float32, share of red, green and blue that each vertex of the body reflects
    offsets: np.ndarray  # (V,), float32, mm, of the clothes from the skin


def body_of(subject):
    """`Body` of a subject."""
    return population().body(_NUMBERS[subject])


def appearance(subject):
    """A subject's body in plain clothes."""
    body, rng = body_of(subject), np.random.default_rng(_NUMBERS[subject])
    clothes = wardrobe().plain(body, *_CLOTHES[subject], rng)
    colours = clothes.albedo[:, None] * _tints(body, clothes, rng)
    return Appearance(body, colours.astype(np.float32), clothes.offsets)


def _tints(body, clothes, rng):
    """(V, 3) colours of gray 1, of skin, hair, shirt, trousers and shoes."""
    shirt, trousers, shoes = np.exp(rng.normal(0, _TINT, (3, 3)))
    dressed = clothes.offsets > 0
    below = body.on(PARTS["leg"]) | (body.vertices[:, 2] < body.landmarks["Hips"][2])
    part = np.select([~dressed, body.on(PARTS["head"]), body.on(PARTS["foot"]), below], [0, 1, 4, 3], 2)
    tints = np.array([_SKIN, _HAIR, shirt, trousers, shoes])
    return (tints / (tints @ _GRAY)[:, None])[part]
