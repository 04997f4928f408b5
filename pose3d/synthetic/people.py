"""Single observations of synthetic people: each of another body, clothes, light, camera and pose."""

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS
from pose3d.recordings.observation import Observation, Reader, around, box_around
from pose3d.synthetic.body import population
from pose3d.synthetic.clothes import wardrobe
from pose3d.synthetic.mask_errors import spoil
from pose3d.synthetic.mesh import skin, vertex_normals
from pose3d.synthetic.pose_families import FAMILIES, draw
from pose3d.synthetic.rasteriser import rasterise, shade

SIDE = 256  # px of an observation; a sample has half as many
BLOCK = 1000  # observations that are drawn from one generator
_MOST = 4_000_000  # frames: a block's number must fit a take's
# Share of the observations and of the bodies of each subject: most train.
_SHARES = {"S1": 0.18, "S5": 0.18, "S6": 0.18, "S7": 0.18, "S8": 0.18, "S9": 0.05, "S11": 0.05}
# Where people are cut off: the direction of what is lost, degrees from the right, clockwise.
_LOST_SIDES, _LOST_SHARES = (90, 270, 0, 180), (0.66, 0.1, 0.12, 0.12)
_BLURRED, _HAZY = 0.45, 0.5  # shares of the observations
_WIDEST_BLUR, _BLUR_REACH = 3.5, 16  # px; beyond its reach a blur changes nothing
_CARRIED = 1.0  # mean number of things that someone carries
_VERSION = 6  # increase when the same options give other observations


@dataclass(frozen=True)
class People:
    """Observations of one family of poses, by bodies of one group: a block, as a recording is elsewhere."""

    subject: str  # the group of bodies, called as the subjects of Human3.6M
    action: str  # the family of poses
    take: int  # number of the block, from 1
    count: int  # observations
    seed: int
    camera: str = "1"
    files: tuple = ()

    @property
    def name(self):
        """What it is made from, kept in built files."""
        return f"people {_VERSION}, seed {self.seed}, {self.count} observations"

    def open(self, every):
        return PeopleReader(self, every)

    def __str__(self):
        return f"people {self.subject} {self.action} {self.take}"


def find_people(frames, seed, subjects=None, actions=None):
    """The blocks of a number of observations.

    Parameters
    ----------
    frames : int, about the number of observations of all subjects and actions
    seed : int
    subjects, actions : lists of str; None: all. Each has the same observations whatever else is asked for

    Returns
    -------
    list of People

    Raises
    ------
    UserError
        if there is no such subject or family, or a number is too small
    """
    if not 1 <= frames <= _MOST or seed < 0:
        raise UserError(
            f"--frames {frames} --seed {seed}: give 1 to {_MOST} frames, and a seed of at least 0"
        )
    for names, known in ((subjects or (), SUBJECTS), (actions or (), FAMILIES)):
        for name in names:
            if name not in known:
                raise UserError(f"no people {name!r}; choose from {', '.join(known)}")
    total = sum(family.share for family in FAMILIES.values())
    found = []
    for subject in SUBJECTS if subjects is None else subjects:
        for action in FAMILIES if actions is None else actions:
            count = max(1, round(frames * _SHARES[subject] * FAMILIES[action].share / total))
            starts = range(0, count, BLOCK)
            found += [
                People(subject, action, 1 + number, min(BLOCK, count - start), seed)
                for number, start in enumerate(starts)
            ]
    return found


class PeopleReader(Reader):
    """Draws the observations of a block."""

    def __iter__(self):
        block, family = self.recording, FAMILIES[self.recording.action]
        rng = np.random.default_rng(
            [block.seed, SUBJECTS.index(block.subject), list(FAMILIES).index(block.action), block.take]
        )
        everyone = population()
        poses = draw(block.action, block.count, everyone.average, rng)
        studio = _studio()
        numbers = rng.choice(_group(len(everyone), block.subject), block.count)
        bodies, streams = everyone.bodies(numbers, rng), rng.spawn(block.count)
        for number, (pose, body, one) in enumerate(zip(poses, bodies, streams, strict=True)):
            if number % self.every == 0:
                image, silhouette, joints, pixels = studio.photograph(
                    body, pose, one, family.skirt, family.cut_off
                )
                furniture = 0.7 if family.chair else 0.12
                mask = spoil(silhouette, one, one.uniform(0, 1.1), furniture)
                box = (0, 0, SIDE, SIDE)
                yield Observation(number, block.take, _Frame(image), box, mask, pixels, joints)


