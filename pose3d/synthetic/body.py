"""Human bodies: a skinned mesh, its skeleton, and Human3.6M's joints of it.

Mesh, shapes and rig are MakeHuman's (CC0 1.0); ``experiments/make_body.py`` reduces them to ``body.npz``.
Lengths are mm, axes x forward, y left, z up.

A pose is an array of *rotations* (..., 31, 3, 3): the rotation of each bone, in any frame with z up, from the
T-pose that all bodies share: arms straight out to the sides, legs straight down, facing +x.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.errors import UserError
from pose3d.io.npz_archive import Format
from pose3d.skeleton import JOINTS_32, KEPT
from pose3d.synthetic.mesh import blend, vertex_normals

_FILE = Path(__file__).with_name("body.npz")
_FORMAT = Format("pose3d body", "body file", 1)

# The rig cmu_mb, whose names are those of Carnegie Mellon's motion capture; each parent before its children.
BONES = (
    "Hips", "LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "LowerBack", "Spine", "Spine1",
    "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LThumb", "LeftFingerBase", "LeftHandFinger1",
    "Neck", "Neck1", "Head",
    "RightShoulder", "RightArm", "RightForeArm", "RightHand", "RThumb", "RightFingerBase", "RightHandFinger1",
    "RHipJoint", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase",
)  # fmt: skip
PARENTS = (
    -1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 10, 11, 12, 12, 14, 8, 16, 17, 8, 19, 20, 21, 22, 22, 24,
    0, 26, 27, 28, 29,
)  # fmt: skip
BONE = {name: i for i, name in enumerate(BONES)}
SIDES = (("Left", 1), ("Right", -1))

_FULL = 255  # sum of a vertex's weights in the file
_TOES_OUT = 10  # degrees that the feet of the mesh point outwards at rest
_JITTER = 0.15  # deviations of a shape's coefficient between two bodies of one number
_HEIGHT = 1635.0  # mm from ankle to crown of the body that the offsets of `_joints_at_rest` are for
_HIPS_RISE, _HIPS_WIDTH = 45.0, 1.26
_PELVIS = [JOINTS_32.index(name) for name in ("Hips", "Spine")]
_HIPS = [JOINTS_32.index(f"{side}UpLeg") for side, _ in SIDES]
# _ABOVE[b, a]: whether bone a is b or one of its ancestors.
_ABOVE = np.eye(len(BONES))
for _bone, _parent in enumerate(PARENTS[1:], 1):
    _ABOVE[_bone] += _ABOVE[_parent]


# Upper and lower bones and ends of the limbs, and their directions in the T-pose.
_LIMBS = np.array(
    [
        [BONE[side + name] for name in bones]
        for side, _ in SIDES
        for bones in (("Arm", "ForeArm", "Hand"), ("UpLeg", "Leg", "Foot"))
    ]
).T
_FEET_FORWARD = {
    sign: Rotation.from_euler("z", -_TOES_OUT * sign, degrees=True).as_matrix() for _, sign in SIDES
}
_STRAIGHT = np.array([(0, 1, 0), (0, 0, -1), (0, -1, 0), (0, 0, -1.0)])


def shortest(start, end):
    """Rotations (..., 3, 3) by the smallest angles, below 180 degrees, from directions (..., 3) to others."""
    start, end = np.broadcast_arrays(*(v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end)))
    across = np.zeros((*start.shape, 3))
    for j, k in ((1, 2), (2, 0), (0, 1)):  # the matrix of a cross product with the axis
        across[..., k, j] = start[..., j] * end[..., k] - start[..., k] * end[..., j]
        across[..., j, k] = -across[..., k, j]
    cosine = (start * end).sum(axis=-1)[..., None, None]
    return np.eye(3) + across + across @ across / np.maximum(1 + cosine, 1e-12)


@dataclass(frozen=True)
class Population:
    """Bodies of several hundred adults: ``mean + coefficients @ shapes``.

    Attributes
    ----------
    mean : (V + P, 3) float32, mm: vertices, then named points
    shapes : (K, V + P, 3) float32, mm by standard deviation
    coefficients : (N, K) float32
    is_female : (N,) bool
    points : tuple of P str: bones, whose heads the points are, and landmarks
    faces : (T, 3) int32, triangles: those of the body, then those of the skirt
    n_body_vertices, n_body_faces : int; the rest is the skirt
    weights, bones : (V, 4) float32 and int32, the skin
    """

    mean: np.ndarray
    shapes: np.ndarray
    coefficients: np.ndarray
    is_female: np.ndarray
    points: tuple
    faces: np.ndarray
    n_body_vertices: int
    n_body_faces: int
    weights: np.ndarray
    bones: np.ndarray

    def __len__(self):
        return len(self.coefficients)

    def body(self, i):
        """Body number `i`."""
        return self._body(i, self.coefficients[i])

    def bodies(self, numbers, rng):
        """A body for each of the numbers (N,) that differs a little from the body of that number."""
        noise = rng.standard_normal((len(numbers), len(self.shapes)), np.float32)
        return map(self._body, numbers, self.coefficients[numbers] + _JITTER * noise)

    def _body(self, number, coefficients):
        return self._made(blend(self.mean, self.shapes, coefficients), bool(self.is_female[number]))

    @functools.cached_property
    def average(self):
        """The body of average shape."""
        return self._made(self.mean, is_female=False)

    def _made(self, at, is_female):
        points = dict(zip(self.points, at[len(self.weights) :].astype(np.float64), strict=True))
        return Body(self, at[: len(self.weights)], points, is_female)


@dataclass(frozen=True)
class Body:
    """One body at rest.

    Attributes
    ----------
    population : Population, whose faces, weights, bones and numbers of vertices and faces are the body's, too
    vertices : (V, 3) float32, mm
    landmarks : dict of bone, whose head it is, and of ``"mouth"``, ``"eyes"`` (their middle), ``"neck"`` and
        ``"crown"`` to (3,) float64, mm
    is_female : bool
    """

    population: Population
    vertices: np.ndarray
    landmarks: dict
    is_female: bool

    def __getattr__(self, name):
        if name not in ("faces", "weights", "bones", "n_body_vertices", "n_body_faces"):
            raise AttributeError(f"a body has no attribute {name!r}")
        return getattr(self.population, name)

    @functools.cached_property
    def heads(self):
        """(31, 3) float64 positions of the bones' heads at rest."""
        return np.array([self.landmarks[name] for name in BONES])

    @functools.cached_property
    def normals(self):
        """(V, 3) float32 unit normals of the mesh at rest."""
        return vertex_normals(self.vertices, self.faces)

    @functools.cached_property
    def stature(self):
        """Height of the crown over the soles, mm."""
        return float(np.ptp(self.vertices[: self.n_body_vertices, 2]))

    @functools.cached_property
    def scale(self):
        """Size of the skeleton as a share of the average."""
        return (self.landmarks["crown"][2] - self.landmarks["LeftFoot"][2]) / _HEIGHT

    @functools.cached_property
    def t_pose(self):
        """(31, 3) positions of the bones' heads in the T-pose, that of Hips at the origin."""
        return self._heads(self._straight)

    @functools.cached_property
    def _straight(self):
        """(31, 3, 3) rotations of the bones from rest to the T-pose."""
        turns = np.tile(np.eye(3), (len(BONES), 1, 1))
        upper, lower, ends = (self.heads[limb] for limb in _LIMBS)
        first = shortest(lower - upper, _STRAIGHT)
        turns[_LIMBS[0]] = first
        turns[_LIMBS[1]] = shortest((first @ (ends - lower)[..., None])[..., 0], _STRAIGHT) @ first
        for side, sign in SIDES:
            for name in (f"{side}Hand", f"{side[0]}Thumb", f"{side}FingerBase", f"{side}HandFinger1"):
                turns[BONE[name]] = turns[BONE[f"{side}ForeArm"]]
            turns[BONE[f"{side}Foot"]] = turns[BONE[f"{side}ToeBase"]] = _FEET_FORWARD[sign]
        return turns

    def _heads(self, turns):
        """(..., 31, 3) heads of the bones by their rotations from rest."""
        parents = np.maximum(PARENTS, 0)
        steps = turns[..., parents, :, :] @ (self.heads - self.heads[parents])[..., None]
        return _ABOVE @ steps[..., 0]

    def on(self, bones):
        """Whether one of the bones, by name, moves a vertex most: (V,) bool array."""
        return np.isin(self.bones[:, 0], [BONE[bone] for bone in bones])

    def transforms(self, rotations):
        """Transforms of the bones from rest to a pose, with the head of Hips at the origin.

        From rotations (..., 31, 3, 3) to (..., 31, 3, 4): rotation, and translation in mm.
        """
        turns = rotations @ self._straight
        shifts = self._heads(turns)[..., None] - turns @ self.heads[..., None]
        return np.concatenate([turns, shifts], axis=-1)

    @functools.cached_property
    def _joints_at_rest(self):
        """Bones that carry the joints of `JOINTS_32`, (32,), and the joints' positions at rest, (32, 3)."""
        at, k = self.landmarks, self.scale
        neck, mouth, hips = at["neck"], at["mouth"], (at["LeftUpLeg"] + at["RightUpLeg"]) / 2
        base = ("Spine1", neck + [0, 0, -15 * k])
        waist = np.array([(hips[0] + neck[0]) / 2, 0, hips[2] + (_HIPS_RISE + 236) * k])
        joints = {"Hips": ("Hips", hips), "Spine": ("Hips", hips), "Spine1": ("Spine", waist), "Neck": base}
        joints["Head"] = ("Head", mouth + [-5 * k, 0, -8 * k])
        joints["HeadSite"] = ("Head", mouth + [-70 * k, 0, 87 * k])
        for side, _ in SIDES:
            arm, elbow, hand = at[f"{side}Arm"], at[f"{side}ForeArm"], at[f"{side}Hand"]
            hip, knee, toes = at[f"{side}UpLeg"], at[f"{side}Leg"], at[f"{side}ToeBase"]
            thigh = (hip - knee) / np.linalg.norm(hip - knee)
            wrist = (f"{side}Hand", hand + 0.04 * (hand - elbow))
            finger = (f"{side}FingerBase", at[f"{side}HandFinger1"])
            joints |= {
                f"{side}UpLeg": ("Hips", hip),
                f"{side}Leg": (f"{side}UpLeg", knee + 12 * k * thigh),
                f"{side}Foot": (f"{side}Foot", at[f"{side}Foot"] + [0, 0, -15 * k]),
                f"{side}ToeBase": (f"{side}Foot", toes),
                f"{side}ToeSite": (f"{side}ToeBase", toes + [75 * k, 0, 0]),
                f"{side}Shoulder": base,
                f"{side}Arm": (f"{side}Shoulder", arm + 0.2 * (neck - arm)),
                f"{side}ForeArm": (f"{side}ForeArm", elbow),
                f"{side}Hand": wrist,
                f"{side}HandThumb": wrist,
                f"{side}ThumbSite": (f"{side}Hand", at[f"{side[0]}Thumb"]),
                f"{side}WristEnd": finger,
                f"{side}WristSite": finger,
            }
        bones, positions = zip(*(joints[name] for name in JOINTS_32), strict=True)
        return np.array([BONE[bone] for bone in bones]), np.array(positions)

    def joints_32(self, rotations, transforms=None):
        """Human3.6M's 32 joints in a pose: (..., 32, 3), mm, relative to the head of Hips, as `JOINTS_32`.

        `transforms` are those of the pose, if they are known already.

        Human3.6M fits a skeleton to markers. Its joints are placed here so that bones are as long as those of
        the skeleton published with it (thigh 443 mm, shank 454, ...), and lie where they do in its images.
        Offsets are for a body of 1635 mm from ankle to crown and scale with it.

        pelvis, hips
            The middle of the hip joints, 45 mm up, half along the pelvis and half along the thighs. The hips
            are 1.26 times as far from it as the hip joints: Human3.6M's are wider and higher.
        knees, elbows
            12 mm above the knee joint, along the thigh; the elbow joint.
        ankles, wrists
            15 mm below the ankle joint; beyond the wrist by 4 % of the forearm.
        spine
            236 mm above the pelvis of the standing body, midway between hips and neck in depth.
        thorax, shoulders
            15 mm below the neck's joint; the shoulder joint, moved by a fifth of the way to the neck's joint.
        neck, head
            Between nose and mouth, 8 mm below the joint of the mouth; 87 mm above that joint, 70 mm back.
        """
        bones, rest = self._joints_at_rest
        moved = (self.transforms(rotations) if transforms is None else transforms)[..., bones, :, :]
        joints = (moved[..., :3] @ rest[..., None])[..., 0] + moved[..., 3]
        up = rotations[..., :, 2]
        thighs = up[..., BONE["LeftUpLeg"], :] + up[..., BONE["RightUpLeg"], :]
        rise = _HIPS_RISE * self.scale * (up[..., BONE["Hips"], :] / 2 + thighs / 4)
        middle, hips = joints[..., _PELVIS, :], joints[..., _HIPS, :]
        joints[..., _PELVIS, :] = middle + rise[..., None, :]
        joints[..., _HIPS, :] = middle + rise[..., None, :] + _HIPS_WIDTH * (hips - middle)
        return joints

    def joints(self, rotations, transforms=None):
        """Those of `joints_32` that are kept: (..., 17, 3) array, mm, as `pose3d.skeleton.JOINTS`."""
        return self.joints_32(rotations, transforms)[..., KEPT, :]


