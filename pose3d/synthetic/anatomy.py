"""From angles of joints and places of hands to rotations of the body's bones; balance; what is impossible.

Angles are in degrees. The second axis of an array (N, 2, ...) is the side, left and right. A side's
directions are forward, outward, up, so that both sides share one set of numbers.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.skeleton import JOINTS
from pose3d.synthetic.body import BONE, BONES, SIDES

# Flexion, abduction, outward rotation of the hip; flexion of the knee; flexion, bend to the side and twist of
# trunk and head. Ranges of active motion of healthy adults, rounded outward (American Academy of
# Orthopaedic Surgeons, Joint Motion, 1965): sitting on the heels and deep lunges are passive.
HIP_LIMITS = np.array([(-30, 130), (-25, 60), (-35, 60)])
KNEE_LIMITS = np.array([0, 155])
SPINE_LIMITS = np.array([(-25, 80), (-35, 35), (-45, 45)])
HEAD_LIMITS = np.array([(-50, 45), (-35, 35), (-75, 75)])
ANKLE_LIMITS = np.array([-45, 30])  # toes up positive
UPPER_ARM, FOREARM = 0.53, 0.47  # shares of the arm, shoulder to wrist
FEET, FLOOR, SEAT = range(3)
_SIGNS = np.array([sign for _, sign in SIDES], float)  # of the y axis
_SHOULDER_ABOVE_HIP = 0.93  # of the arm's length
_MOVING, _LEAN = 0.25, 12.0  # share of the people on their feet who lean more, and the sd, degrees
_HAND_BONES = ("{0}Hand", "{0}FingerBase", "{1}Thumb")


@dataclass
class Posture:
    """Angles of N people; the fields are arrays."""

    pelvis: np.ndarray  # (N, 2), pitch (forward) and roll (to the right)
    spine: np.ndarray  # (N, 3), flexion, bend to the right, twist to the left
    head: np.ndarray  # (N, 3), likewise, against the chest
    hips: np.ndarray  # (N, 2, 3), flexion, abduction, outward rotation
    knees: np.ndarray  # (N, 2), flexion
    ankles: np.ndarray  # (N, 2), toes up; NaN: the sole is level, as far as the ankle allows
    toes: np.ndarray  # (N, 2), toes outward
    swing: np.ndarray  # (N, 2), of the hands of walkers to the front, in lengths of the arm
    support: np.ndarray  # (N,), FEET (or knees), FLOOR (whatever lies lowest) or SEAT: balance is kept by it

    def limit(self):
        """Clip all angles to the limits of the joints."""
        self.spine = np.clip(self.spine, *SPINE_LIMITS.T)
        self.head = np.clip(self.head, *HEAD_LIMITS.T)
        self.hips = np.clip(self.hips, *HIP_LIMITS.T)
        self.knees = np.clip(self.knees, *KNEE_LIMITS)


@dataclass
class Reach:
    """Where the hands of N people are: wrists relative to the shoulders, in lengths of the arm.

    A hand's place is the sum of its parts.
    """

    chest: np.ndarray  # (N, 2, 3), parts along the axes of the chest
    pelvis: np.ndarray  # (N, 2, 3), of the pelvis
    ground: np.ndarray  # (N, 2, 3), of the ground below the chest
    thigh: np.ndarray  # (N, 2), parts along the thigh from the hip joint; NaN: the hand is not at the leg
    shank: np.ndarray  # (N, 2), likewise along the shank
    pole: np.ndarray  # (N, 2, 3), the chest's direction to which the elbow points


def turn(axis, degrees):
    """Rotations (..., 3, 3) about x, y or z by (...) degrees; about y, up turns forward."""
    degrees = np.asarray(degrees, float)
    return (
        Rotation.from_euler(axis, degrees.reshape(-1, 1), degrees=True)
        .as_matrix()
        .reshape(*degrees.shape, 3, 3)
    )


def bend(upper, lower, far):
    """Where the middle joint of a limb is, by the law of cosines: along the line to its end, and out of it.

    The two bones have the lengths `upper` and `lower`, and the end is `far` from the root; far more than both
    lengths, the joint is on the line.
    """
    along = (upper**2 - lower**2 + far**2) / (2 * far)
    return along, np.sqrt(np.maximum(upper**2 - along**2, 0))


def rotations(posture, reach, body, rng):
    """Global rotations of the bones from the T-pose, (N, 31, 3, 3), nearly in balance on the floor.

    The pelvis faces +x, but for what balance asks. `body` is of average build; `rng` draws how hands are
    held.
    """
    count = len(posture.knees)
    bones = np.empty((count, len(BONES), 3, 3))
    pelvis = turn("x", posture.pelvis[:, 1]) @ turn("y", posture.pelvis[:, 0])
    for name in ("Hips", "LHipJoint", "RHipJoint"):
        bones[:, BONE[name]] = pelvis
    chest = _chain(bones, pelvis, ("LowerBack", "Spine", "Spine1"), posture.spine)
    _chain(bones, chest, ("Neck", "Neck1", "Head"), posture.head)
    legs = _legs(bones, pelvis, posture)
    _arms(bones, chest, *_solve(_wrists(reach, chest, pelvis, legs), reach.pole), rng)
    places = _floor_points(bones, body)
    for support, turned in ((FEET, _balanced), (FLOOR, _settled)):
        ones = posture.support == support
        bones[ones] = turned(places[ones])[:, None] @ bones[ones]
    # Who moves, or leans on something, is not in balance.
    moving = np.where(rng.random(count) < _MOVING, _LEAN, _LEAN / 5)
    lean = rng.standard_normal((2, count)) * moving * (posture.support == FEET)
    bones = (turn("x", lean[0]) @ turn("y", lean[1]))[:, None] @ bones
    _feet(bones, posture)
    return bones


def _chain(bones, base, names, angles):
    """Bend bones by equal parts of the angles; the rotation of the last."""
    flexion, side, twist = (angles / len(names)).T
    step = turn("z", twist) @ turn("x", side) @ turn("y", flexion)
    for name in names:
        base = bones[:, BONE[name]] = base @ step
    return base


def _legs(bones, pelvis, posture):
    """Place the legs; directions of thighs and shanks, (N, 2, 3) each."""
    found = []
    for side, (name, sign) in enumerate(SIDES):
        flexion, abduction, rotation = posture.hips[:, side].T
        thigh = pelvis @ turn("y", -flexion) @ turn("x", sign * abduction) @ turn("z", sign * rotation)
        shank = thigh @ turn("y", posture.knees[:, side])
        bones[:, BONE[f"{name}UpLeg"]], bones[:, BONE[f"{name}Leg"]] = thigh, shank
        found.append((-thigh[:, :, 2], -shank[:, :, 2]))
    _feet(bones, posture)
    thighs, shanks = zip(*found, strict=True)
    return np.stack(thighs, axis=1), np.stack(shanks, axis=1)


def _feet(bones, posture):
    """Place the feet at the ends of the shanks."""
    for side, (name, sign) in enumerate(SIDES):
        shank = bones[:, BONE[f"{name}Leg"]]
        level = np.degrees(np.arctan2(-shank[:, 2, 0], shank[:, 2, 2]))
        ankle = np.where(np.isnan(posture.ankles[:, side]), level, posture.ankles[:, side])
        foot = shank @ turn("y", -np.clip(ankle, *ANKLE_LIMITS))
        foot = foot @ turn("z", sign * posture.toes[:, side])
        bones[:, BONE[f"{name}Foot"]] = bones[:, BONE[f"{name}ToeBase"]] = foot


def _wrists(reach, chest, pelvis, legs):
    """Places of the wrists from the shoulders in the chest's axes, outward for each side: (N, 2, 3)."""
    sideways = chest[:, :, 1] * [1, 1, 0]
    left = sideways / np.maximum(np.linalg.norm(sideways, axis=1, keepdims=True), 1e-9)
    up = np.broadcast_to([0.0, 0, 1], left.shape)
    ground = np.stack([np.cross(left, up), left, up], axis=2)
    flip = np.stack([np.ones(2), _SIGNS, np.ones(2)], axis=1)
    place = sum(
        np.einsum("nij,nsj->nsi", frame, part * flip)
        for frame, part in ((chest, reach.chest), (pelvis, reach.pelvis), (ground, reach.ground))
    )
    along = reach.thigh[..., None] * legs[0] + reach.shank[..., None] * legs[1]
    hip = -_SHOULDER_ABOVE_HIP * pelvis[:, None, :, 2]
    place = np.where(np.isnan(along), place, place + hip + along)
    return np.einsum("nij,nsi->nsj", chest, place) * flip


