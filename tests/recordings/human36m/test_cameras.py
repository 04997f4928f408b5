import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, SUBJECTS, Camera, project, read_cameras, world_to_camera
from pose3d.recordings.human36m.cameras import rotation

PLAIN = Camera(
    np.eye(3), np.zeros(3), np.array([1000.0, 1100]), np.array([500.0, 510]), np.zeros(3), np.zeros(2)
)


def test_a_point_without_distortion_by_hand():
    np.testing.assert_allclose(project(PLAIN, [[1000.0, -500, 4000]]), [[750.0, 372.5]])


def test_distortion_by_hand():
    camera = Camera(
        np.eye(3), np.zeros(3), np.ones(2), np.zeros(2), np.array([0.1, 0.2, 0.4]), np.array([0.01, 0.02])
    )
    # x = 0.6, y = -0.8, r2 = 1; gain = 1 + 0.1 + 0.2 + 0.4 + 0.01 * (-0.8) + 0.02 * 0.6 = 1.704
    expected = [0.6 * 1.704 + 0.02, -0.8 * 1.704 + 0.01]
    np.testing.assert_allclose(project(camera, [600.0, -800, 1000]), expected, rtol=1e-12)


def test_the_world_is_shifted_and_then_turned():
    quarter = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    camera = Camera(quarter, np.array([10.0, 20, 30]), PLAIN.f, PLAIN.c, PLAIN.k, PLAIN.p)
    points = np.array([[11.0, 22, 33], [10, 20, 30]])
    np.testing.assert_allclose(world_to_camera(camera, points), [[2.0, -1, 3], [0, 0, 0]])


def write(path, numbers):
    path.write_text(f"<metadata><mapping/><w0>[{' '.join(map(str, numbers))}]</w0></metadata>")
    return path


def test_numbers_go_where_the_official_code_takes_them_from(tmp_path):
    """Number i of the file is i/1000, so that each value shows its place."""
    cameras = read_cameras(write(tmp_path / "metadata.xml", np.arange(300) / 1000))
    assert set(cameras) == {(subject, camera) for subject in SUBJECTS for camera in CAMERAS}
    for (subject, camera), found in cameras.items():
        number = CAMERAS.index(camera)
        outer = 6 * (number * 11 + int(subject.removeprefix("S")) - 1)
        inner = 264 + 9 * number
        np.testing.assert_allclose(found.R, rotation(np.arange(outer, outer + 3) / 1000))
        read = np.concatenate([found.T, found.f, found.c, found.k, found.p])
        places = [*range(outer + 3, outer + 6), *range(inner, inner + 9)]
        np.testing.assert_array_equal(read, np.array(places) / 1000)


def test_a_rotation_is_about_z_then_y_then_x():
    quarter = np.pi / 2
    x, y, z = np.eye(3)
    for angles, moved in (
        ((quarter, 0, 0), (x, z, -y)),
        ((0, quarter, 0), (-z, y, x)),
        ((0, 0, quarter), (y, -x, z)),
        ((quarter, 0, quarter), (z, -x, -y)),  # z first takes x to y, then x takes y to z
        ((quarter, quarter, 0), (y, z, x)),
    ):
        np.testing.assert_allclose(rotation(np.array(angles)), np.stack(moved, axis=1), atol=1e-15)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"<metadata><w0>[1 2", "cannot be read as XML"),
        (np.random.default_rng(0).bytes(500), "cannot be read as XML"),
        (b"<metadata><frames/></metadata>", "has no element w0"),
        (range(299), "its w0 holds 299 finite numbers, not 300"),
        (range(301), "its w0 holds 301 finite numbers, not 300"),
        ([*range(299), "nan"], "its w0 holds 299 finite numbers, not 300"),
        ([*range(299), "many"], "its w0 is not a list of numbers"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    path = tmp_path / "metadata.xml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        write(path, content)
    with pytest.raises(UserError, match=f"metadata.xml: {message}"):
        read_cameras(path)
