import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.inference import segmentation
from tests.inference.drawn import HAIR, SHIRT, SKIN, draw_ellipse


def bust():
    rgb = np.full((256, 256, 3), (70, 110, 60), np.uint8)
    draw_ellipse(rgb, (128, 190), (62, 90), SHIRT)
    draw_ellipse(rgb, (128, 80), (28, 38), SKIN)
    draw_ellipse(rgb, (128, 55), (30, 20), HAIR)
    return rgb


def test_probabilities_are_those_of_the_original_file_in_its_own_program():
    """As ai-edge-litert 2.3.0 computes them from selfie_segmentation.tflite."""
    found = segmentation.people(bust())
    assert (found > 0.5).sum() == 19690
    np.testing.assert_allclose(found.mean(), 0.30084682, rtol=1e-5)
    np.testing.assert_allclose(found[112, 90:102:3], [0, 0.0115, 0.5759, 1], atol=2e-4)
    np.testing.assert_allclose(found[185, 64:70:2], [0, 0.0979, 1], atol=2e-4)


@pytest.mark.parametrize("content", [None, b"PK", b""])
def test_missing_or_damaged_weights_are_to_be_installed_again(tmp_path, monkeypatch, content):
    monkeypatch.setattr(segmentation, "WEIGHTS", tmp_path / "segmentation.npz")
    segmentation._layers.cache_clear()
    if content is not None:
        segmentation.WEIGHTS.write_bytes(content)
    with pytest.raises(UserError, match=r"segmentation\.npz: .* missing or damaged; install pose3d again"):
        segmentation.people(bust())