def _solve(wrist, pole):
    """Directions (N, 2, 3) of upper arm and forearm that reach a wrist, and the hinge of the elbow."""
    far = np.linalg.norm(wrist, axis=-1, keepdims=True)
    towards = wrist / np.maximum(far, 1e-9)
    far = np.clip(far, abs(UPPER_ARM - FOREARM) + 0.14, UPPER_ARM + FOREARM - 0.004)
    along, out = bend(UPPER_ARM, FOREARM, far)
    across = pole - (pole * towards).sum(axis=-1, keepdims=True) * towards
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    elbow = along * towards + out * across
    upper, lower = elbow / UPPER_ARM, (far * towards - elbow) / FOREARM
    hinge = np.cross(upper, lower)
    return upper, lower, hinge / np.linalg.norm(hinge, axis=-1, keepdims=True)


def _arms(bones, chest, upper, lower, hinge, rng):
    """Place shoulders, arms and hands."""
    shape = upper.shape[:2]
    raised = np.degrees(np.arcsin(np.clip(upper[..., 2], -1, 1)))
    forward = 20 * upper[..., 0] + 12 * np.maximum(0, -upper[..., 1])
    # The shoulder blade goes with the arm: about a third of what the arm is raised.
    girdle = turn("z", -np.clip(forward, -15, 28) + rng.normal(0, 3, shape)) @ turn(
        "x", np.clip((raised + 60) / 5, 0, 28) + rng.normal(0, 3, shape)
    )
    arm = _along(upper, hinge) @ turn("y", rng.normal(0, 8, shape))
    forearm = _along(lower, hinge) @ turn("y", rng.normal(20, 35, shape))
    hand = forearm @ turn("x", rng.normal(0, 14, shape)) @ turn("z", rng.normal(0, 20, shape))
    fist = hand @ turn("x", -rng.uniform(0, 60, shape) * (rng.random(shape) < 0.6))
    for side, (name, sign) in enumerate(SIDES):
        flip = np.diag([1.0, sign, 1.0])
        parts = {f"{name}Shoulder": girdle, f"{name}Arm": arm, f"{name}ForeArm": forearm}
        parts |= {bone.format(name, name[0]): hand for bone in _HAND_BONES}
        parts[f"{name}HandFinger1"] = fist
        for bone, rotation in parts.items():
            bones[:, BONE[bone]] = chest @ (flip @ rotation[:, side] @ flip)


