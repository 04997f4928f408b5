"""Pairs of arms, drawn at random: where the hands are, and where the elbows point."""

import numpy as np

from pose3d.synthetic.anatomy import Reach

# Places of the wrist: (low, high) of forward, outward, up from the shoulder in lengths of the arm, in the
# frame named ("to": only the direction, the last pair is the distance), and of the elbow's direction.
_DOWN, _ANY, _OUT = (
    ((-1, -0.1), (0.1, 0.9), (-1, 0.2)),
    ((-1, 0.5), (0.1, 1), (-1, 0.3)),
    ((-1, 0), (0.2, 1), (-0.6, 0)),
)
_PLACES = {
    "hang": ("chest", (-0.3, 0.4), (0.02, 0.4), (-1, -0.88), ((-1, -0.3), (0.1, 0.7), (-0.3, 0.3))),
    "swing": ("chest", (-0.03, 0.05), (0.05, 0.2), (-0.98, -0.82), ((-1, -0.8), (0.1, 0.4), (-0.2, 0.2))),
    "pocket": ("chest", (-0.02, 0.15), (-0.02, 0.14), (-0.95, -0.8), ((-1, -0.2), (0.4, 1), (-0.3, 0.3))),
    "hip": ("chest", (-0.12, 0.15), (0.0, 0.16), (-0.8, -0.6), ((-0.6, 0.1), (1, 1), (-0.3, 0.3))),
    "front": ("chest", (0.3, 0.85), (-0.5, 0.35), (-0.55, 0.25), _DOWN),
    "belly": ("chest", (0.25, 0.5), (-0.4, -0.1), (-0.6, -0.25), _DOWN),
    "cross": ("chest", (0.27, 0.42), (-0.55, -0.35), (-0.4, -0.2), _DOWN),
    "mouth": ("chest", (0.25, 0.42), (-0.4, -0.2), (0.1, 0.3), ((-0.2, 0.5), (0.2, 1.2), (-1, 0.1))),
    "ear": ("chest", (0.02, 0.2), (-0.17, -0.02), (0.16, 0.36), ((-0.2, 0.5), (0.2, 1.2), (-1, 0.1))),
    "eyes": ("chest", (0.27, 0.55), (-0.35, -0.05), (0.2, 0.45), ((-0.2, 0.5), (0.2, 1.2), (-1, 0.1))),
    "crown": ("chest", (-0.15, 0.2), (-0.4, -0.05), (0.42, 0.62), ((-0.1, 0.8), (1, 1), (-0.6, 0.3))),
    "back": ("chest", (-0.38, -0.22), (-0.35, -0.1), (-0.75, -0.4), ((-0.8, -0.2), (0.6, 1), (-0.6, 0))),
    "wave": ("chest", (0.05, 0.5), (-0.1, 0.6), (0.1, 0.65), ((-0.2, 0.5), (0.2, 1.2), (-1, 0.1))),
    "side": ("chest", (-0.25, 0.4), (0.3, 0.9), (-0.6, 0.3), _ANY),
    "t": ("chest", (-0.05, 0.3), (0.93, 1), (-0.2, 0.2), ((-1, -0.2), (0, 0.3), (-1, 0))),
    "reach": ("to", (0.25, 1), (-0.5, 0.6), (-0.8, 0.9), _DOWN, (0.8, 1)),
    "up": ("to", (-0.15, 0.5), (-0.4, 0.7), (0.5, 1), ((-0.1, 0.8), (1, 1), (-0.6, 0.3)), (0.55, 1)),
    "any": ("to", (-0.45, 1), (-0.4, 1), (-1, 1), _ANY, (0.3, 1)),
    "down": ("ground", (-0.15, 0.45), (-0.25, 0.35), (-1, -0.6), ((-0.8, 0.2), (0.2, 1), (-0.5, 0.5))),
    "floor": ("ground", (-0.25, 0.35), (0.05, 0.6), (-1, -0.75), ((-1, -0.2), (0, 0.6), (-0.5, 0.5))),
    "behind": ("ground", (-0.65, -0.05), (-0.05, 0.45), (-1, -0.6), ((-1, -0.5), (-0.1, 0.6), (-0.5, 0.5))),
    "elbow": ("ground", (0, 0.5), (-0.25, 0.3), (-0.65, -0.4), ((-0.8, -0.2), (0, 0.6), (-1, -0.6))),
    "lap": ("pelvis", (0.25, 0.55), (-0.35, 0), (-0.72, -0.5), _DOWN),
    "knee": ("thigh", (0, 0.1), (-0.1, 0.15), (0.1, 0.24), _OUT, (0.5, 0.85), (0, 0)),
    "shin": ("thigh", (0.05, 0.2), (-0.05, 0.15), (0, 0.2), _OUT, (0.75, 0.85), (0.1, 0.6)),
}  # fmt: skip
# Pairs of arms for any occasion, and how often each is drawn.
COMMON = {
    "hang hang": 3, "hang front": 2, "front front": 3, "hang any": 2, "any any": 6, "hip hip": 1,
    "hip any": 1, "pocket pocket": 0.5, "pocket front": 0.5, "hang reach": 1.2, "reach reach": 1,
    "cross cross": 1, "belly belly": 1, "t t": 1.5, "wave any": 1, "up up": 1.2, "hang up": 0.7,
    "up any": 0.7, "back back": 0.6, "crown crown": 0.5, "hang crown": 0.4, "side side": 0.8,
    "side any": 0.5, "eyes eyes": 0.6, "hang ear": 0.6,
}  # fmt: skip


