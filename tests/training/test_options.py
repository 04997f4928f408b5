"""Every option of the report changes what it should and nothing else: each row against the defaults.

What an option computes is tested where it is computed; here stands how far it reaches. The sizes of the
layers are in ``tests/model/test_network.py``.
"""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest

from pose3d import config as settings_module
from pose3d import train_regression
from pose3d.config import load
from pose3d.dataset.splits import open_split
from pose3d.model import weights
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.training import checkpoint
from pose3d.training import loop as training
from pose3d.training.loop import fit
from pose3d.training.run_folder import RunFolder
from pose3d.training.state import State
from pose3d.training.tasks import RegressionTask
from tests.small import SMALL

RNG = np.random.default_rng(8)
IMAGES = RNG.integers(0, 256, (3, 128, 128), dtype=np.uint8)
POSES = RNG.normal(0, 100, (20, 17, 3))
LABELS = RNG.random((3, 1700)) > 0.9
RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.5  # large, so that each term shows in float32


def make(task, *settings):
    """A small graph, and the targets of `IMAGES`."""
    numbers = {"learning_rate": RATE, "momentum": MOMENTUM, "weight_decay": DECAY}
    numbers = [f"training.{name}={value}" for name, value in numbers.items()]
    config = load(task, None, [*SMALL, *numbers, *settings])
    if task == "detection":
        return DetectionGraph(config), LABELS
    return RegressionGraph(config, TargetScale.fit([POSES], config.regression)), POSES[:3].reshape(3, 51)


@lru_cache(maxsize=2)
def observed(task, *settings):
    """What a graph is and does before, in and after two steps."""
    graph, targets = make(task, *settings)
    found = {"weights": graph.network.get_weights()}
    found["outputs"], found["cost"] = graph.evaluate(IMAGES, targets)
    for step in ("step 1", "step 2"):
        graph.step(IMAGES, targets)
        found[step] = graph.network.get_weights()
    return found


@pytest.fixture(scope="module")
def defaults():
    return {task: observed(task) for task in ("detection", "regression")}