def _along(direction, hinge):
    """Rotation that lays an outstretched left arm along a direction, its elbow bending about the hinge."""
    up = -hinge
    return np.stack([np.cross(direction, up), direction, up], axis=-1)


# Of each joint, in the order of `JOINTS`, and of both toes: mm of flesh below it, and share of the weight.
_FLESH = np.array([100, 95, 50, 75, 95, 50, 75, 100, 100, 60, 90, 60, 40, 35, 60, 40, 35, 25, 25.0])
_WEIGHT = np.array([18, 5, 9, 4, 5, 9, 4, 16, 14, 3, 6, 3, 2.5, 1.5, 3, 2.5, 1.5, 1, 1])
_WEIGHT /= _WEIGHT.sum()
_TOES = np.array([130.0, 0, -55])  # from the ankle in the foot's axes, mm
_STEPS = np.linspace(-30, 30, 7)  # degrees by which a body that rests may turn


def _floor_points(bones, body):
    """Places (N, 19, 3) of joints and toes."""
    joints = body.joints(bones)
    toes = [
        joints[:, JOINTS.index(f"{name.lower()} ankle")] + bones[:, BONE[f"{name}Foot"]] @ _TOES
        for name in ("Right", "Left")
    ]
    return np.concatenate([joints, np.stack(toes, axis=1)], axis=1)


