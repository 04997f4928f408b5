import numpy as np
import pytest
from scipy.ndimage import label

from pose3d.skeleton import JOINTS_32
from pose3d.synthetic.silhouettes import box, ragged


def ellipse(rows, columns):
    row, column = np.ogrid[:rows, :columns]
    return ((row - 0.5 * rows) / (0.3 * rows)) ** 2 + ((column - 0.4 * columns) / (0.1 * columns)) ** 2 < 1


@pytest.mark.parametrize("columns", [250, 500, 1000])
def test_masks_are_spoiled_but_not_ruined(columns):
    truth = ellipse(columns + 2, columns)
    kept = truth.copy()
    pieces, holes, edges, large = 0, 0, 0, 0
    blob = 110 * (columns / 1000) ** 2  # px, more than a grain of noise
    for seed in range(20):
        mask = ragged(truth, np.random.default_rng(seed))
        assert mask.shape == truth.shape
        overlap = (mask & truth).sum() / (mask | truth).sum()
        assert 0.85 < overlap < 0.99
        pieces += label(mask)[1] - 1
        holes += label(~mask)[1] - 1
        for part in (mask, ~mask):
            large += (np.sort(np.bincount(label(part)[0].ravel()))[:-2] > blob).sum()
        edges += (mask != truth)[columns // 2].any()
    assert pieces > 20
    assert holes > 20
    assert edges > 10
    assert large > 4
    np.testing.assert_array_equal(truth, kept)


def test_a_walker_at_the_border():
    truth = np.zeros((80, 100), bool)
    truth[40:, 90:] = True
    mask = ragged(truth, np.random.default_rng(0))
    assert mask[60:, 95:].mean() > 0.8
    assert not mask[:30].any()


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