@functools.cache
def _studio():
    return Studio()


def _group(count, subject):
    """Numbers of the bodies of a subject, of `count`: nobody is in two groups."""
    ends = np.rint(count * np.cumsum([0, *_SHARES.values()])).astype(int)
    place = list(_SHARES).index(subject)
    return np.random.default_rng(0).permutation(count)[ends[place] : ends[place + 1]]


@dataclass(frozen=True)
class _Frame:
    """An image as the crop reads it."""

    image: np.ndarray

    @property
    def shape(self):
        return self.image.shape

    def gray(self, box):
        """The gray levels within (x0, y0, x1, y1)."""
        x0, y0, x1, y1 = box
        return self.image[y0:y1, x0:x1]


class Studio:
    """Takes photographs of people; what does not change between them is kept."""

    def __init__(self):
        self._gray = np.empty((SIDE, SIDE, 1), np.float32)
        self._nearest = np.empty((SIDE, SIDE), np.float32)

    def photograph(self, body, pose, rng, may_wear_skirt, is_cut_off):
        """Photograph a person on the floor in a square of `SIDE` px around what is seen of the person.

        `pose` (31, 3, 3) rotates the bones from the T-pose. Returns the image (gray levels, uint8), the
        silhouette (bool), and the joints (17, 3), mm, camera frame, and (17, 2), px.
        """
        clothes = wardrobe().dress(body, rng, may_wear_skirt)
        shown = body.n_body_vertices, body.n_body_faces
        vertices, faces = (slice(None), slice(None)) if clothes.skirt else map(slice, shown)
        faces = body.faces[faces]
        transforms = body.transforms(pose)
        posed = skin(body, transforms, clothes.offsets)[vertices]
        axes, position = _camera(rng)
        position[2] += posed[:, 2].min()  # the floor
        posed = posed @ axes.T.astype(np.float32) - (axes @ position).astype(np.float32)
        joints = (body.joints(pose, transforms) - position) @ axes.T
        normals = vertex_normals(posed, faces)
        values = self._light(normals, clothes, axes, rng, vertices)

        x, y, depths = np.ascontiguousarray(posed.T)
        flat = np.stack([x / depths, y / depths])
        seen = flat
        if is_cut_off:
            direction, limit = _cut(flat, rng)
            seen = flat[:, direction @ flat <= limit]
        low, high = seen.min(axis=1), seen.max(axis=1)
        side = (high - low).max() * rng.uniform(1.04, 1.17)
        start = (low + high) / 2 + rng.uniform(-0.025, 0.025, 2) * side - side / 2
        scale = SIDE / side
        pixels = np.float32(scale) * flat.T - (start * scale + 0.5).astype(np.float32)
        self._nearest[:] = np.inf
        rasterise(pixels, depths, values, faces, self._gray, self._nearest)
        silhouette = np.isfinite(self._nearest)
        if is_cut_off:
            across, down = (np.arange(SIDE) + 0.5) / scale + start[:, None]
            silhouette &= direction[0] * across + direction[1] * down[:, None] <= limit
        image = _exposed(self._gray[..., 0], silhouette, rng)
        return image, silhouette, joints, (joints[:, :2] / joints[:, 2:] - start) * scale - 0.5

    def _light(self, normals, clothes, axes, rng, shown):
        """Gray of each vertex under one to three lights from above and the sky; cloth folds."""
        lights = rng.standard_normal((rng.integers(1, 4), 3))
        lights[:, 2] = abs(lights[:, 2]) + 0.5 * rng.random(len(lights))
        lights /= np.linalg.norm(lights, axis=1, keepdims=True)
        lights = np.column_stack([lights @ axes.T, rng.uniform(0.1, 0.9, len(lights))])
        depth = rng.uniform(-0.05, 0.35)
        if depth > 0.05:
            length = rng.uniform(35, 120)
            bumps = np.stack([wardrobe().field(length, rng)[shown] for _ in range(3)], axis=1)
            normals = normals + np.float32(depth) * bumps * clothes.folds[shown, None]
        up = axes[:, 2].astype(np.float32)
        ambient = np.float32(rng.uniform(0.15, 0.8))
        albedo = clothes.albedo[shown, None]
        return shade(normals, albedo, lights.astype(np.float32), ambient, up)