@functools.cache
def population():
    """The `Population` that ships with pose3d; a `UserError` if its file is missing or damaged."""
    return read_population(_FILE)


def read_population(path):
    """As `population`, of the file at `path`."""
    try:
        return _FORMAT.read(path, _decode)
    except (OSError, UserError) as error:
        reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else error
        raise UserError(f"{reason}; install pose3d again") from error


def _decode(header, arrays):
    """Population of a file's content."""
    if tuple(header["bones"]) != BONES or tuple(header["parents"]) != PARENTS:
        raise ValueError("its bones are others")
    mean, shapes = (
        np.cumsum(arrays[name], axis=-2, dtype=np.int16) * np.float32(header["step"])
        for name in ("mean", "shapes")
    )
    coefficients, weights, bones = (
        arrays["coefficients"].astype(np.float32),
        arrays["weights"],
        arrays["bones"],
    )
    body, skirt = (arrays[name].astype(np.int32) for name in ("faces", "skirt"))
    points, vertices, in_body = tuple(header["points"]), len(weights), int(body.max()) + 1
    whole = (
        mean.shape == (vertices + len(points), 3)
        and shapes.shape == (coefficients.shape[1], *mean.shape)
        and arrays["is_female"].shape == coefficients.shape[:1]
        and weights.shape == bones.shape == (vertices, 4)
        and (weights.sum(axis=1) == _FULL).all()
        and bones.max() < len(BONES)
        and in_body <= skirt.min() <= skirt.max() < vertices
        and {*BONES, "mouth", "eyes", "neck", "crown"} <= set(points)
    )
    if not whole:
        raise ValueError("its parts do not fit together")
    faces, shares = np.concatenate([body, skirt]), weights / np.float32(_FULL)
    return Population(
        mean, shapes, coefficients, arrays["is_female"], points,
        faces, in_body, len(body), shares, bones.astype(np.int32),
    )  # fmt: skip
