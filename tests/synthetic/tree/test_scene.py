import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.body import population
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.tree.scene import (
    LAMP_DISTANCE,
    LAMPS,
    _rays,
    camera_of,
    empty_room,
    image_shape,
    light_at,
    placed,
)

BODY = population().body(133)


@pytest.mark.parametrize("number", CAMERAS)
def test_rays_are_the_inverse_of_the_projection(number):
    camera = camera_of(number, 200)
    rays = _rays(camera, 204, 200)
    points = np.concatenate([rays, np.ones((204, 200, 1))], axis=-1) * 4000
    columns, rows = np.meshgrid(np.arange(200), np.arange(204))
    np.testing.assert_allclose(project(camera, points), np.stack([columns, rows], axis=-1), atol=1e-3)


@pytest.mark.parametrize("number", CAMERAS)
def test_cameras_stand_upright_and_look_at_the_middle(number):
    camera = camera_of(number, 1000)
    np.testing.assert_allclose(camera.R @ camera.R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.R) == pytest.approx(1)
    feet, head = world_to_camera(camera, [[0, 0, 0], [0, 0, 1700]])
    assert head[1] < feet[1]  # y is down
    assert 4500 < feet[2] < 5700
    middle = project(camera, world_to_camera(camera, [0, 0, 900]))
    assert np.abs(middle - 500).max() < 60


def test_a_smaller_image_shows_the_same():
    point = np.array([400.0, -300, 5000])
    large, small = (project(camera_of(CAMERAS[1], size), point) for size in (1000, 250))
    np.testing.assert_allclose((small + 0.5) * 4, large + 0.5)


def test_sizes_are_those_of_human36m():
    assert [image_shape("S1", c, 1000)[0] for c in CAMERAS] == [1002, 1000, 1000, 1002]
    assert {image_shape("S7", c, 1000) for c in CAMERAS} == {(1002, 1000)}
    assert image_shape("S1", CAMERAS[0], 500) == (502, 500)  # 501, made even


def test_the_room_is_textured_unevenly_lit_and_the_same_for_the_same_seed():
    room = empty_room(CAMERAS[2], (200, 200), 4)
    assert room.dtype == np.uint8
    empty_room.cache_clear()
    np.testing.assert_array_equal(room, empty_room(CAMERAS[2], (200, 200), 4))
    gray = room.mean(axis=-1)
    assert gray.std() > 10
    quarters = gray.reshape(2, 100, 2, 100).mean(axis=(1, 3))
    assert np.ptp(quarters) > 5


def test_lamps_shine_as_their_distance_says():
    """Below the first lamp, at the distance of its strength, and at twice that distance."""
    for far, share in ((1, 1), (2, 0.25)):
        place = LAMPS[0, :3] - [0, 0, far * LAMP_DISTANCE]
        light = light_at(place)
        np.testing.assert_allclose(light[0], [0, 0, 1, share * LAMPS[0, 3]])
        np.testing.assert_allclose(np.linalg.norm(light[:, :3], axis=1), 1)


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S1"], 60, True, np.random.default_rng(8))


def lowest(motion):
    bare, shown = np.zeros(len(BODY.vertices), np.float32), BODY.n_body_vertices
    return np.array([skin(BODY, t, bare)[:shown, 2].min() for t in motion.transforms(BODY)])


def test_a_walk_is_put_back_on_its_floor_and_centred(motion):
    there = placed(motion.moved([3000, -2000, 1234.5]), BODY, "a.bvh")
    np.testing.assert_array_equal(there.rotations, motion.rotations)
    assert np.abs(lowest(there)).max() < 10
    level = there.joints(BODY)[..., :2].reshape(-1, 2)
    np.testing.assert_allclose(level.min(axis=0) + level.max(axis=0), 0, atol=1e-9)
    by = there.root - motion.root
    np.testing.assert_allclose(by, np.broadcast_to(by[0], by.shape), atol=1e-9)


def test_nothing_sinks_by_more_than_30_mm(motion):
    by = np.zeros((60, 3))
    by[20, 2] = -400  # a glitch of the capture
    assert lowest(placed(motion.moved(by), BODY, "a.bvh")).min() == pytest.approx(-30, abs=0.01)
    by[20, 2] = -25  # too little to lift everything
    there, clean = placed(motion.moved(by), BODY, "a.bvh"), placed(motion, BODY, "a.bvh")
    np.testing.assert_allclose((there.root - by)[:, 2], clean.root[:, 2], atol=0.5)


def test_frames_that_a_camera_does_not_see_whole_are_dropped(motion):
    """On a ladder, and 20 m straight on, of which the middle of the room is seen."""
    high = np.zeros((60, 3))
    high[20:30, 2] = 2500
    there = placed(motion.moved(high), BODY, "a.bvh")
    np.testing.assert_array_equal(there.rotations, np.delete(motion.rotations, range(20, 30), axis=0))
    along = np.linspace(0, 20_000, 60)[:, None] * [1, 0, 0]
    far = placed(motion.moved(along), BODY, "a.bvh")
    first = int(np.flatnonzero((motion.rotations == far.rotations[0]).all(axis=(1, 2, 3)))[0])
    assert 20 < first < first + len(far) < 40
    assert len(far) > 5
    np.testing.assert_array_equal(far.rotations, motion.rotations[first : first + len(far)])
    for number in CAMERAS:
        camera = camera_of(number, 1000)
        px = project(camera, world_to_camera(camera, np.concatenate([there.joints(BODY), far.joints(BODY)])))
        assert px.min() > 39
        assert px.max() < 960
    with pytest.raises(UserError, match="a.bvh: no frame is in view of all four cameras"):
        placed(motion.moved(np.linspace(0, 40_000, 60)[:, None] * [1, 0, 0]).at([0, 59]), BODY, "a.bvh")


def test_joints_without_a_place_are_named(motion):
    nowhere = motion.moved(np.where(np.arange(60)[:, None] == 7, np.nan, 0))
    with pytest.raises(UserError, match=r"a.bvh: joints coincide in some frame; name other joints by"):
        placed(nowhere, BODY, "a.bvh")