def _camera(rng):
    """Axes (3, 3), right, down, forward, and position (3,), mm, of a camera about someone at the origin."""
    usual = rng.random() < 0.7  # about as in Human3.6M
    far = rng.uniform(2800, 6500) if usual else rng.uniform(2000, 12000)
    height = rng.uniform(1150, 1900) if usual else rng.uniform(200, 3000)
    angle = rng.uniform(0, 2 * np.pi)
    position = np.array([far * np.cos(angle), far * np.sin(angle), height])
    heading = angle + np.pi + np.radians(rng.uniform(-21, 21))
    pitch = np.arctan2(rng.uniform(500, 1200) - height, far)
    axes = np.array(
        [
            [np.sin(heading), -np.cos(heading), 0],
            [np.sin(pitch) * np.cos(heading), np.sin(pitch) * np.sin(heading), -np.cos(pitch)],
            [np.cos(pitch) * np.cos(heading), np.cos(pitch) * np.sin(heading), np.sin(pitch)],
        ]
    )
    roll = np.radians(rng.normal(0, 2))
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return tilt @ axes, position


def _cut(flat, rng):
    """Cut off people (2, V) at a line: what is beyond a limit in a direction (2,) is lost.

    A border of the picture is level, the edge of what hides someone may be tilted.
    """
    tilt = rng.normal(0, 12) if rng.random() < 0.5 else 0
    angle = np.radians(rng.choice(_LOST_SIDES, p=_LOST_SHARES) + tilt)
    direction = np.array([np.cos(angle), np.sin(angle)])
    along = direction @ flat
    return direction, along.min() + rng.uniform(0.4, 0.88) * np.ptp(along)


def _exposed(light, person, rng):
    """Gray levels of a person, and around it a level that is seen where the mask is too large."""
    at = np.flatnonzero(person)
    amount = light.ravel()[at]
    wanted = np.clip(np.exp(rng.normal(np.log(75), 0.5)), 15, 200)
    share = np.minimum(amount * np.float32(wanted / 255 / max(amount.mean(), 1e-3)), np.float32(1.6))
    gray = 255 * share ** np.float32(rng.uniform(0.6, 1.5))
    if rng.random() < _HAZY:  # or stray light in the lens, or a camera that brightens what is in the shade
        veil, level = np.float32(rng.uniform(0, 0.35)), np.float32(rng.uniform(75, 255))
        gray += veil * (level - gray)
    gray += np.float32(rng.uniform(0, 6)) * rng.standard_normal(len(gray), np.float32)
    image = np.full(light.shape, rng.uniform(1, 255), np.uint8)
    image.ravel()[at] = np.clip(gray, 1, 255)
    _add_things(image, at, rng)
    if rng.random() < _BLURRED:  # who is far away, in motion or out of focus
        part = around(box_around(person), _BLUR_REACH)
        blur = ImageFilter.GaussianBlur(rng.uniform(0.5, _WIDEST_BLUR))
        image[part] = Image.fromarray(image[part]).filter(blur)
    return image


def _add_things(image, at, rng):
    """What someone wears or carries besides clothes, such as straps, bags and pads, of any gray.

    The person is seen at `at`, flat indices of the image.
    """
    things = rng.poisson(_CARRIED)
    if not things:
        return
    drawn = Image.fromarray(image)
    pen = ImageDraw.Draw(drawn)
    for _ in range(things):
        corners = 4 if rng.random() < 0.5 else 16
        angles = 2 * np.pi * (np.arange(corners) + 0.5) / corners
        outline = np.stack([np.cos(angles) * rng.uniform(4, 45), np.sin(angles) * rng.uniform(2, 22)])
        turn = rng.uniform(0, np.pi)
        axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        row, column = divmod(at[rng.integers(len(at))], SIDE)
        points = (column, row) + (axes @ outline).T
        pen.polygon([tuple(point) for point in points], fill=int(rng.integers(1, 256)))
    image.ravel()[at] = np.asarray(drawn).ravel()[at]
