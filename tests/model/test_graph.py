"""Both graphs: outputs of mirror images, averages over both, and what is compiled for a call."""

import numpy as np
import pytest

from pose3d import config
from pose3d.dataset.augmentation import mirrored
from pose3d.dataset.windows import labels
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from tests.small import SMALL


@pytest.fixture(params=["regression", "detection"])
def graph(request):
    settings = config.load(request.param, None, [*SMALL])
    if request.param == "detection":
        return DetectionGraph(settings)
    return RegressionGraph(settings, TargetScale(np.arange(51.0), np.arange(1.0, 52)))


def test_outputs_are_mirrored_as_the_targets_of_samples_are(graph):
    rng = np.random.default_rng(2)
    images, joints_2d = np.zeros((5, 128, 128), np.uint8), rng.uniform(0, 127, (5, 17, 2))
    poses = rng.normal(size=(5, 17, 3))
    _, other_joints, other_poses = mirrored(images, joints_2d, poses)
    before, after = (
        (poses, other_poses) if graph.task == "regression" else map(labels, (joints_2d, other_joints))
    )
    np.testing.assert_array_equal(graph.mirrored(before.reshape(5, -1)), after.reshape(5, -1))


def test_an_average_over_both_does_not_know_which_one_is_the_mirror_image(graph):
    images = np.random.default_rng(3).integers(0, 256, (4, 128, 128), np.uint8)
    turned = graph.mirrored(graph.predict(images[..., ::-1]))
    found = graph.predict_mirrored(images)
    np.testing.assert_allclose(found, (graph.predict(images) + turned) / 2, rtol=1e-6)
    assert not np.allclose(found, graph.predict(images), rtol=1e-3)
    np.testing.assert_allclose(graph.predict_mirrored(images[..., ::-1]), graph.mirrored(found), rtol=1e-5)


def test_what_is_compiled_for_a_call_is_built_alone(graph, monkeypatch):
    """No gradient for a cost, and no network twice."""
    output, built = graph.network.output, []
    monkeypatch.setattr(
        graph.network, "output", lambda *x, **words: built.append(words) or output(*x, **words)
    )
    monkeypatch.setattr("pytensor.grad", None)
    images = np.zeros((2, 128, 128), np.uint8)
    graph.evaluate(images, np.zeros((2, graph.width)))
    assert built == [{"training": False}]
    graph.activations(images)
    assert len(built) == 1
