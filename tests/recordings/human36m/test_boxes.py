import numpy as np

from pose3d.recordings.human36m import box
from pose3d.skeleton import JOINTS_32


def test_the_box_is_the_official_one_by_hand_clipped_to_the_image():
    """At 1000 mm and f = 100 px a sphere of 115 mm reaches 11.5 px, one of 140 mm 14 px."""
    points = np.tile([0.0, 0.0, 1000.0], (32, 1))
    pixels = np.full((32, 2), 50.0)
    pixels[JOINTS_32.index("HeadSite")] = (50, 30)  # top: 30 - 14 = 16
    pixels[JOINTS_32.index("LeftHand")] = (80, 50)  # right: 80 + 11.5 = 91.5
    expected = np.zeros((100, 120), bool)
    expected[16:77, 24:93] = True  # left and bottom by the torso's spheres: 50 -+ 26
    np.testing.assert_array_equal(box(points, pixels, np.array([100.0, 100.0]), (100, 120)), expected)
    assert box(points, np.full((32, 2), 5.0), np.array([100.0, 100.0]), (20, 30)).all()
