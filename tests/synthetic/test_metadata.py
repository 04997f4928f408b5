import numpy as np
import pytest

from pose3d.recordings.human36m import CAMERAS, METADATA, SUBJECTS, read_cameras
from pose3d.recordings.human36m.metadata import rotation
from pose3d.synthetic.metadata import euler_angles, write_metadata
from pose3d.synthetic.scene import camera_of


def test_angles_give_the_rotation_back():
    rng = np.random.default_rng(0)
    for angles in rng.uniform([-3.1, -1.5, -3.1], [3.1, 1.5, 3.1], (50, 3)):
        np.testing.assert_allclose(euler_angles(rotation(angles)), angles, atol=1e-9)
    for camera in CAMERAS:
        R = camera_of(camera, 1000).R
        np.testing.assert_allclose(rotation(euler_angles(R)), R, atol=1e-9)


def test_every_subject_gets_the_cameras_back(tmp_path):
    write_metadata(tmp_path / METADATA, {camera: camera_of(camera, 300) for camera in CAMERAS})
    found = read_cameras(tmp_path / METADATA)
    for subject in SUBJECTS:
        for camera in CAMERAS:
            written, read = camera_of(camera, 300), found[subject, camera]
            np.testing.assert_allclose(read.R, written.R, atol=1e-9)
            for name in ("T", "f", "c", "k", "p"):
                np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_tree_has_the_cameras_of_its_image_size(raw_tree, camera):
    found = read_cameras(raw_tree / METADATA)["S5", camera]
    np.testing.assert_array_equal(found.f, camera_of(camera, 250).f)
