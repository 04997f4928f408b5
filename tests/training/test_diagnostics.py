import numpy as np
import pytest

from pose3d.config import load
from pose3d.model.detection import DetectionGraph
from pose3d.model.network import CONV_LAYERS
from pose3d.training.diagnostics import activity, transferred_maps, warnings
from tests.small import SMALL

SETTINGS = (*SMALL, "network.dropout=0.2")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 128, 128), dtype=np.uint8)
LABELS = RNG.random((6, 1700)) < 0.05


def graph(*overrides):
    return DetectionGraph(load("detection", None, [*SETTINGS, *overrides]))


def test_what_saturates_and_what_never_varies():
    watched = graph()
    found = activity(watched, IMAGES)
    assert set(found) == {
        *(f"saturated {name}" for name in ("conv1", "conv2", "conv3", "fc1", "fc2")),
        *(f"constant {name}" for name in ("conv1", "conv2", "conv3", "fc1", "fc2", "fc3")),
    }
    assert found["saturated fc1"] < 0.1
    assert all(found[f"constant {name}"] == 0 for name in ("conv1", "fc2", "fc3"))
    params = watched.network.get_weights()
    half = np.where(np.arange(len(params["fc2.b"])) % 2, 30, 0).astype(np.float32)
    watched.network.set_weights(
        {"fc2.b": half, "conv3.W": params["conv3.W"] * np.float32([0, 1, 1, 1])[:, None, None, None]}
    )
    found = activity(watched, IMAGES)
    assert found["saturated fc2"] == pytest.approx(0.5, abs=0.02)
    assert found["constant fc2"] == pytest.approx(0.5, abs=0.01)
    assert found["constant conv3"] == 0.25


def test_relu_does_not_saturate_and_a_collapsed_output_shows():
    watched = graph("network.activation=relu")
    watched.network.set_weights({"fc3.W": np.zeros((30, 1700), np.float32)})
    found = activity(watched, IMAGES)
    assert not any(name.startswith("saturated") for name in found)
    assert found["constant fc3"] == 1


def test_layers_in_trouble_get_a_line():
    sound = {"saturated conv3": 0.1, "saturated fc1": 0.4, "constant fc3": 0.0, "constant conv1": 1.0}
    found = sound | {"saturated conv3": 0.62, "constant fc3": 1.0}
    rows = [{"epoch": 0, "cost": None, **sound}, {"epoch": 1, "cost": 1.0, **found}]
    assert list(warnings(rows)) == [
        "conv3: 62 % saturated (|tanh| > 0.99): lower training.learning_rate",
        "100 % of the outputs are the same for all images: collapsed",
    ]
    assert list(warnings(rows[:1])) == []
    later = {"epoch": 2, "cost": 1.0, **found, "saturated fc1": 0.6}
    assert list(warnings([*rows, later])) == [  # once a run
        "fc1: 60 % saturated (|tanh| > 0.99): lower training.learning_rate"
    ]


def test_maps_that_say_little_are_counted_before_training():
    watched = graph()
    counts = zip(CONV_LAYERS, (2, 3, 4), strict=True)
    expected = [f"{name}: of {maps} maps 0 constant, 0 saturated" for name, maps in counts]
    assert transferred_maps(watched, IMAGES) == expected
    weight = watched.network.get_weights()["conv3.W"] * np.float32([0, 1, 1, 1])[:, None, None, None]
    watched.network.set_weights({"conv3.W": weight, "conv3.b": np.float32([0, 5, 0, 0])})
    found = transferred_maps(watched, IMAGES)
    assert found[2:] == ["conv3: of 4 maps 1 constant, 1 saturated"]  # two of nine
    watched.network.set_weights({"conv3.b": np.float32([0, 5, -5, 0])})
    found = transferred_maps(watched, IMAGES)
    assert found[2] == "conv3: of 4 maps 1 constant, 2 saturated"
    assert found[3].startswith("warning: a third of the maps say little; train detection longer")
    assert len(found) == 4
