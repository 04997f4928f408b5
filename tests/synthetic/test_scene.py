import numpy as np
import pytest

from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.scene import LAMP_DISTANCE, LAMPS, _rays, camera_of, empty_room, image_shape, light_at


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