def _balanced(places):
    """Rotations (N, 3, 3) that bring the centre of mass above what is on the floor."""
    height = places[..., 2] - _FLESH
    carries = np.exp((height.min(axis=1, keepdims=True) - height) / 30)
    carries /= carries.sum(axis=1, keepdims=True)
    lean = _WEIGHT @ places - (carries[..., None] * places).sum(axis=1)
    high = np.maximum(lean[:, 2], 100)
    return turn("x", np.clip(np.degrees(np.arctan2(lean[:, 1], high)), -30, 30)) @ turn(
        "y", -np.clip(np.degrees(np.arctan2(lean[:, 0], high)), -30, 30)
    )


def _settled(places):
    """Rotations (N, 3, 3) by which a body comes to rest: its centre of mass as low as small turns let it."""
    found = np.broadcast_to(np.eye(3), (len(places), 3, 3))
    for steps in (_STEPS, _STEPS / 6):
        tried = (turn("x", steps)[:, None] @ turn("y", steps)[None]).reshape(-1, 3, 3)
        tried = tried[:, None] @ found
        height = np.einsum("tnj,npj->tnp", tried[:, :, 2], places)
        centre = height @ _WEIGHT - (height - _FLESH).min(axis=2)
        found = tried[centre.argmin(axis=0), np.arange(len(places))]
    return found


# Radii in mm of capsules around limbs, and which may not meet. Of an arm the lower half counts, since the
# upper one is always beside the chest.
_RADII = {"trunk": 82, "head": 62, "thigh": 45, "shank": 38, "forearm": 26}
_FORBIDDEN = (
    ("forearm", "trunk"), ("forearm", "head"), ("forearm", "thigh"), ("forearm", "other forearm"),
    ("thigh", "trunk top"), ("thigh", "other thigh"),
    ("shank", "other shank"), ("shank", "other thigh"), ("shank", "trunk"),
)  # fmt: skip


def is_possible(joints):
    """Whether no limb is inside the trunk, the head or another limb: (N,) bool of joints (N, 17, 3), mm."""
    at = {name: joints[:, number] for number, name in enumerate(JOINTS)}
    bad = np.zeros(len(joints), bool)
    for side, other in (("left", "right"), ("right", "left")):
        capsules = _capsules(at, side) | {
            f"other {name}": capsule for name, capsule in _capsules(at, other).items() if name != "trunk top"
        }
        for one, two in _FORBIDDEN:
            for first in capsules[one]:
                for second in capsules[two]:
                    reach = _RADII[one] + _RADII[two.replace("other ", "").replace(" top", "")]
                    bad |= _distance(*first, *second) < reach
    return ~bad


def _capsules(at, side):
    """Segments (start, end) of a side's limbs and of the trunk, which is three segments side by side."""
    middle = (at["pelvis"], at["thorax"])
    hip, shoulder = at[f"{side} hip"], at[f"{side} shoulder"]
    flank = ((2 * hip + at["pelvis"]) / 3, (shoulder + at["thorax"]) / 2)
    knee, ankle = at[f"{side} knee"], at[f"{side} ankle"]
    elbow, wrist = at[f"{side} elbow"], at[f"{side} wrist"]
    return {
        "trunk": (middle, flank),
        "trunk top": ((at["spine"], at["thorax"]),),
        "head": ((at["neck"], at["head"]),),
        "thigh": ((hip + 0.35 * (knee - hip), knee),),
        "shank": ((knee + 0.3 * (ankle - knee), ankle),),
        "forearm": ((elbow + 0.3 * (wrist - elbow), wrist + 0.15 * (wrist - elbow)),),
    }


def _distance(p, q, r, s):
    """Distance (N,) between the segments p-q and r-s of (N, 3) points, at 9 points of each: exact enough."""
    share = np.linspace(0, 1, 9)[:, None, None]
    one, two = p + share * (q - p), r + share * (s - r)
    return np.sqrt(((one[:, None] - two[None]) ** 2).sum(axis=-1).min(axis=(0, 1)))
