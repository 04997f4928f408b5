"""Scene: four calibrated cameras, lamps, images of the empty room, and the place of a motion in it."""

import functools

import numpy as np
from scipy.ndimage import map_coordinates

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, Camera, project, world_to_camera
from pose3d.synthetic.mesh import skin

FULL_SIZE = 1000  # columns of a frame of Human3.6M
_TALL = 1002  # rows of the frames of cameras 1 and 4, and of all cameras for S7
_TALL_CAMERAS = (CAMERAS[0], CAMERAS[3])

# Azimuth in degrees; distance from the middle, height and target height in mm; at full size, focal
# lengths and principal point in px; distortion. Similar to the real cameras and equal to none.
_RIG = (
    (42, 5050, 1600, 880, (1146.2, 1144.9), (511.3, 514.7), (-0.205, 0.240, -0.004), (-0.0009, -0.0014)),
    (139, 5150, 1480, 900, (1148.7, 1148.1), (508.6, 509.2), (-0.195, 0.235, 0.006), (-0.0016, 0.0005)),
    (-136, 5000, 1630, 870, (1150.1, 1149.4), (518.9, 500.6), (-0.210, 0.255, -0.003), (-0.0007, -0.0018)),
    (-47, 5200, 1540, 890, (1144.6, 1143.8), (513.4, 502.9), (-0.190, 0.220, 0.008), (-0.0012, 0.0009)),
)  # fmt: skip

# Lamps under the ceiling: position in mm, strength. One side of the room is brighter.
LAMPS = np.array(
    [
        (-1800, 1500, 3400, 0.66),
        (2200, 1800, 3400, 0.38),
        (500, -2400, 3400, 0.52),
        (-3600, -2600, 2600, 0.34),
    ]
)
AMBIENT = 0.42
LAMP_DISTANCE = 3000.0  # mm at which a lamp has its strength
_ROOM = np.array([6200.0, 5800.0, 3600.0])  # half length, half width, height
_SINK = 30.0  # mm, largest depth below the floor
_STANDING = 5  # percentile of the lowest points that is the floor: captures are noisy
_MARGIN = 40  # px at full size between a joint and the border
_NEAREST = 1000.0  # mm in front of a camera; the distortion is not valid for less


def image_shape(subject, camera, image_size):
    """(H, W) of a frame of `image_size` columns (1000 in Human3.6M); both are even, as codecs require."""
    rows = _TALL if camera in _TALL_CAMERAS or subject == "S7" else FULL_SIZE
    return 2 * int(np.ceil(rows * image_size / FULL_SIZE / 2)), image_size


def camera_of(camera, image_size):
    """Calibrated camera, its intrinsics scaled to an image of `image_size` columns."""
    azimuth, distance, height, aim, f, c, k, p = _RIG[CAMERAS.index(camera)]
    angle = np.radians(azimuth)
    position = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
    forward = np.array([0, 0, aim]) - position
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    scale = image_size / FULL_SIZE
    return Camera(
        R=np.stack([right, np.cross(forward, right), forward]),
        T=position,
        f=np.array(f) * scale,
        c=(np.array(c) + 0.5) * scale - 0.5,  # pixel centres are whole numbers
        k=np.array(k),
        p=np.array(p),
    )


@functools.lru_cache(maxsize=6)
def empty_room(camera, shape, seed):
    """A camera's image of the empty room, (H, W, 3) uint8, RGB; cached, since takes share it.

    `seed` is of the room's texture, the same for all cameras and recordings.
    """
    return _background(camera_of(camera, shape[1]), shape, np.random.default_rng(seed))


def _rays(camera, rows, columns):
    """Undistort every pixel by fixed-point iteration; few steps suffice, as the distortion is small."""
    wanted = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(float)
    xy = (wanted - camera.c) / camera.f
    for _ in range(12):
        seen = project(camera, np.concatenate([xy, np.ones((rows, columns, 1))], axis=-1))
        xy += (wanted - seen) / camera.f
    return xy


