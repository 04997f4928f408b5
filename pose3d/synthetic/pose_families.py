"""Families of poses, drawn at random within the limits of the joints.

A family has postures of legs and trunk and pairs of arms. Where one fits an action of Human3.6M it has its
name, so that tables by action say what they do for Human3.6M.
"""

from dataclasses import dataclass

import numpy as np

from pose3d.errors import UserError
from pose3d.synthetic.anatomy import FEET, FLOOR, SEAT, Posture, is_possible, rotations
from pose3d.synthetic.arms import COMMON, draw_reach, normalised

_SEATED = {"lap lap": 3, "knee knee": 3, "lap knee": 1, "lap any": 1.5, "knee any": 1.5, "front front": 2,
           "mouth lap": 1, "any any": 2, "cross cross": 0.7, "belly belly": 1}  # fmt: skip
_ON_FLOOR = {"behind behind": 4, "behind any": 2, "floor floor": 1.5, "floor any": 1, "knee knee": 1.5,
             "shin shin": 2, "knee any": 1, "lap lap": 1, "any any": 2, "front front": 1}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A family of poses.

    `postures` is a dict of a function of (Posture, _Dice), which changes the angles of a person who stands,
    to how often it is drawn; `arms` says as much of pairs of `pose3d.synthetic.arms`, of which every fourth
    is from `COMMON` instead.
    """

    share: float  # of all poses
    postures: dict
    arms: dict
    skirt: bool = False  # someone may wear one
    chair: bool = False  # the mask may well keep parts of one
    cut_off: bool = False  # the picture shows a part of the person


class _Dice:
    """Draws for the people of one posture."""

    def __init__(self, count, rng):
        self._count, self._rng = count, rng

    def uniform(self, low, high, *shape):
        return self._rng.uniform(low, high, (self._count, *shape))

    def normal(self, mean, deviation, *shape):
        return self._rng.normal(mean, deviation, (self._count, *shape))

    def chance(self, share, *shape):
        return self.uniform(0, 1, *shape) < share

    def sign(self):
        return np.where(self.chance(0.5), 1, -1)

    def leg(self, share=1.0):
        """One leg of a share of the people: (N, 2) bool array."""
        one = self.chance(0.5)
        return np.stack([one, ~one], axis=1) & self.chance(share)[:, None]


def _upright(dice):
    """People who stand, slack."""
    hips = np.stack([dice.normal(6, 6, 2), dice.normal(5, 4, 2), dice.normal(8, 9, 2)], axis=-1)
    return Posture(
        np.stack([dice.normal(0, 4), dice.normal(0, 3)], axis=1),
        np.stack([dice.normal(4, 7), dice.normal(0, 5), dice.normal(0, 8)], axis=1),
        np.stack([dice.normal(3, 15), dice.normal(0, 8), dice.normal(0, 26)], axis=1),
        hips, abs(dice.normal(6, 6, 2)), np.full(hips.shape[:2], np.nan),
        dice.normal(0, 6, 2), np.zeros(hips.shape[:2]), np.full(len(hips), FEET),
    )  # fmt: skip


def _stand(p, dice):
    bent = dice.leg(0.5)  # the other leg carries the weight
    more = bent * dice.uniform(5, 35, 2)
    p.knees += more
    p.hips[..., 0] += more * dice.uniform(0.3, 0.8, 2)
    p.hips[..., 1] += bent * dice.uniform(0, 8, 2) + (dice.chance(0.2) * dice.uniform(0, 22))[:, None]
    step = dice.chance(0.2) * dice.uniform(5, 28) * dice.sign()
    p.hips[..., 0] += np.stack([step, -step], axis=1)


def _raise_leg(p, dice):
    raised = dice.leg()
    p.hips[..., 0] = np.where(raised, dice.uniform(20, 120, 2), p.hips[..., 0])
    p.hips[..., 1] += raised * dice.uniform(-8, 40, 2)
    p.knees = np.where(raised, dice.uniform(0, 125, 2), p.knees)
    p.ankles[raised] = dice.uniform(-40, 15, 2)[raised]
    p.pelvis[:, 0] += dice.normal(0, 12)


def _walk(p, dice):
    phase = dice.uniform(0, 2 * np.pi)[:, None] + [0, np.pi]
    length = dice.uniform(0.5, 1.6)[:, None]
    lift = np.maximum(np.sin(phase + 0.6), 0) ** 2 * np.where(np.sin(phase + 0.3) > 0, 1, 0.2)
    p.hips[..., 0] = 8 + 24 * length * np.cos(phase) + dice.normal(0, 3, 2)
    p.knees = 8 + length * (8 * np.maximum(np.cos(2 * phase), 0) + 52 * lift) + abs(dice.normal(0, 4, 2))
    p.ankles = np.clip(8 * np.cos(phase) - 25 * lift * length, -40, 20) + dice.normal(0, 5, 2)
    p.pelvis[:, 0] += dice.uniform(0, 10) * length[:, 0]
    p.spine[:, 2] += 6 * (length * np.sin(phase))[:, 0]
    p.swing = -dice.uniform(0.2, 0.7)[:, None] * length * np.cos(phase)  # an arm goes against its leg


def _bend(p, dice):
    bend = dice.uniform(20, 115)
    of_spine = np.minimum(dice.uniform(0.3, 0.7) * bend, 60)
    p.spine[:, 0] += of_spine
    p.pelvis[:, 0] += bend - of_spine
    p.hips[..., 0] += (bend - of_spine)[:, None]
    p.knees += dice.uniform(0, 55, 2) * dice.chance(0.6)[:, None]
    p.hips[..., 0] += p.knees * 0.5
    p.hips[..., 1] += dice.uniform(-2, 18)[:, None]
    step = dice.chance(0.4) * dice.uniform(5, 40) * dice.sign()
    p.hips[..., 0] += np.stack([step, -step], axis=1)
    p.knees += np.stack([np.maximum(-step, 0), np.maximum(step, 0)], axis=1)
    p.head[:, 0] += dice.uniform(-40, 10)


def _crouch(p, dice):
    knees = dice.uniform(50, 150)
    p.pelvis[:, 0] += dice.uniform(0, 45) * knees / 120
    p.knees = knees[:, None] + dice.normal(0, 9, 2)
    p.hips[..., 0] = p.knees * dice.uniform(0.5, 0.85)[:, None] + p.pelvis[:, :1] * 0.5
    p.hips[..., 1] += dice.uniform(-3, 38, 2)
    p.hips[..., 2] += dice.uniform(-5, 25, 2)
    p.spine[:, 0] += dice.uniform(0, 40)
    p.spine[:, 2] += dice.normal(0, 12)
    p.head[:, 0] += dice.uniform(-40, 0)


def _lunge(p, dice):
    front, depth = dice.leg(), dice.uniform(0.2, 1)[:, None]
    p.hips[..., 0] = np.where(front, 20 + 80 * depth, -5 - 25 * depth * dice.uniform(0, 1, 2))
    p.hips[..., 0] += dice.normal(0, 7, 2)
    p.knees = np.where(
        front, 15 + 85 * depth + dice.normal(0, 10, 2), 5 + 110 * depth * dice.uniform(0, 1, 2)
    )
    p.hips[..., 1] += dice.chance(0.3)[:, None] * dice.uniform(0, 30, 2)
    p.pelvis[:, 0] += dice.normal(8, 14)
    p.spine[:, 0] += dice.uniform(-8, 30)


def _stride(p, dice):
    """A long step, to the side or behind, as of skaters, runners and players."""
    front, bent = dice.leg(), dice.uniform(15, 100)[:, None]
    p.pelvis[:, 0] += dice.uniform(0, 45)
    p.knees = np.where(front, bent + dice.normal(0, 7, 2), dice.uniform(0, 50, 2))
    p.hips[..., 0] = np.where(front, bent * dice.uniform(0.5, 0.9, 2), dice.uniform(-30, 15, 2))
    p.hips[..., 0] += p.pelvis[:, :1]
    p.hips[..., 1] += np.where(front, dice.uniform(-8, 25, 2), dice.uniform(0, 55, 2))
    p.pelvis[:, 1] += dice.normal(0, 9)
    p.spine[:, 0] += dice.uniform(0, 45)
    p.spine[:, 2] += dice.normal(0, 15)
    p.head[:, 0] -= dice.uniform(0, 40)
    p.ankles = np.where(front, np.nan, dice.uniform(-40, 10, 2))


def _sit(p, dice):
    p.support[:] = SEAT
    p.pelvis[:, 0] += dice.uniform(-25, 18)
    p.hips[..., 0] = dice.uniform(72, 108)[:, None] + dice.normal(0, 7, 2) + p.pelvis[:, :1] * 0.5
    p.hips[..., 1], p.hips[..., 2] = dice.normal(6, 10, 2), dice.normal(3, 10, 2)
    p.knees = np.clip(dice.normal(85, 24, 2), 0, 130)
    over, shape = dice.leg(0.27), dice.chance(0.67)[:, None]  # thigh over thigh, or ankle on knee
    p.hips[..., 0] += over * dice.uniform(5, 22, 2)
    p.hips[..., 1] = np.where(
        over, np.where(shape, dice.uniform(-22, -8, 2), dice.uniform(15, 35, 2)), p.hips[..., 1]
    )
    p.hips[..., 2] = np.where(
        over, np.where(shape, dice.uniform(-5, 15, 2), dice.uniform(35, 60, 2)), p.hips[..., 2]
    )
    p.spine[:, 0] += dice.chance(0.5) * dice.uniform(0, 45)


def _sit_on_floor(p, dice):
    p.pelvis[:, 0] += dice.uniform(-55, 15)
    p.hips[..., 0] = np.clip(dice.normal(85, 20, 2), 35, 130) + p.pelvis[:, :1] * 0.3
    p.knees = dice.uniform(0, 145, 2)
    p.hips[..., 1], p.hips[..., 2] = dice.normal(12, 14, 2), dice.normal(8, 16, 2)
    both = dice.chance(0.25)
    p.hips[both, 1], p.knees[both, 1] = p.hips[both, 0], p.knees[both, 0]
    raised = dice.leg(0.25)  # a leg in the air
    p.hips[..., 0] = np.where(raised, dice.uniform(80, 130, 2), p.hips[..., 0])
    p.knees = np.where(raised, dice.uniform(0, 60, 2), p.knees)
    crossed = dice.chance(0.18)
    p.hips[crossed] = np.stack(
        [dice.uniform(70, 100, 2), dice.uniform(25, 50, 2), dice.uniform(30, 58, 2)], axis=-1
    )[crossed]
    p.knees[crossed] = dice.uniform(95, 138, 2)[crossed]
    aside = dice.chance(0.13)  # both legs to one side
    p.hips[aside, :, 2] = (40 * dice.sign()[:, None] * [1, -1] + dice.normal(0, 10, 2))[aside]
    p.knees[aside] = dice.uniform(70, 130, 2)[aside]
    p.pelvis[:, 1] += aside * dice.uniform(-25, 25)
    p.spine[:, 0] += dice.uniform(-8, 48)
    p.ankles, p.support[:] = dice.uniform(-35, 15, 2), FLOOR


def _kneel(p, dice):
    down = dice.uniform(0, 1)[:, None]
    p.pelvis[:, 0] += dice.uniform(-8, 30)
    p.hips[..., 0] = down * dice.uniform(70, 105, 2) + dice.normal(0, 8, 2) + p.pelvis[:, :1] * 0.6
    p.knees = 85 + 62 * down + dice.normal(0, 8, 2)
    p.hips[..., 1] += dice.uniform(-3, 18, 2)
    p.ankles = dice.uniform(-45, -20, 2)
    standing = dice.leg(0.45)  # one foot on the ground
    p.hips[..., 0] = np.where(standing, dice.uniform(70, 110, 2), p.hips[..., 0])
    p.knees = np.where(standing, dice.uniform(70, 118, 2), p.knees)
    p.ankles[standing] = np.nan
    p.spine[:, 0] += dice.uniform(0, 38)


def _lying_legs(p, dice):
    p.hips[..., 0] = dice.uniform(-12, 100, 2) * dice.uniform(0, 1, 2)
    p.knees = dice.uniform(0, 130, 2) * dice.uniform(0, 1, 2)
    p.hips[..., 1], p.hips[..., 2] = dice.normal(7, 10, 2), dice.normal(5, 16, 2)
    p.ankles, p.support[:] = dice.uniform(-40, 10, 2), FLOOR
    p.spine[:, 0] += dice.normal(0, 12)


def _lie_on_back(p, dice):
    _lying_legs(p, dice)
    p.pelvis[:] = np.stack([-dice.uniform(45, 100), dice.normal(0, 12)], axis=1)
    raised = dice.leg(0.45)
    p.hips[..., 0] = np.where(raised, dice.uniform(50, 120, 2), p.hips[..., 0])
    p.knees = np.where(raised, dice.uniform(0, 70, 2), p.knees)
    p.spine[:, 0] += dice.chance(0.4) * dice.uniform(10, 50)


def _lie_on_front(p, dice):
    _lying_legs(p, dice)
    p.hips[..., 0] *= 0.3
    p.pelvis[:] = np.stack([dice.uniform(70, 100), dice.normal(0, 12)], axis=1)
    p.head[:, 0] -= dice.uniform(0, 40)
    p.spine[:, 0] -= dice.uniform(0, 20)


def _lie_on_side(p, dice):
    _lying_legs(p, dice)
    p.pelvis[:] = np.stack([dice.normal(0, 8), dice.sign() * dice.uniform(55, 105)], axis=1)
    p.spine[:, 0] += dice.uniform(0, 30)


def _on_knees_and_hands(p, dice):
    p.pelvis[:, 0] = dice.uniform(50, 98)
    p.hips[..., 0] = p.pelvis[:, :1] + dice.normal(0, 12, 2)
    p.knees, p.ankles = 90 + dice.normal(0, 12, 2), dice.uniform(-45, -20, 2)
    p.spine[:, 0] += dice.normal(0, 12)
    p.head[:, 0] += dice.uniform(-55, 5)
    p.support[:] = FLOOR


def _on_feet_and_hands(p, dice):
    p.pelvis[:, 0] = dice.uniform(60, 125)
    p.hips[..., 0] = np.clip(p.pelvis[:, :1] - dice.uniform(0, 70, 1), -10, 125) + dice.normal(0, 12, 2)
    p.knees = dice.uniform(0, 1)[:, None] ** 2 * 90 + abs(dice.normal(0, 8, 2))
    p.hips[..., 1] += dice.uniform(0, 20)[:, None]
    p.spine[:, 0] += dice.normal(8, 14)
    p.head[:, 0] += dice.uniform(-55, 10)
    p.support[:] = FLOOR


def _anyhow(p, dice):
    p.hips = np.stack(
        [dice.uniform(-20, 120, 2), dice.uniform(-10, 45, 2), dice.uniform(-25, 40, 2)], axis=-1
    )
    p.knees = dice.uniform(0, 140, 2)
    p.pelvis += np.stack([dice.normal(0, 25), dice.normal(0, 15)], axis=1)
    p.spine = np.stack([dice.normal(10, 22), dice.normal(0, 12), dice.normal(0, 18)], axis=1)
    p.ankles, p.support = dice.uniform(-40, 20, 2), np.where(dice.chance(0.5), FLOOR, FEET)


_STANDING, _SITTING = {_stand: 1}, {_sit: 1}
FAMILIES = {
    "Directions": Family(0.045, _STANDING, {
        "reach hang": 3, "reach reach": 1, "reach hip": 1, "side hang": 1, "up hang": 1,
    }, skirt=True),
    "Discussion": Family(0.05, _STANDING, {
        "front front": 3, "any any": 2, "front hang": 2, "wave front": 1,
    }, skirt=True),
    "Eating": Family(0.04, {_sit: 3, _stand: 1}, {
        "mouth lap": 2, "mouth front": 2, "front front": 2, "mouth mouth": 0.5,
    }, chair=True),
    "Greeting": Family(0.04, _STANDING, {
        "wave hang": 2, "wave wave": 1, "up hang": 1, "up up": 1, "reach hang": 1,
    }, skirt=True),
    "Phoning": Family(0.045, {_stand: 2, _sit: 1}, {
        "ear hang": 2, "ear belly": 1, "ear hip": 1, "ear front": 1, "ear cross": 1,
    }, skirt=True, chair=True),
    "TakingPhoto": Family(0.035, _STANDING, {"eyes eyes": 3, "eyes hang": 1}, skirt=True),
    "Posing": Family(0.06, {_stand: 3, _raise_leg: 1}, {
        "hip hip": 2, "t t": 2, "crown hip": 1, "hip any": 2, "up up": 1, "cross cross": 1,
    }, skirt=True),
    "Purchases": Family(0.035, {_bend: 1, _crouch: 1, _stand: 1}, {
        "down down": 2, "front front": 2, "reach hang": 1, "belly belly": 1,
    }, skirt=True),
    "Sitting": Family(0.1, _SITTING, _SEATED, chair=True),
    "SittingDown": Family(0.13, {_sit_on_floor: 1}, _ON_FLOOR),
    "Smoking": Family(0.03, {_stand: 2, _sit: 1}, {
        "mouth hang": 2, "mouth belly": 1, "mouth cross": 1, "side hang": 1,
    }, skirt=True, chair=True),
    "Waiting": Family(0.04, {_stand: 2, _sit: 1}, {
        "hang hang": 2, "pocket pocket": 2, "cross cross": 2, "back back": 1, "belly belly": 1,
        "hip hang": 1,
    }, skirt=True, chair=True),
    "WalkingDog": Family(0.03, {_walk: 1}, {"reach swing": 1, "front swing": 2}, skirt=True),
    "WalkTogether": Family(0.03, {_walk: 1}, {
        "swing swing": 2, "front swing": 1, "any swing": 1,
    }, skirt=True),
    "Walking": Family(0.07, {_walk: 1}, {"swing swing": 1}, skirt=True),
    "Bending": Family(0.06, {_bend: 1}, {
        "down down": 4, "down any": 1, "shin shin": 1, "knee knee": 1,
    }, skirt=True),
    "Crouching": Family(0.05, {_crouch: 1}, {
        "down down": 1, "front front": 1, "knee knee": 2, "floor floor": 1, "floor any": 1, "any any": 2,
    }),
    "Lunging": Family(0.06, {_lunge: 3, _raise_leg: 1, _stride: 3}, COMMON),
    "Kneeling": Family(0.045, {_kneel: 1}, {
        "front front": 1, "lap lap": 1, "hang hang": 1, "floor any": 1, "down down": 1,
    }),
    "Lying": Family(0.08, {_lie_on_back: 5, _lie_on_front: 2, _lie_on_side: 2}, {
        "elbow elbow": 2, "behind behind": 2, "any any": 3, "crown crown": 1, "hang hang": 1,
        "floor floor": 1,
    }),
    "AllFours": Family(0.055, {_on_knees_and_hands: 2, _on_feet_and_hands: 3}, {
        "down down": 5, "floor floor": 2, "down any": 1,
    }),
    "Free": Family(0.04, {_anyhow: 1}, COMMON),
    "CutOff": Family(0.13, {
        _stand: 4, _sit: 4, _walk: 2, _bend: 2, _stride: 2, _sit_on_floor: 1, _crouch: 1, _lunge: 1,
        _kneel: 1,
    }, COMMON, chair=True, cut_off=True),
}  # fmt: skip


def draw(family, count, body, rng):
    """Draw poses (N, 31, 3, 3) of a family that a body can take: rotations of the bones from the T-pose.

    The pelvis faces +x. By `body`, of average build, it is checked that no limb is inside another. A
    `UserError` if there is no such family.
    """
    if family not in FAMILIES:
        raise UserError(f"no poses {family!r}; choose from {', '.join(FAMILIES)}")
    found = []
    missing = count
    while missing:
        drawn = _attempts(FAMILIES[family], 2 * missing + 8, body, rng)
        found.append(drawn[is_possible(body.joints(drawn))][:missing])
        missing -= len(found[-1])
    return np.concatenate(found)


def _attempts(family, count, body, rng):
    """Poses that may be impossible, mixed."""
    numbers = rng.multinomial(count, normalised(family.postures))
    drawn = []
    for posture, number in zip(family.postures, numbers, strict=True):
        if number:
            dice = _Dice(number, rng)
            p = _upright(dice)
            posture(p, dice)
            loose = dice.chance(0.25)
            p.spine[:, 1] += loose * dice.normal(0, 9)
            p.spine[:, 2] += loose * dice.normal(0, 14)
            p.limit()
            drawn.append(rotations(p, draw_reach(family.arms, p.swing, rng), body, rng))
    drawn = np.concatenate(drawn)
    return drawn[rng.permutation(len(drawn))]
