import errno

import numpy as np
import pytest

from pose3d.io.atomic_files import DiskFullError
from pose3d.io.video import video_writer
from pose3d.recordings.human36m import CAMERAS, METADATA, SUBJECTS, read_cameras
from pose3d.synthetic.file_formats import mask_writer, write_metadata, write_poses
from pose3d.synthetic.scene import camera_of


def break_off(writer, use):
    """Begin to write, then fail."""
    with writer as target:
        use(target)
        raise ZeroDivisionError


def test_an_error_between_frames_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        break_off(mask_writer(tmp_path / "m.mat"), lambda append: append(np.zeros((4, 6), bool)))
    frame = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ZeroDivisionError):
        break_off(video_writer(tmp_path / "v.mp4", 32, 48), lambda append: append(frame))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_replaced(tmp_path):
    (tmp_path / ".p.partial.cdf").write_bytes(b"half")
    write_poses(tmp_path / "p.cdf", np.zeros((3, 32, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["p.cdf"]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("p.cdf", lambda path: write_poses(path, np.zeros((3, 32, 2)))),
        ("m.mat", lambda path: append_to(mask_writer(path), np.zeros((4, 6), bool))),
        ("v.mp4", lambda path: append_to(video_writer(path, 32, 48), np.zeros((32, 48, 3), np.uint8))),
    ],
)
def test_a_full_disk_is_told_by_every_writer(tmp_path, monkeypatch, name, write):
    def full(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DiskFullError, match=f"{name} cannot be written, the disk is full"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def append_to(writer, item):
    with writer as append:
        append(item)


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
