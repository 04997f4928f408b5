import numpy as np
import pytest
from scipy import ndimage

from pose3d.dataset.samples import Dataset
from pose3d.evaluation.robustness import (
    STANDARD,
    Perturbation,
    perturbed_box,
    perturbed_crops,
    perturbed_errors,
    perturbed_mask,
    specked_mask,
)
from pose3d.recordings.human36m import find_recordings
from tests.building import build_undrawn
from tests.recordings.custom import drawn

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


def test_specks_are_round_and_cover_their_share_of_body_and_background():
    mask = np.zeros((400, 300), bool)
    mask[:, :150] = True
    chances = np.random.default_rng(0).random(mask.shape)
    changed = specked_mask(mask, 0.05, 0.5, chances) != mask
    assert changed[:, :150].mean() == pytest.approx(0.05, abs=0.01)
    assert changed[:, 150:].mean() == pytest.approx(0.05, abs=0.01)
    parts, count = ndimage.label(changed, structure=np.ones((3, 3)))
    rows, columns = ndimage.find_objects(parts)[0]
    assert count > 300
    assert min(np.bincount(parts.ravel())[1:]) >= 4  # whole: 13 px of the frame
    assert rows.stop - rows.start <= 15
    assert columns.stop - columns.start <= 15
    np.testing.assert_array_equal(specked_mask(mask, 0, 0.5, chances), mask)


ONE_CAMERA = ("--subjects", "S11", "--cameras", "54138969")


@pytest.fixture(scope="module")
def data(raw_tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("built")
    assert build_undrawn("--source", raw_tree, "--out", out, *ONE_CAMERA) == 0
    return Dataset.open(out)


def test_unperturbed_crops_are_the_built_ones(raw_tree, data):
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
        assert 0 < (shown["specks over 2 % of the mask"] != shown["as it is"]).mean() < 0.03
    for number in range(1, 5):  # boxes; by chance one frame's may hardly move
        assert any(not np.array_equal(crops[number], crops[0]) for crops, _ in found)


def test_errors_are_means_over_the_same_frames(data):
    """A network that knows its samples, and answers the first pose for any other image."""
    known = {
        image.tobytes(): pose for image, pose in zip(data.images(range(len(data))), data.poses, strict=True)
    }
    seen, rows = [], np.flatnonzero(data.take == 1)  # as if a rule had dropped take 2

    def predict(images):
        seen.append(len(images))
        poses = [known.get(image.tobytes()) for image in images]
        return np.array([data.poses[0] if pose is None else pose for pose in poses])

    perturbations = Perturbation("as it is"), Perturbation("moved", shift=0.2)
    found = perturbed_errors(predict, data, rows, 2, np.random.default_rng(0), perturbations)
    assert sum(seen) == 2 * len(rows) // 2  # two perturbations, every second frame
    assert found["as it is"] == pytest.approx(0, abs=1e-3)
    assert found["moved"] > 1


def nothing(images):
    return np.zeros((len(images), 17, 3))


@pytest.mark.parametrize("masks", ["masks", ""])
def test_custom_recordings_are_perturbed_too_and_absent_masks_are_absent(tmp_path, masks):
    folder = drawn.write_folder(tmp_path / "mine")
    drawn.write_recordings(folder, [drawn.ROW | {"masks": masks}])
    assert build_undrawn("--source", folder, "--out", tmp_path / "out") == 0
    data = Dataset.open(tmp_path / "out")
    found = perturbed_errors(nothing, data, np.arange(len(data)), 1, np.random.default_rng(0))
    names = [each.name for each in STANDARD]
    assert list(found) == (names if masks else [name for name in names if "mask" not in name])
    assert found["as it is"] == pytest.approx(np.linalg.norm(data.poses, axis=-1).mean())
