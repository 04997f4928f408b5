"""Raw files that pose3d's writers had no part in; tests/data/make_raw_files.py says how they were made."""

from pathlib import Path

import numpy as np
import pytest

from pose3d.io.video import Packets, read_frames, read_packets
from pose3d.recordings.human36m import open_masks, read_poses_3d

DATA = Path(__file__).parents[2] / "data"
FRAMES, ROWS, COLUMNS = 7, 36, 50


def triangle(number):
    return np.array([[column < row + number for column in range(COLUMNS)] for row in range(ROWS)])


def test_poses():
    found = read_poses_3d(DATA / "poses.cdf")
    assert (found.shape, found.dtype) == ((FRAMES, 32, 3), np.float32)
    assert found[0, 0].tolist() == [0, 1, 2]
    assert found[3, 17].tolist() == [3170, 3171, 3172]
    assert found[-1, -1].tolist() == [6310, 6311, 6312]


@pytest.mark.parametrize("name", ["masks_v5.mat", "masks_v7.mat", "masks_v73.mat"])
def test_masks(name):
    with open_masks(DATA / name) as found:
        assert len(found) == FRAMES
        for i in (FRAMES - 1, 0, 3):
            np.testing.assert_array_equal(found[i], triangle(i))


def test_a_video():
    path = DATA / "video.mp4"
    assert read_packets(path) == Packets(FRAMES, FRAMES, ROWS, COLUMNS)
    frames = list(read_frames(path))
    assert len(frames) == FRAMES
    for i, frame in enumerate(frames):
        gray, white = frame.gray((0, 0, COLUMNS, ROWS)).astype(int), triangle(i)
        assert abs(gray[~white].mean() - (30 * i + 20)) < 6
        assert gray[white].mean() > 245
        assert ((gray > (30 * i + 275) / 2) != white).mean() < 0.01