def normalised(weights):
    """The values of a dict, which say how often each is drawn, as shares of all: array."""
    weights = np.array(list(weights.values()), float)
    return weights / weights.sum()


def draw_reach(arms, swing, rng):
    """Draw a pair of arms for each person, and the places of the hands; `swing` (N, 2) is that of walkers."""
    count = len(swing)
    kinds = list(_PLACES)
    pairs, shares = [], []
    for table, share in ((arms, 0.75), (COMMON, 0.25)):
        pairs += [[kinds.index(name) for name in pair.split()] for pair in table]
        shares += list(share * normalised(table))
    drawn = np.array(pairs)[rng.choice(len(pairs), count, p=shares)]
    drawn = np.where(rng.random((count, 1)) < 0.5, drawn, drawn[:, ::-1])

    frames = np.array([_PLACES[kind][0] for kind in kinds])[drawn]
    place = _between(np.array([_PLACES[kind][1:4] for kind in kinds])[drawn], rng)
    place[..., 0] += swing * (drawn == kinds.index("swing"))
    pole = _between(np.array([_PLACES[kind][4] for kind in kinds])[drawn], rng)
    more = np.array([(*_PLACES[kind][5:], (np.nan,) * 2, (np.nan,) * 2)[:2] for kind in kinds])[drawn]
    more = _between(more, rng)
    far = np.linalg.norm(place, axis=-1, keepdims=True)
    place = np.where((frames == "to")[..., None], place / far * more[..., :1], place)
    parts = {name: np.where((frames == name)[..., None], place, 0) for name in ("pelvis", "ground")}
    parts["chest"] = np.where(np.isin(frames, ("chest", "to"))[..., None], place, 0)
    legs = np.where((frames == "thigh")[..., None], more, np.nan)
    parts["ground"] = np.where((frames == "thigh")[..., None], place, parts["ground"])
    return Reach(parts["chest"], parts["pelvis"], parts["ground"], legs[..., 0], legs[..., 1], pole)


def _between(ranges, rng):
    """Uniform numbers between the (..., 2) ends of ranges."""
    return ranges[..., 0] + (ranges[..., 1] - ranges[..., 0]) * rng.random(ranges.shape[:-1])
