import numpy as np
import pytest

from pose3d.dataset.samples import Dataset
from pose3d.evaluation.perturbation import (
    STANDARD,
    Perturbation,
    perturbed_box,
    perturbed_crops,
    perturbed_mask,
)
from pose3d.recordings.human36m import find_recordings

BOX = (40, 20, 80, 120)  # 40 x 100 px
FRAME = (200, 150)


@pytest.mark.parametrize(
    ("shift", "zoom", "draws", "expected"),
    [
        (0.0, 0.0, (1, 1, 1), BOX),
        (0.1, 0.0, (1, -1, 1), (50, 10, 90, 110)),  # 10 % of 100 px
        (0.0, 0.1, (1, 1, 1), (38, 15, 82, 125)),
        (0.0, 0.1, (1, 1, -1), (42, 25, 78, 115)),
        (0.0, 0.1, (0, 0, 0), BOX),
        (0.5, 0.0, (1, 1, 0), (90, 70, 130, 170)),
        (0.9, 0.0, (-1, -1, 0), (0, 0, 1, 30)),  # nearly out of the frame
    ],
)
def test_boxes_by_hand(shift, zoom, draws, expected):
    assert perturbed_box(BOX, Perturbation("", shift, zoom), draws, FRAME) == expected


def test_masks_grow_and_shrink_by_px_of_the_crop():
    mask = np.zeros((40, 40), bool)
    mask[10:30, 15:25] = True
    grown, shrunk = perturbed_mask(mask, 1, 0.5), perturbed_mask(mask, -1, 0.5)  # 2 px of the frame
    assert np.flatnonzero(grown.any(axis=0)).tolist() == list(range(13, 27))
    assert np.flatnonzero(shrunk.any(axis=1)).tolist() == list(range(12, 28))
    assert not grown[8, 13]  # round, not square


def test_unperturbed_crops_are_the_built_ones(raw_tree, tmp_path):
    from pose3d import build_dataset

    assert build_dataset.main(["--source", str(raw_tree), "--out", str(tmp_path), "--subjects", "S11"]) == 0
    data = Dataset.open(tmp_path)
    recording = find_recordings(raw_tree, subjects=("S11",))[0][0]
    found = list(perturbed_crops(recording, 5, STANDARD, np.random.default_rng(0)))
    rows = np.flatnonzero(
        (data.take == recording.take) & (data.camera == int(recording.camera)) & (data.frame % 5 == 0)
    )
    assert len(found) == len(rows) == 3
    np.testing.assert_array_equal([crops[0] for crops, _ in found], data.images(rows))
    np.testing.assert_allclose([pose for _, pose in found], data.poses[rows], atol=1e-3)
    names = [perturbation.name for perturbation in STANDARD]
    for crops, _ in found:
        shown = dict(zip(names, crops > 0, strict=True))
        assert (
            shown["mask eroded by 2 px"].sum() < shown["as it is"].sum() < shown["mask dilated by 3 px"].sum()
        )
    for number in range(1, 5):  # boxes; by chance one frame's may hardly move
        assert any(not np.array_equal(crops[number], crops[0]) for crops, _ in found)
