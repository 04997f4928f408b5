import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, SUBJECTS, read_cameras
from pose3d.recordings.human36m.metadata import rotation


def write(path, numbers):
    path.write_text(f"<metadata><mapping/><w0>[{' '.join(map(str, numbers))}]</w0></metadata>")
    return path


def test_numbers_go_where_the_official_code_takes_them_from(tmp_path):
    """Number i of the file is i/1000, so that each value tells its place."""
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
        np.testing.assert_allclose(
            rotation(np.array(angles)) @ np.eye(3), np.stack(moved, axis=1), atol=1e-15
        )


def test_what_is_wrong_with_the_file_is_said(tmp_path):
    path = tmp_path / "metadata.xml"
    with pytest.raises(UserError, match="metadata.xml: there is no such file"):
        read_cameras(path)
    path.write_text("<metadata><w0>[1 2")
    with pytest.raises(UserError, match="metadata.xml: cannot be read as XML"):
        read_cameras(path)
    path.write_bytes(np.random.default_rng(0).bytes(500))
    with pytest.raises(UserError, match="metadata.xml: cannot be read as XML"):
        read_cameras(path)
    path.write_text("<metadata><frames/></metadata>")
    with pytest.raises(UserError, match="metadata.xml: has no element w0"):
        read_cameras(path)
    with pytest.raises(UserError, match="its w0 holds 299 finite numbers, not 300"):
        read_cameras(write(path, range(299)))
    with pytest.raises(UserError, match="its w0 holds 301 finite numbers, not 300"):
        read_cameras(write(path, range(301)))
    with pytest.raises(UserError, match="its w0 holds 299 finite numbers"):
        read_cameras(write(path, [*range(299), "nan"]))
    with pytest.raises(UserError, match="its w0 is not a list of numbers"):
        read_cameras(write(path, [*range(299), "many"]))
