"""Renderer: ray casting against the walker's solids, with depth buffer, light and cloth."""

import numpy as np

from pose3d.io.jit import njit
from pose3d.synthetic.scene import AMBIENT, LAMP_DISTANCE, lamps_seen_by
from pose3d.synthetic.solids import EMBLEM, HEAD, JACKET, STRIPES, parts, solids

_NEAR = 500.0  # mm


def render(body, motion, seen, empty, frames, lamps=None):
    """Render a walker over the empty room.

    Parameters
    ----------
    body : Body
    motion : Motion
    seen : View
    empty : (H, W, 3) uint8 array, the empty room
    frames : int, number of frames
    lamps : (L,) floats, factors of the lamps' strengths; None: all 1

    Yields
    ------
    image : (H, W, 3) uint8 array
    silhouette : (H, W) bool array, pixels of the walker
    """
    table = _table(body)
    begin, axes = solids(body, motion, seen.camera)
    lamps = lamps_seen_by(seen.camera, lamps)
    up = seen.camera.R[:, 2].copy()
    focal = float(seen.camera.f.max())
    for i in range(frames):
        image = empty.copy()
        nearest = np.full(empty.shape[:2], -1, np.int32)
        bounds = _bounds(begin[i], axes[i], table, seen, focal)
        _draw(begin[i], axes[i], table, bounds, seen.rays, lamps, up, image, nearest)
        yield image, nearest >= 0


def _table(body):
    """(P, 13) array of the parts: length, two radii, three scales, two colours, pattern."""
    return np.array(
        [
            (part.length, *part.radii, *part.scale, *part.colour, *part.second, part.pattern)
            for part in parts(body)
        ],
        float,
    )


def _bounds(begin, axes, table, seen, focal):
    """(P, 4) bounds of the pixels that each solid may cover: rows and columns, half-open."""
    rows, columns = seen.rays.shape[:2]
    end = begin + axes[:, :, 2] * (table[:, 0] * table[:, 5])[:, None]
    radius = table[:, 1:3].max(axis=1) * table[:, 3:6].max(axis=1)
    centres = np.stack([begin, end])
    margin = 1.05 * focal * radius / np.maximum(centres[..., 2] - radius, _NEAR) + 3
    # Distortion is ignored: its 2 px at most are within the margin.
    px = centres[..., :2] / centres[..., 2:] * seen.camera.f + seen.camera.c
    low = np.floor((px - margin[..., None]).min(axis=0))
    high = np.ceil((px + margin[..., None]).max(axis=0))
    low, high = np.clip(low, 0, (columns, rows)), np.clip(high, 0, (columns, rows))
    return np.stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]], axis=1).astype(np.int64)


@njit(cache=True)
def _hit(o, d, length, first, second):
    """Intersect the ray from o along d (unit) with a capsule along z that tapers from `first` to `second`.

    Returns the distance, or -1, and the outward normal (not of unit length). After Inigo Quilez's
    "rounded cone", https://iquilezles.org/articles/intersectors.
    """
    none = (-1.0, 0.0, 0.0, 0.0)
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2]
    below = b * b - c + first * first
    if length <= 0.0:
        if below < 0:
            return none
        t = -b - np.sqrt(below)
        return t, o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2]
    taper = first - second
    m0, m1, m2 = length * length, length * o[2], length * d[2]
    d2 = m0 - taper * taper
    k2 = d2 - m2 * m2
    k1 = d2 * b - m1 * m2 + m2 * taper * first
    k0 = d2 * c - m1 * m1 + m1 * taper * first * 2.0 - m0 * first * first
    h = k1 * k1 - k0 * k2
    if h < 0:
        return none
    t = (-np.sqrt(h) - k1) / k2
    y = m1 - first * taper + t * m2
    if 0.0 < y < d2:
        return t, d2 * (o[0] + t * d[0]), d2 * (o[1] + t * d[1]), d2 * (o[2] + t * d[2]) - length * y
    top = o[2] - length
    b2 = b - length * d[2]
    above = b2 * b2 - (c - o[2] * o[2] + top * top) + second * second
    if max(below, above) < 0:
        return none
    t = 1e30
    if below > 0:
        t = -b - np.sqrt(below)
    if above > 0 and -b2 - np.sqrt(above) < t:
        t = -b2 - np.sqrt(above)
        return t, o[0] + t * d[0], o[1] + t * d[1], top + t * d[2]
    return t, o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2]


@njit(cache=True)
def _to_solid(vector, axes, scale):
    """Transform a camera-frame vector to a solid's own, unscaled axes."""
    x = (vector[0] * axes[0, 0] + vector[1] * axes[1, 0] + vector[2] * axes[2, 0]) / scale[0]
    y = (vector[0] * axes[0, 1] + vector[1] * axes[1, 1] + vector[2] * axes[2, 1]) / scale[1]
    z = (vector[0] * axes[0, 2] + vector[1] * axes[1, 2] + vector[2] * axes[2, 2]) / scale[2]
    return x, y, z


