"""What may change from take to take, as people change between recordings: drawn by the take's generator."""

from dataclasses import dataclass, replace

from pose3d.synthetic.walker_bodies import Body

KINDS = ("clothes", "girth", "light", "masks", "bodies")
_HAIR = ((0.09, 0.08, 0.08), (0.2, 0.15, 0.11), (0.3, 0.2, 0.14), (0.42, 0.33, 0.2), (0.6, 0.58, 0.55))


@dataclass(frozen=True)
class Appearance:
    """How a take looks.

    Attributes
    ----------
    body : Body
    lamps : (4,) floats, factors of the lamps' strengths
    mask_noise : float, factor of the masks' noise
    """

    body: Body
    lamps: tuple = (1.0, 1.0, 1.0, 1.0)
    mask_noise: float = 1.0


def appearance(body, kinds, rng):
    """Draw a take's appearance.

    Parameters
    ----------
    body : Body, of the subject
    kinds : iterable of `KINDS`, what varies: ``clothes`` also hair, bare arms and bare legs; ``bodies`` also
        the lengths of the bones, as if each take were another person's
    rng : numpy Generator

    Returns
    -------
    Appearance
    """
    found = Appearance(body)
    # Every kind draws from a stream of its own, so that one more kind changes nothing of the others.
    for kind, stream in zip(KINDS, rng.spawn(len(KINDS)), strict=True):
        if kind in kinds:
            found = _DRAW[kind](found, stream)
    return found


def _clothes(found, rng):
    def colour(low, high):
        return tuple(rng.uniform(low, high) * rng.uniform(0.85, 1.15, 3))

    sleeves = rng.choice(("long", "short", "none"))
    body = replace(
        found.body,
        hair=_HAIR[rng.integers(len(_HAIR))],
        shirt=colour(0.15, 0.8),
        accent=colour(0.15, 0.85),
        trousers=colour(0.1, 0.65),
        shoes=colour(0.1, 0.7),
        pattern=str(rng.choice(("emblem", "stripes", "jacket"))),
        long_sleeves=bool(sleeves == "long"),
        bare_arms=bool(sleeves == "none"),
        bare_legs=bool(rng.random() < 0.4),
    )
    return replace(found, body=body)


def _girth(found, rng):
    body = found.body
    body = replace(body, girth=body.girth * rng.uniform(0.92, 1.1), belly=body.belly * rng.uniform(0.92, 1.1))
    return replace(found, body=body)


def _light(found, rng):
    return replace(found, lamps=tuple(rng.uniform(0.5, 1.5, len(found.lamps))))


def _masks(found, rng):
    return replace(found, mask_noise=rng.uniform(0.5, 1.6))


def _bodies(found, rng):
    parts = ("leg", "trunk", "arm", "hips", "shoulders")
    spread = dict(zip(parts, rng.uniform(0.95, 1.06, len(parts)), strict=True))
    body = replace(found.body, stature=rng.uniform(1560, 1930), girth=rng.uniform(0.9, 1.15), **spread)
    return replace(found, body=body)


_DRAW = {"clothes": _clothes, "girth": _girth, "light": _light, "masks": _masks, "bodies": _bodies}