def same(a, b):
    """Whether two observations agree to the last bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return np.array_equal(a, b)


def raw(found):
    """The numbers of fc3 that a regression graph of the default settings made mm of."""
    scale = TargetScale.fit([POSES], settings_module.RegressionSettings())
    return (found["outputs"] - scale.mean) / scale.deviation


def with_momentum(found, default):
    """The second step goes on in the direction of the first."""
    return {
        name: (default["step 2"][name] - w, MOMENTUM * (default["step 1"][name] - default["weights"][name]))
        for name, w in found["step 2"].items()
    }


def with_decay(found, default):
    return {
        name: (w - default["step 1"][name], DECAY * RATE * default["weights"][name])
        for name, w in found["step 1"].items()
    }


def with_even_steps(found, default):
    """The first step moves every weight as far, in the direction of its gradient."""
    pairs = {}
    for name, w in default["weights"].items():
        plain, scaled = (step["step 1"][name] - w + DECAY * RATE * w for step in (default, found))
        clear = abs(plain) > 1e-5
        pairs[name] = scaled[clear], RATE * np.sign(plain[clear])
    return pairs


def in_mm(found, default):
    return {"outputs": (found["outputs"], raw(default))}


def through_tanh(found, default):
    scale = TargetScale.fit([POSES], settings_module.RegressionSettings(last="tanh"))
    return {"outputs": (found["outputs"], scale.mean + scale.deviation * np.tanh(raw(default)))}


def distance(found, default):
    errors = (default["outputs"] - POSES[:3].reshape(3, 51)).reshape(3, 17, 3)
    return {"cost": (found["cost"], np.linalg.norm(errors, axis=-1).mean())}


def logistic(found, default):
    z = np.arctanh(2 * default["outputs"] - 1)
    return {"outputs": (found["outputs"], 1 / (1 + np.exp(-z)))}


STEPS = ("step 1", "step 2")
ANSWERS = ("outputs", "cost", *STEPS)
# (task, settings, what changes, how)
GRAPHS = (
    ("regression", ["training.momentum=0"], ("step 2",), with_momentum),
    ("regression", ["training.weight_decay=0"], STEPS, with_decay),
    ("regression", ["training.momentum=0", "training.weight_decay=0"], STEPS, with_decay),
    ("regression", ["training.learning_rate=0.02"], STEPS, None),
    ("regression", ["training.rms_steps=9"], STEPS, with_even_steps),
    ("regression", ["training.order=old"], STEPS, None),
    ("regression", ["network.seed=1"], ("weights", *ANSWERS), None),
    pytest.param("regression", ["network.activation=relu"], ANSWERS, None, marks=pytest.mark.slow),
    pytest.param("regression", ["network.dropout=0.5"], STEPS, None, marks=pytest.mark.slow),
    pytest.param("regression", ["regression.cost=mpjpe"], ("cost", *STEPS), distance, marks=pytest.mark.slow),
    ("regression", ["regression.targets=mm"], ANSWERS, in_mm),
    pytest.param("regression", ["regression.last=tanh"], ANSWERS, through_tanh, marks=pytest.mark.slow),
    pytest.param("detection", ["detection.readout=sigmoid"], ANSWERS, logistic, marks=pytest.mark.slow),
    (
        "regression",
        [
            "detection.readout=sigmoid", "training.batch_size=1", "training.shuffle=false", "training.seed=7",
            "training.patience=2", "data.validation=report", "data.memory=stream", "augmentation.mirror=true",
            "augmentation.shift=5", "augmentation.light=0.5",
        ],
        (),
        None,
    ),
    ("detection", ["regression.cost=mpjpe", "regression.targets=mm", "regression.last=tanh"], (), None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("task", "settings", "changes", "how"), GRAPHS, ids=lambda v: " ".join(v) if isinstance(v, list) else ""
)
def test_what_an_option_changes_in_the_network(defaults, task, settings, changes, how):
    found, default = observed(task, *settings), defaults[task]
    assert [name for name in default if not same(found[name], default[name])] == [
        name for name in default if name in changes
    ]
    for name, (mine, wanted) in (how(found, default) if how else {}).items():
        np.testing.assert_allclose(mine, wanted, rtol=1e-3, atol=1e-6, err_msg=name)


def test_networks_of_other_units_predict_in_the_same_process():
    for units in ([20, 30], [7, 9]):
        graph, _ = make("regression", f"network.dense={units}")
        assert graph.predict(IMAGES).shape == (len(IMAGES), 51)


def test_a_batch_of_one_makes_the_step_of_128_copies():
    """The cost is a mean over the minibatch, so that its size does not change the scale of a step."""
    stepped = []
    for n in (1, 128):
        graph, targets = make("regression")
        cost, _ = graph.step(np.repeat(IMAGES[:1], n, axis=0), np.repeat(targets[:1], n, axis=0))
        stepped.append({"cost": cost, **graph.network.get_weights()})
    for name, value in stepped[0].items():
        np.testing.assert_allclose(stepped[1][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


class Noted(RegressionGraph):
    """A regression network that notes what it is given and learns nothing."""

    def __init__(self, config, scale):
        super().__init__(config, scale)
        self.stepped, self.scored = [], []

    def step(self, images, targets):
        self.stepped.append((images, targets))
        return 1.0, 1.0

    def evaluate(self, images, targets):
        self.scored.append((images, targets))
        return targets, 1.0


@pytest.fixture(scope="module")
def known():
    """What was found by `trained`, by its settings."""
    return {}


@pytest.fixture
def trained(built, tmp_path, monkeypatch, known):
    """``trained(*settings)``: which samples an epoch trains on and how, and what is scored after it."""
    monkeypatch.setattr(training, "activity", lambda *_: {})
    monkeypatch.setattr(RegressionTask, "some_images", lambda *_: None)  # asks for samples, too
    saver = SimpleNamespace(pause=lambda: None, save=lambda: None)

    def trained(*settings):
        if settings in known:
            return known[settings]
        words = [*SMALL, "training.batch_size=24", "training.epochs=1", *settings]
        config = load("regression", None, words)
        data, chosen = open_split(built, config.data, needs_test=False)
        graph = Noted(config, TargetScale(np.zeros(51), np.ones(51)))
        asked, images = [], data.images

        def noting(indices):
            asked.append(indices)
            return images(indices)

        data.images = noting
        run = RunFolder.create(tmp_path / "run", config)
        fit(RegressionTask(graph, data), chosen, State(graph), run, saver)
        first = len(asked) - len(graph.stepped) - len(graph.scored) // 2  # epoch 0 scores alone
        asked = asked[first:][: len(graph.stepped)]
        order = np.concatenate(asked)
        shown = [np.concatenate(part) for part in zip(*graph.stepped, strict=True)]
        by_number = [part[np.argsort(order)] for part in shown]
        known[settings] = {
            "batches": [len(indices) for indices in asked],
            "order": order.tolist(),
            "samples": sorted(order),
            "images": by_number[0],
            "targets": by_number[1],
            "scored": [part.tobytes() for pair in graph.scored for part in pair],
        }
        return known[settings]

    return trained


OTHER_SAMPLES = ("batches", "order", "samples", "images", "targets", "scored")
EPOCHS = (
    ("training.batch_size=1", ["batches"]),
    ("training.batch_size=128", ["batches"]),
    ("training.shuffle=false", ["order"]),
    ("training.seed=5", ["order", "scored"]),  # of the subset of training samples, too
    ("data.validation=report", OTHER_SAMPLES),
    ("data.validation=subject:S5", OTHER_SAMPLES),
    ("data.seed=6", []),  # of the report's validation only
    ("data.memory=stream", []),
    ("data.train_every=2", OTHER_SAMPLES),
    ("data.test_every=2", []),
    ("data.actions=['Walking']", []),
    ("transfer.rescale=true", []),
    ("augmentation.mirror=true", ["images", "targets"]),
    ("augmentation.shift=5", ["images"]),
    ("augmentation.light=0.5", ["images"]),
    ("augmentation.seed=6", []),
    ("network.dropout=0.5", []),
    ("training.momentum=0", []),
)


@pytest.mark.parametrize(("setting", "changes"), EPOCHS, ids=[setting for setting, _ in EPOCHS])
def test_what_an_option_changes_in_an_epoch(trained, setting, changes):
    default, found = trained(), trained(setting)
    assert [name for name in default if not same(found[name], default[name])] == list(changes)


def test_batches_order_and_augmentation_are_what_their_settings_say(trained):
    found = trained("training.batch_size=1", "training.shuffle=false")
    assert found["batches"] == [1] * 64
    assert found["order"] == found["samples"]
    assert trained("training.batch_size=128")["batches"] == [64]
    plain, mirrored = trained()["images"], trained("augmentation.mirror=true")["images"]
    turned = [same(new, old[:, ::-1]) for new, old in zip(mirrored, plain, strict=True)]
    kept = [same(new, old) for new, old in zip(mirrored, plain, strict=True)]
    assert sum(turned) + sum(kept) == 64
    assert 20 < sum(turned) < 44
    again, other = (trained("augmentation.shift=5", f"augmentation.seed={n}")["images"] for n in (3, 4))
    assert same(again, trained("augmentation.shift=5")["images"])
    assert not same(other, again)


def test_the_rate_warms_up(trained, monkeypatch):
    seen = []

    def step(self, images, targets):
        seen.append(float(self.hyper["learning_rate"].get_value()))
        self.stepped.append((images, targets))
        return 1.0, 1.0

    monkeypatch.setattr(Noted, "step", step)
    trained("training.epochs=3", "training.warmup=2", "training.learning_rate=0.3")
    n = len(seen) // 3
    np.testing.assert_allclose(seen, 0.3 * np.minimum(1, np.arange(1, 3 * n + 1) / (2 * n)), rtol=1e-6)


def test_the_average_is_saved_and_training_goes_on_with_the_weights(built, tmp_path):
    def trained(name, *settings):
        words = [w for each in (*SMALL, *settings) for w in ("--set", each)]
        command = ["--data", str(built), "--init", "none", "--out", str(tmp_path / name), *words]
        assert train_regression.main(command) == 0
        return weights.load(tmp_path / name / weights.LAST).params

    one, two = (trained(f"{n}", f"training.epochs={n}") for n in (1, 2))
    mean = trained("mean", "training.epochs=2", "training.average=2")
    going_on = checkpoint.load(tmp_path / "mean", "regression").params
    for name, value in mean.items():
        np.testing.assert_allclose(value, (one[name] + two[name]) / 2, rtol=1e-5, atol=1e-7, err_msg=name)
        np.testing.assert_array_equal(going_on[name], two[name], err_msg=name)