@njit(cache=True)
def _draw(begin, axes, table, bounds, rays, lamps, up, image, nearest):
    """Find the nearest solid and its depth for each pixel, then compute the colours."""
    first, last = bounds[:, 0].min(), bounds[:, 1].max()
    left, right = bounds[:, 2].min(), bounds[:, 3].max()
    depth = np.full((last - first, right - left), 1e30)
    normals = np.zeros((last - first, right - left, 3), np.float32)
    for p in range(len(table)):
        scale = table[p, 3:6]
        o = _to_solid((-begin[p, 0], -begin[p, 1], -begin[p, 2]), axes[p], scale)
        for row in range(bounds[p, 0], bounds[p, 1]):
            for column in range(bounds[p, 2], bounds[p, 3]):
                d = _to_solid((rays[row, column, 0], rays[row, column, 1], 1.0), axes[p], scale)
                stretch = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
                unit = (d[0] / stretch, d[1] / stretch, d[2] / stretch)
                t, nx, ny, nz = _hit(o, unit, table[p, 0], table[p, 1], table[p, 2])
                t /= stretch  # the ray has z = 1, so t is the depth in mm
                if 0 < t < depth[row - first, column - left]:
                    depth[row - first, column - left] = t
                    nearest[row, column] = p
                    normals[row - first, column - left] = (nx, ny, nz)
    for row in range(first, last):
        for column in range(left, right):
            p = nearest[row, column]
            if p >= 0:
                z = depth[row - first, column - left]
                point = (rays[row, column, 0] * z, rays[row, column, 1] * z, z)
                scale = table[p, 3:6]
                from_begin = (point[0] - begin[p, 0], point[1] - begin[p, 1], point[2] - begin[p, 2])
                place = _to_solid(from_begin, axes[p], scale)
                light = _light(point, normals[row - first, column - left], axes[p], scale, lamps, up)
                light *= _cloth(place)
                at = 9 if _is_second(place, table[p]) else 6
                for channel in range(3):
                    image[row, column, channel] = min(255.0, 255.0 * light * table[p, at + channel])


@njit(cache=True)
def _light(point, normal, axes, scale, lamps, up):
    """Light reflected by a surface, from its normal in the solid's own axes."""
    a, b, c = normal[0] / scale[0], normal[1] / scale[1], normal[2] / scale[2]
    x = axes[0, 0] * a + axes[0, 1] * b + axes[0, 2] * c
    y = axes[1, 0] * a + axes[1, 1] * b + axes[1, 2] * c
    z = axes[2, 0] * a + axes[2, 1] * b + axes[2, 2] * c
    size = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / size, y / size, z / size
    total = AMBIENT * (1.0 + 0.4 * (x * up[0] + y * up[1] + z * up[2]))
    for i in range(len(lamps)):
        dx, dy, dz = lamps[i, 0] - point[0], lamps[i, 1] - point[1], lamps[i, 2] - point[2]
        far2 = dx * dx + dy * dy + dz * dz
        facing = (x * dx + y * dy + z * dz) / np.sqrt(far2)
        if facing > 0:
            total += lamps[i, 3] * facing * LAMP_DISTANCE**2 / far2
    return total


@njit(cache=True)
def _cloth(place):
    """Folds and weave of the cloth: a factor near 1, fixed to the surface."""
    x, y, z = place
    return (
        1.0 + 0.05 * np.sin(0.07 * z + 2.0 * np.sin(0.04 * y + 0.03 * x)) + 0.03 * np.sin(0.21 * y - 0.17 * z)
    )


@njit(cache=True)
def _is_second(place, part):
    """Whether a place has the second colour of the pattern: hair, eyes and mouth; front of a shirt."""
    pattern = int(part[12])
    wide = part[1]
    x, y, z = place[0] / wide, place[1] / wide, place[2] / wide
    front = x > 0
    if pattern == HEAD:
        hair = z > 0.62 or (x < 0.1 and z > -0.6)
        eyes = front and abs(abs(y) - 0.38) < 0.17 and abs(z - 0.08) < 0.09
        mouth = front and abs(y) < 0.28 and abs(z + 0.52) < 0.06
        return hair or eyes or mouth
    if pattern == EMBLEM:
        return front and abs(y) < 0.5 and z > -0.2
    if pattern == STRIPES:
        return place[2] % 60.0 < 22.0 or (front and abs(y) < 0.35)
    if pattern == JACKET:
        return front and abs(y) < 0.32
    return False
