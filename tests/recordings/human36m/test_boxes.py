import numpy as np

from pose3d.recordings.human36m import box
from pose3d.skeleton import JOINTS_32


def test_the_box_is_the_official_one_by_hand():
    """At 1000 mm and f = 100 px a sphere of 115 mm reaches 11.5 px, one of 140 mm 14 px."""
    points = np.tile([0.0, 0.0, 1000.0], (32, 1))
    pixels = np.full((32, 2), 50.0)
    pixels[JOINTS_32.index("HeadSite")] = (50, 30)  # top: 30 - 14 = 16
    pixels[JOINTS_32.index("LeftHand")] = (80, 50)  # right: 80 + 11.5 = 91.5
    mask = box(points, pixels, np.array([100.0, 100.0]), (100, 120))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    # Left and bottom by the torso's spheres: 50 -+ 26.
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (16, 76, 24, 92)
    assert mask.sum() == len(rows) * len(columns)


def test_the_box_is_clipped_to_the_image():
    points = np.tile([0.0, 0.0, 1000.0], (32, 1))
    pixels = np.full((32, 2), 5.0)
    mask = box(points, pixels, np.array([100.0, 100.0]), (20, 30))
    assert mask.all()
