"""The command, on the tiny built files of conftest.py, through its main()."""

import re

import numpy as np
import pytest

import pose3d
from pose3d import train_regression
from pose3d.config import DataSettings, RegressionSettings, load
from pose3d.dataset.samples import Dataset
from pose3d.dataset.splits import split
from pose3d.errors import UserError
from pose3d.evaluation.metrics import mpjpe
from pose3d.model import regression, weights
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.model.transfer import TRANSFERRED
from tests.curves import COLUMNS, curve, params_of, same
from tests.small import SMALL


@pytest.fixture
def train(built, small):
    """The command: ``train(out, init, *more arguments)``."""

    def train(out, init, *more):
        arguments = ["--data", str(built), "--init", str(init), "--out", str(out), *small, *more]
        return train_regression.main(arguments)

    return train


POSES = np.random.default_rng(0).normal(0, 100, (20, 17, 3))
POSES[:, 0] = 0  # the pelvis


def fitted(**settings):
    """The scale of `POSES`, and them in its numbers: (20, 51)."""
    scale = TargetScale.fit([POSES[:3], POSES[3:]], RegressionSettings(**settings))
    return scale, (POSES.reshape(20, 51) - scale.mean) / scale.deviation


def test_standardised_targets_are_the_training_poses_own():
    scale, numbers = fitted()
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(numbers[:, 3:].std(axis=0), 1)
    assert scale.deviation[:3].tolist() == [1, 1, 1]


@pytest.mark.parametrize("last", ["identity", "tanh"])
def test_a_coordinate_that_does_not_move_keeps_its_unit(last):
    poses = np.random.default_rng(0).normal(0, 300, (999, 17, 3)) + 4000
    poses[:, 3, 1] = 431.2345678901
    scale = TargetScale.fit(np.array_split(poses, 7), RegressionSettings(last=last))
    assert scale.deviation[10] == 1
    assert scale.mean[10] == pytest.approx(431.2345678901)
    if last == "identity":
        others = np.delete(scale.deviation, 10)
        np.testing.assert_allclose(others, np.delete(poses.reshape(-1, 51).std(axis=0), 10), rtol=1e-12)


def test_targets_for_a_tanh_stay_within_its_range():
    _, numbers = fitted(last="tanh")
    np.testing.assert_allclose(abs(numbers[:, 3:]).max(axis=0), 1 / regression.TANH_REACH)


def test_targets_in_mm_are_the_poses_and_no_tanh_reaches_them():
    scale, _ = fitted(targets="mm")
    assert (scale.mean.tolist(), scale.deviation.tolist()) == ([0] * 51, [1] * 51)
    with pytest.raises(UserError, match='regression.last = "tanh" needs regression.targets = "standardised"'):
        fitted(targets="mm", last="tanh")


