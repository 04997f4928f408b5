import numpy as np
import pytest

from pose3d.background import foreground, median_background
from pose3d.errors import UserError
from pose3d.video import video_writer

ROWS, COLUMNS = 64, 96
STILL = np.random.default_rng(0).integers(60, 120, (8, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def passing(number):
    """A bright square of 16 x 16 px that moves 8 px a frame; where it is."""
    where = np.zeros((ROWS, COLUMNS), bool)
    where[20:36, 8 * number : 8 * number + 16] = True
    return np.where(where[..., None], np.uint8(220), STILL), where


def video(path, frames):
    with video_writer(path, ROWS, COLUMNS, 25) as append:
        for number in range(frames):
            append(passing(number)[0])
    return path


def test_the_median_forgets_who_passes(tmp_path):
    background = median_background(video(tmp_path / "v.mp4", 10))
    assert np.abs(background.astype(int) - STILL).mean() < 3


def test_the_foreground_is_where_the_frame_differs():
    rgb, where = passing(3)
    np.testing.assert_array_equal(foreground(rgb, STILL), where)


def test_specks_do_not_count_and_holes_are_filled():
    rgb, where = passing(3)
    rgb[25:28, 30:33] = STILL[25:28, 30:33]  # a hole
    rgb[50:52, 80:82] = 255  # a speck
    np.testing.assert_array_equal(foreground(rgb, STILL), where)


def test_nothing_moves():
    assert not foreground(STILL, STILL).any()


def test_too_few_frames_are_refused(tmp_path):
    with pytest.raises(UserError, match="4 frames are too few"):
        median_background(video(tmp_path / "v.mp4", 4))
