import numpy as np
import pytest

from pose3d.inference.pictures import read_pictures
from pose3d.report.animation import PANEL, write_animation
from pose3d.skeleton import JOINTS

# Left is blue, right is orange; panels: image, prediction, truth, and both from the right.
PREDICTION, TRUTH, ASIDE = 1, 2, 3


@pytest.fixture
def frames(tmp_path):
    """Three frames of somebody whose left wrist is far out and whose head is up; predicted mirrored."""
    truths = np.zeros((3, 17, 3))
    truths[:, JOINTS.index("head"), 1] = -800
    truths[:, JOINTS.index("left wrist")] = (700, 0, 300)
    predictions = truths * (-1, 1, 1)
    images = np.stack([np.full((128, 128), level, np.uint8) for level in (0, 90, 180)])
    write_animation(tmp_path / "a.mp4", images, predictions, truths, np.zeros(3), 50)
    return [picture.rgb for picture in read_pictures(tmp_path / "a.mp4")]


def blue(frame, panel):
    """Columns and rows, counted from the panel's middle, of what is blue in it."""
    part = frame[:, panel * PANEL : (panel + 1) * PANEL].astype(int)
    rows, columns = np.nonzero(part[..., 2] - part[..., 0] > 60)
    return columns - PANEL / 2, rows - PANEL / 2


def test_the_image_stands_left(frames):
    for frame, level in zip(frames, (0, 90, 180), strict=True):
        assert abs(frame[128, 128].astype(int) - level).max() < 8
    assert frames[0].shape == (PANEL, 5 * PANEL, 3)


def test_prediction_and_truth_share_their_scale_and_the_right_way(frames):
    predicted, true, aside = (blue(frames[1], panel)[0] for panel in (PREDICTION, TRUTH, ASIDE))
    assert true.max() > 60
    assert predicted.min() < -60
    np.testing.assert_allclose(-predicted.min(), true.max(), atol=4)
    assert 0 < aside.max() < true.max()  # less far away than to the side
