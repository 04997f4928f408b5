"""The command, on the tiny built files of conftest.py, through its main()."""

import re

import numpy as np
import pytest

from pose3d import train_detection
from pose3d.config import load
from pose3d.dataset.samples import Dataset
from pose3d.dataset.windows import labels
from pose3d.model import weights
from pose3d.model.detection import DetectionGraph
from pose3d.skeleton import JOINTS
from pose3d.training.tasks import DetectionTask
from tests.curves import COLUMNS, curve, params_of, same


@pytest.fixture
def train(built, small):
    """The command: ``train(out, *more arguments)``."""
    return lambda out, *more: train_detection.main(["--data", str(built), "--out", str(out), *small, *more])


def test_the_run_folder(detection_run):
    names = {path.name for path in detection_run.iterdir()}
    checkpoints = {"checkpoint.npz", "checkpoint.older.npz"}
    written = {"config.toml", "log.txt", "curve.csv", "curve.png", "best.npz", "last.npz"}
    assert names == written | checkpoints
    assert load("detection", detection_run / "config.toml").network.kernels == (2, 3, 4)
    found = weights.load(detection_run, "detection")
    assert found.config.training.epochs == 2
    assert found.scale == {}
    log = (detection_run / "log.txt").read_text()
    assert "train 64, validation 8, test 130 samples" in log
    assert re.search(r"best: epoch 2, on validation cross-entropy [\d.]+ per window, F1 [\d.]+, average", log)
    for joint in JOINTS:
        assert re.search(rf"^{joint}( +[\d.]+){{4}}$", log, re.MULTILINE)


def test_the_curve_holds_all_scores_and_learning_shows(detection_run):
    rows = curve(detection_run)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    kinds = ("cost", "cross_entropy", "f1", "ap", *(f"f1 {j}" for j in JOINTS), *(f"ap {j}" for j in JOINTS))
    columns = {f"{part}_{kind}" for part in ("train", "validation") for kind in kinds}
    assert set(rows[0]) == columns | COLUMNS
    for part in ("train", "validation"):
        entropies = [float(row[f"{part}_cross_entropy"]) for row in rows]
        assert entropies[0] == pytest.approx(np.log(2), rel=0.05)  # knows nothing yet
        assert entropies[2] < entropies[1] < entropies[0]


def test_the_scores_are_those_of_the_labels(built, detection_run):
    """The cross-entropy is Eq. (4) averaged over windows, and the whole of it, for the best epoch."""
    data = Dataset.open(built)
    found = weights.load(detection_run)
    graph = DetectionGraph(found.config)
    graph.network.set_weights(found.params)
    indices = np.flatnonzero(data.subject == "S1")[:7]
    task = DetectionTask(graph, data)
    images, targets = task.samples(indices)
    np.testing.assert_array_equal(targets, labels(data.joints_2d[indices]).reshape(7, 1700))
    p, cost = graph.evaluate(images, targets)
    scores = task.scores({"cost": 7 * cost, **task.counts(p, targets)}, 7)
    p = p.astype(float)
    expected = -np.where(targets, np.log(p), np.log(1 - p)).mean()
    assert scores["cross_entropy"] == pytest.approx(expected, rel=1e-4)


def test_the_same_seeds_give_the_same_bits_and_monitoring_changes_none(train, detection_run, tmp_path):
    assert train(tmp_path / "monitored", "--monitor-test") == 0
    for name in (weights.BEST, weights.LAST):
        assert same(params_of(detection_run, name), params_of(tmp_path / "monitored", name))
    added = set(curve(tmp_path / "monitored")[0]) - set(curve(detection_run)[0])
    assert {name.partition("_")[0] for name in added} == {"test"}
    assert len(added) == 4 + 2 * len(JOINTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "none"], "none: there is no such folder; run python -m pose3d.build_dataset --out none"),
        (["--data", "empty"], "empty holds no built file; run python -m pose3d.build_dataset --out empty"),
        (["--config", "none.toml"], "none.toml: no such file"),
        (["--set", "training.learning_rates=1"], "unknown setting training.learning_rates"),
        (
            ["--set", "training.learning_rate=fast"],
            "training.learning_rate = 'fast': expected `float`, got `str`",
        ),
        (["--set", "data.validation=subject:S7"], "there is no subject 'S7' in the data set"),
        (["--set", "data.test=['S9']", "--monitor-test"], "has no subject S9 to keep for the test"),
        (["--set", "data.test=[]", "--monitor-test"], "is kept for the test: name subjects, --set"),
        (["--out", "theirs"], "theirs is no run folder and not empty: name another with --out"),
        (
            ["--set", "network.kernels=[2, 3, 1000]", "--set", "network.dense=[1000000, 30]"],
            "there is not enough memory for this",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_touches_nothing(
    train, tmp_path, monkeypatch, error_line, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").touch()
    assert train(tmp_path / "run", *arguments) == 1
    assert message in error_line()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "theirs", "thesis.txt"]


@pytest.mark.filterwarnings("error::RuntimeWarning")  # no line beside the one
@pytest.mark.parametrize("rate", ["1e30", "1e38"])
def test_a_diverging_run_is_one_line_and_the_run_before_is_kept(
    train, detection_run, tmp_path, error_line, rate
):
    for name in ("config.toml", "best.npz"):
        path = tmp_path / "run" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((detection_run / name).read_bytes())
    settings = ("--set", f"training.learning_rate={rate}")
    assert train(tmp_path / "run", *settings) == 1
    assert re.match(r"error: the cost.* in epoch \d.*: .*lower training.learning_rate; ", error_line())
    assert weights.load(tmp_path / "run").about["epoch"] == 0
    assert same(params_of(tmp_path / "run.1", weights.BEST), params_of(detection_run, weights.BEST))
