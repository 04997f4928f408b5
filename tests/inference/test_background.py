import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.inference import background
from pose3d.inference.background import DIFFERENCE, MOST, foreground, median_background
from pose3d.io.video import count_frames, video_writer
from tests.io.test_video import cut_short

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


def test_the_median_drops_a_passing_person(tmp_path):
    found = median_background(video(tmp_path / "v.mp4", 10))
    assert np.abs(found.astype(int) - STILL).mean() < 3


NARROW, WIDE = np.s_[25:28, 30:33], np.s_[24:32, 28:36]  # holes; CLOSING lies between


@pytest.mark.parametrize("hole", [NARROW, WIDE])
def test_the_foreground_is_the_largest_part_with_its_holes_filled(hole):
    rgb, where = passing(3)
    rgb[hole] = STILL[hole]
    rgb[50:52, 80:82] = 255  # a speck
    np.testing.assert_array_equal(foreground(rgb, STILL), where)


@pytest.mark.parametrize(("levels", "told"), [(DIFFERENCE, True), (DIFFERENCE - 1, False)])
def test_one_channel_that_differs_is_enough(levels, told):
    where = passing(3)[1]
    rgb = STILL.copy()
    rgb[where, 2] -= np.uint8(levels)  # darker, too
    np.testing.assert_array_equal(foreground(rgb, STILL), where & told)


def test_nothing_moves():
    assert not foreground(STILL, STILL).any()


def test_too_few_frames_are_refused(tmp_path):
    with pytest.raises(UserError, match="4 frames are too few"):
        median_background(video(tmp_path / "v.mp4", 4))


class Counted:
    """A frame that knows its number."""

    def __init__(self, number):
        self.number = number

    def rgb(self):
        return np.full((4, 5, 3), self.number, np.int32)


@pytest.mark.parametrize("size", [2**29, 20 * 60 * 4, 1])
@pytest.mark.parametrize("count", [1, 9, MOST, MOST + 1, 500])
def test_the_frames_in_memory_are_few_and_evenly_spaced(monkeypatch, size, count):
    monkeypatch.setattr(background, "BYTES", size)
    most = {2**29: MOST, 20 * 60 * 4: 20, 1: 5}[size]
    found = [int(frame[0, 0, 0]) for frame in background.evenly_spaced(map(Counted, range(count)))]
    assert min(count, most // 2) <= len(found) <= most
    assert len(set(np.diff(found))) <= 1
    assert found[0] == 0
    assert found[-1] >= count - 2 * count / len(found)


def test_a_header_that_promises_too_many_frames_does_not_matter(tmp_path):
    path = cut_short(tmp_path / "v.mp4", 9, frames=400)
    assert count_frames(path) == 400
    median_background(path)
