import numpy as np
import pytest

from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.skeleton import KEPT
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.renderer import _bounds, _draw, _hit, _table, render
from pose3d.synthetic.scene import background, view
from pose3d.synthetic.solids import solids
from pose3d.synthetic.walker_bodies import BODIES

SIZE = 300


def distance(point, length, first, second):
    """Signed distance to the convex hull of two spheres, by its definition: dense spheres in between."""
    share = np.linspace(0, 1, 1001)
    centres = np.stack([0 * share, 0 * share, share * length], axis=1)
    return (np.linalg.norm(point - centres, axis=1) - (first + share * (second - first))).min()


@pytest.mark.parametrize(
    ("length", "first", "second"), [(0.0, 30.0, 30.0), (90.0, 30.0, 30.0), (90.0, 20.0, 45.0)]
)
def test_lines_of_sight_end_on_the_surface(length, first, second):
    rng = np.random.default_rng(int(length + second))
    hits = 0
    for _ in range(120):
        origin = rng.normal(size=3)
        origin *= 400 / np.linalg.norm(origin)
        towards = np.array([0, 0, length / 2]) + rng.uniform(-60, 60, 3) - origin
        towards /= np.linalg.norm(towards)
        t, *normal = _hit(origin, towards, length, first, second)
        along = origin + np.linspace(0, 800, 801)[:, None] * towards
        depths = np.array([distance(point, length, first, second) for point in along[200:650:10]])
        if t < 0:
            assert depths.min() > -2
            continue
        hits += 1
        at = origin + t * towards
        assert abs(distance(at, length, first, second)) < 0.05
        before = origin + (t - 1.0) * towards
        assert distance(before, length, first, second) > 0
        normal = np.array(normal) / np.linalg.norm(normal)
        assert distance(at + 2 * normal, length, first, second) == pytest.approx(2, abs=0.1)
    assert 20 < hits < 115


@pytest.fixture(scope="module")
def drawn():
    body = BODIES["S11"]
    motion = walk(body, GAITS["S11"], 60, False, np.random.default_rng(2))
    seen = view(CAMERAS[0], (302, SIZE))
    empty = background(seen, np.random.default_rng(0))
    return motion, seen, empty, list(render(body, motion, seen, empty, 60))


def test_the_joints_are_inside_the_silhouette(drawn):
    motion, seen, _, pictures = drawn
    px = np.rint(project(seen.camera, world_to_camera(seen.camera, motion.joints[:, KEPT]))).astype(int)
    inside = [silhouette[at[:, 1], at[:, 0]] for at, (_, silhouette) in zip(px, pictures, strict=True)]
    assert np.mean(inside) > 0.995


def test_only_the_silhouette_is_painted(drawn):
    _, _, empty, pictures = drawn
    for image, silhouette in pictures[::10]:
        np.testing.assert_array_equal(image[~silhouette], empty[~silhouette])
        assert (image[silhouette] != empty[silhouette]).any(axis=-1).mean() > 0.98
        assert image[silhouette].std() > 15  # light and shade


def test_every_pixel_shows_the_nearest_solid(drawn):
    """All solids tried one by one, without bounding rectangles and without a depth buffer."""
    motion, seen, empty, _ = drawn
    table = _table(BODIES["S11"])
    begin, axes = (placed[25] for placed in solids(BODIES["S11"], motion, seen.camera))
    bounds = _bounds(begin, axes, table, seen, float(seen.camera.f.max()))
    nearest = np.full(empty.shape[:2], -1, np.int32)
    no_lamp, up = np.zeros((1, 4)), np.array([0.0, -1.0, 0.0])
    _draw(begin, axes, table, bounds, seen.rays, no_lamp, up, empty.copy(), nearest)
    rows, columns = np.nonzero(nearest >= 0)
    found = set()
    for row in range(rows.min() - 6, rows.max() + 7, 3):
        for column in range(columns.min() - 6, columns.max() + 7, 3):
            depths = [
                _depth(p, begin, axes, table, (*seen.rays[row, column], 1.0)) for p in range(len(table))
            ]
            expected = int(np.argmin(depths)) if min(depths) < np.inf else -1
            assert nearest[row, column] == expected
            found.add(expected)
    assert len(found) > 12


def test_no_solid_is_cut_by_its_rectangle():
    body = BODIES["S8"]
    motion = walk(body, GAITS["S8"], 40, True, np.random.default_rng(5))
    seen = view(CAMERAS[3], (1002, 1000))
    table, focal = _table(body), float(seen.camera.f.max())
    begin, axes = (placed[30] for placed in solids(body, motion, seen.camera))
    bounds = _bounds(begin, axes, table, seen, focal)
    whole = np.tile([0, 1002, 0, 1000], (len(table), 1))
    drawn = []
    for rectangles in (bounds, whole):
        nearest = np.full((1002, 1000), -1, np.int32)
        image = np.zeros((1002, 1000, 3), np.uint8)
        _draw(begin, axes, table, rectangles, seen.rays, np.zeros((1, 4)), np.ones(3), image, nearest)
        drawn.append(nearest)
    np.testing.assert_array_equal(*drawn)


def _depth(p, begin, axes, table, ray):
    into = axes[p].T / table[p, 3:6][:, None]
    towards = into @ np.array(ray)
    stretch = np.linalg.norm(towards)
    t = _hit(into @ -begin[p], towards / stretch, *table[p, :3])[0]
    return t / stretch if t > 0 else np.inf