@pytest.mark.parametrize("cost", ["squared", "mpjpe"])
def test_the_graphs_cost_and_output_are_in_the_units_they_should_be(cost):
    settings = [*SMALL, f"regression.cost={cost}"]
    config = load("regression", None, settings)
    scale = TargetScale.fit([POSES[:3], POSES[3:]], config.regression)
    graph = RegressionGraph(config, scale)
    images = np.random.default_rng(1).integers(0, 256, (3, 128, 128), dtype=np.uint8)
    targets = POSES[:3].reshape(3, 51)
    predictions, value = graph.evaluate(images, targets)
    np.testing.assert_allclose(graph.predict(images), predictions, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(graph.predict(images / 255), predictions, rtol=1e-4, atol=1e-2)
    assert abs(predictions - scale.mean).max() < 6 * scale.deviation.max()  # mm, not numbers
    if cost == "mpjpe":
        expected = np.linalg.norm((predictions - targets).reshape(3, 17, 3), axis=2).mean()
    else:
        expected = (((predictions - targets) / scale.deviation) ** 2).sum() / (2 * 3)
    assert value == pytest.approx(expected, rel=1e-4)


def test_the_run_folder(built, regression_run, detection_run):
    names = {path.name for path in regression_run.iterdir()}
    checkpoints = {"checkpoint.npz", "checkpoint.older.npz"}
    written = {"config.toml", "log.txt", "curve.csv", "curve.png", "best.npz", "last.npz"}
    assert names == written | checkpoints
    found = weights.load(regression_run, "regression")
    data = Dataset.open(built)
    chosen = split(data, DataSettings())
    scale = TargetScale.fit([data.poses[chosen.train]], found.config.regression)
    np.testing.assert_array_equal(found.scale["mean"], scale.mean)
    np.testing.assert_array_equal(found.scale["deviation"], scale.deviation)
    log = (regression_run / "log.txt").read_text()
    assert f"conv1, conv2, conv3 from {detection_run}" in log
    assert "cost: Eq. (6), half the squared error of the 51 numbers that fc3 gives, mean of an epoch's" in log
    baseline = np.broadcast_to(data.poses[chosen.train].mean(axis=0), data.poses[chosen.validation].shape)
    error = mpjpe(baseline, data.poses[chosen.validation])
    assert f"baseline on validation, mean training pose: MPJPE {error:.2f} mm" in log
    assert re.search(r"best: epoch \d, MPJPE [\d.]+ mm on validation, [\d.]+ mm on training samples", log)


def test_the_curve_is_in_mm_and_the_best_weights_score_what_it_says(built, regression_run):
    rows = curve(regression_run)
    scores = {f"{part}_{kind}" for part in ("train", "validation") for kind in ("cost", "mpjpe_mm")}
    assert set(rows[0]) == scores | COLUMNS
    assert float(rows[2]["train_cost"]) < float(rows[0]["train_cost"])
    scores = [float(row["validation_mpjpe_mm"]) for row in rows]
    data = Dataset.open(built)
    chosen = split(data, DataSettings()).validation
    predictions = pose3d.load(regression_run).graph.predict(data.images(chosen)).reshape(-1, 17, 3)
    assert mpjpe(predictions, data.poses[chosen]) == pytest.approx(min(scores), rel=1e-4)


def test_a_regression_network_is_trained_further(train, regression_run, tmp_path):
    """It begins where the other ended, with its best weights."""
    assert train(tmp_path / "more", regression_run, "--set", "training.epochs=0") == 0
    best = min(float(row["validation_mpjpe_mm"]) for row in curve(regression_run))
    assert float(curve(tmp_path / "more")[0]["validation_mpjpe_mm"]) == best
    assert f"all layers from {regression_run}" in (tmp_path / "more/log.txt").read_text()


def test_training_starts_at_the_detection_networks_convolutions(train, detection_run, tmp_path):
    nothing = ("--set", "training.epochs=0")
    assert train(tmp_path / "init", detection_run, *nothing) == 0
    assert train(tmp_path / "none", "none", *nothing) == 0
    ours, random, theirs = (
        params_of(tmp_path / "init"),
        params_of(tmp_path / "none"),
        params_of(detection_run, weights.BEST),
    )
    for name, value in ours.items():
        np.testing.assert_array_equal(value, (theirs if name in TRANSFERRED else random)[name])
    assert not same({name: theirs[name] for name in TRANSFERRED}, random)
    assert "conv1, conv2, conv3 random" in (tmp_path / "none" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("init", "arguments", "message"),
    [
        ("nowhere", [], "nowhere: no such file or run folder; train first, or name another"),
        ("empty", [], "empty holds no best.npz: it is no run folder, or its training never ended an epoch"),
        (
            "DETECTION",
            ["--set", "network.kernels=[5,10,15]"],
            "has kernels [2, 3, 4], the network [5, 10, 15]",
        ),
        ("empty/../text", [], "text is neither a weights file nor a pickle of arrays"),
        ("none", ["--set", "regression.targets=mm", "--set", "regression.last=tanh"], "regression.last"),
        ("none", ["--set", "detection.readout=softmax"], "detection.readout = 'softmax': must be one of"),
    ],
)
def test_what_is_wrong_is_one_line_and_touches_nothing(
    train, detection_run, tmp_path, monkeypatch, error_line, init, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    assert train(tmp_path / "run", detection_run if init == "DETECTION" else init, *arguments) == 1
    assert message in error_line()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "text"]


def test_from_the_disk_the_same_weights_come_as_from_memory(
    built, small, detection_run, regression_run, tmp_path
):
    out = tmp_path / "streamed"
    arguments = ["--data", str(built), "--init", str(detection_run), "--out", str(out), *small]
    assert train_regression.main([*arguments, "--set", "data.memory=stream"]) == 0
    streamed, held = (weights.load(run / weights.LAST) for run in (out, regression_run))
    assert streamed.params.keys() == held.params.keys()
    for name, values in held.params.items():
        np.testing.assert_array_equal(streamed.params[name], values, err_msg=name)
    np.testing.assert_allclose(streamed.scale["mean"], held.scale["mean"], rtol=1e-12)