def light_at(place):
    """Light on a place (3,), mm: (L, 4), the direction towards each lamp, of length 1, and its strength."""
    towards = LAMPS[:, :3] - place
    far = np.linalg.norm(towards, axis=1, keepdims=True)
    return np.column_stack([towards / far, LAMPS[:, 3] * (LAMP_DISTANCE / far[:, 0]) ** 2])


def _background(camera, shape, rng):
    """Render the empty room by ray casting."""
    grain = rng.uniform(-1, 1, (6, 64, 64))
    tints = rng.uniform(0.4, 0.7, (6, 1)) + rng.uniform(-0.05, 0.05, (6, 3))
    rays = np.pad(_rays(camera, *shape), ((0, 0), (0, 0), (0, 1)), constant_values=1) @ camera.R  # world
    with np.errstate(divide="ignore"):
        bounds = np.where(rays > 0, _ROOM, [-_ROOM[0], -_ROOM[1], 0.0])
        steps = (bounds - camera.T) / rays
    axis = steps.argmin(axis=-1)
    point = camera.T + np.take_along_axis(steps, axis[..., None], -1) * rays
    positive = np.take_along_axis(rays, axis[..., None], -1)[..., 0] > 0
    image = np.zeros(rays.shape)
    for wall in range(6):
        on = (axis == wall // 2) & (positive == wall % 2)
        across = [a for a in range(3) if a != wall // 2]
        normal = np.zeros(3)
        normal[wall // 2] = 1 - 2 * (wall % 2)
        albedo = _wall(point[on][:, across], grain[wall], tints[wall])
        image[on] = albedo * _light(point[on], normal)[:, None]
    return np.clip(255 * image, 0, 255).astype(np.uint8)


def _wall(place, grain, tint):
    """(P, 3) albedo at (P, 2) places in mm: panels with dark joints, and stains."""
    stains = sum(
        map_coordinates(grain, (place / size).T, order=1, mode="grid-wrap") / 2**i
        for i, size in enumerate((400, 130, 40))
    )
    panel = np.floor(place / (900, 700)).sum(axis=1) % 2
    joint = (np.abs(place / (900, 700) - np.round(place / (900, 700))) < 0.012).any(axis=1)
    value = 0.75 + 0.18 * panel + 0.12 * stains - 0.3 * joint
    return np.clip(value[:, None] * tint, 0.02, 1)


def _light(point, normal):
    """Light (P,) that falls on (P, 3) places of one normal."""
    total = np.full(len(point), AMBIENT)
    for lamp in LAMPS:
        towards = lamp[:3] - point
        far = np.linalg.norm(towards, axis=1)
        total += lamp[3] * np.maximum(towards @ normal / far, 0) * (LAMP_DISTANCE / far) ** 2
    return total


def placed(motion, body, name):
    """Put a motion on the floor in the middle of the room; keep the frames that all four cameras see whole.

    A `UserError`, which names the file `name`, if there are none, or joints that coincide leave a direction
    open.
    """
    joints = motion.joints(body)
    if not np.isfinite(joints).all():
        raise UserError(f"{name}: joints coincide in some frame; name other joints by --joint-map")
    bare, shown = np.zeros(len(body.vertices), np.float32), body.n_body_vertices
    lowest = [skin(body, transforms, bare)[:shown, 2].min() for transforms in motion.transforms(body)]
    floor = min(np.percentile(lowest, _STANDING), np.min(lowest) + _SINK)
    ground = joints[..., :2].reshape(-1, 2)
    shift = -np.append((ground.min(axis=0) + ground.max(axis=0)) / 2, floor)
    seen = np.flatnonzero(_is_seen(joints + shift))
    if not len(seen):
        raise UserError(f"{name}: no frame is in view of all four cameras; remove the file")
    return motion.moved(shift).at(seen)


def _is_seen(joints):
    """(F,) whether all joints (F, J, 3) are inside all four images, with a margin."""
    seen = np.ones(len(joints), bool)
    for number in CAMERAS:
        camera = camera_of(number, FULL_SIZE)
        points = world_to_camera(camera, joints)
        px = project(camera, points)
        inside = (px >= _MARGIN) & (px <= FULL_SIZE - 1 - _MARGIN) & (points[..., 2:] >= _NEAREST)
        seen &= inside.all(axis=(1, 2))
    return seen
