import numpy as np
import pytest

from pose3d import build_dataset
from pose3d.dataset.samples import Dataset
from pose3d.evaluation.perturbation import Perturbation
from pose3d.evaluation.robustness import perturbed_errors
from pose3d.report.evaluation_tables import perturbed_table


@pytest.fixture
def data(raw_tree, tmp_path):
    words = ["--source", str(raw_tree), "--out", str(tmp_path), "--subjects", "S11", "--cameras", "54138969"]
    assert build_dataset.main(words) == 0
    return Dataset.open(tmp_path)


def test_errors_are_means_over_the_same_frames(data):
    """A network that knows its samples, and is 10 mm wrong in every joint for any other image."""
    known = {
        image.tobytes(): pose for image, pose in zip(data.images(range(len(data))), data.poses, strict=True)
    }
    seen = []

    def predict(images):
        seen.append(len(images))
        poses = [known.get(image.tobytes()) for image in images]
        return np.array([data.poses[0] + 0.0 if pose is None else pose for pose in poses])

    perturbations = Perturbation("as it is"), Perturbation("moved", shift=0.2)
    found = perturbed_errors(predict, data, np.arange(len(data)), 2, np.random.default_rng(0), perturbations)
    assert sum(seen) == 2 * len(data) // 2  # two perturbations, every second frame
    assert found["as it is"] == pytest.approx(0, abs=1e-3)
    assert found["moved"] > 1


def test_the_table_tells_how_much_worse():
    text = str(perturbed_table({"as it is": 30.0, "moved": 42.5}))
    assert text.splitlines()[-1].split() == ["moved", "42.5", "12.5"]
