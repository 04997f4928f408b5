import errno

import numpy as np
import pytest

from pose3d.io.atomic_files import DiskFullError
from pose3d.io.video import video_writer
from pose3d.recordings.human36m import (
    CAMERAS,
    METADATA,
    SUBJECTS,
    mask_writer,
    read_cameras,
    write_metadata,
    write_poses,
)
from pose3d.synthetic.tree.scene import camera_of

STREAMS = {
    "m.mat": (mask_writer, np.zeros((4, 6), bool)),
    "v.mp4": (lambda path: video_writer(path, 32, 48, 50), np.zeros((32, 48, 3), np.uint8)),
}


def write(path):
    """Write a file of any format; one frame of those that take frames."""
    if path.suffix == ".cdf":
        write_poses(path, np.zeros((3, 32, 2)))
    else:
        writer, frame = STREAMS[path.name]
        with writer(path) as append:
            append(frame)


def write_and_fail(path):
    writer, frame = STREAMS[path.name]
    with writer(path) as append:
        append(frame)
        raise ZeroDivisionError


@pytest.mark.parametrize("name", STREAMS)
def test_an_error_between_frames_leaves_nothing(tmp_path, name):
    with pytest.raises(ZeroDivisionError):
        write_and_fail(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["p.cdf", *STREAMS])
def test_a_full_disk_is_reported_by_every_writer(tmp_path, monkeypatch, name):
    def full(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DiskFullError, match=f"{name} cannot be written, the disk is full"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_every_subject_gets_the_cameras_back(tmp_path):
    write_metadata(tmp_path / METADATA, {camera: camera_of(camera, 300) for camera in CAMERAS})
    found = read_cameras(tmp_path / METADATA)
    for subject in SUBJECTS:
        for camera in CAMERAS:
            written, read = camera_of(camera, 300), found[subject, camera]
            np.testing.assert_allclose(read.R, written.R, atol=1e-9)
            for name in ("T", "f", "c", "k", "p"):
                np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
