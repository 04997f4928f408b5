"""``python -m pose3d.test``, on the tiny built files of conftest.py, through its main()."""

import dataclasses
import json
import re
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image

from pose3d import metrics, regression, test, weights
from pose3d.config import load
from pose3d.dataset import Dataset
from pose3d.samples import built_path
from pose3d.skeleton import JOINTS
from pose3d.splits import split
from pose3d.weights import BEST, LAST


def run(data, weights_path, out):
    return test.main(["--data", str(data), "--weights", str(weights_path), "--out", str(out)])


@pytest.fixture(scope="module")
def tested(built, regression_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("test") / "new"
    assert run(built, regression_run, out) == 0
    return out


@pytest.fixture(scope="module")
def results(tested):
    return json.loads((tested / "results.json").read_text())


@pytest.fixture(scope="module")
def predicted(tested):
    with np.load(tested / "predictions.npz") as file:
        return dict(file)


def test_what_is_written(tested, regression_run, results):
    assert {path.name for path in tested.iterdir()} == {"results.json", "predictions.npz", "poses.png"}
    assert results["subjects"] == ["S11"]
    assert results["weights"] == str(regression_run)
    with Image.open(tested / "poses.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert min(pixels.shape[:2]) > 500
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_all_frames_of_the_test_subject_are_scored(built, results, predicted):
    """130 of them: one batch of 128 and a remainder."""
    data = Dataset.open(built)
    chosen = np.flatnonzero(data.subject == "S11")
    assert results["frames"] == len(chosen) == 130
    np.testing.assert_array_equal(predicted["truths_mm"], data.poses[chosen])
    for name in ("action", "subject", "take", "camera", "frame"):
        np.testing.assert_array_equal(predicted[name], getattr(data, name)[chosen])
    assert predicted["joints"].tolist() == list(JOINTS)


def test_the_figures_are_those_of_the_predictions(built, results, predicted, regression_run):
    p, g = predicted["predictions_mm"].astype(float), predicted["truths_mm"].astype(float)
    assert p.shape == (130, 17, 3)
    errors = np.linalg.norm((p - p[:, :1]) - (g - g[:, :1]), axis=2)
    assert results["mpjpe_mm"] == pytest.approx(errors.mean(), rel=1e-9)
    assert results["mpjpe_16_joints_mm"] == pytest.approx(errors[:, 1:].mean(), rel=1e-9)
    assert list(results["per_joint_mm"]) == list(JOINTS)
    np.testing.assert_allclose(list(results["per_joint_mm"].values()), errors.mean(axis=0))
    assert results["spread_ratio"] == pytest.approx(metrics.spread_ratio(p, g))
    data = Dataset.open(built)
    mean_pose = data.poses[split(data).train].astype(float).mean(axis=0)  # of the training samples alone
    assert results["mean_pose_mpjpe_mm"] == pytest.approx(
        np.linalg.norm(mean_pose - g, axis=2).mean(), rel=1e-6
    )
    some = np.flatnonzero(data.subject == "S11")[[3, 129]]
    expected = regression.from_weights(regression_run).predict(data.images(some)).reshape(2, 17, 3)
    np.testing.assert_allclose(p[[3, 129]], expected, rtol=1e-4, atol=1e-2)


def test_runs_of_equal_predictions_are_measured_within_each_take(results):
    """Take 1 has 65 images that differ, in take 2 every image stays for 5 frames."""
    assert results["longest_constant_run"] == 5
    assert results["mean_constant_run"] == pytest.approx(130 / (65 + 13))


def test_runs_end_with_their_take_and_camera():
    columns = {"action": ["Walking"] * 6, "subject": ["S11"] * 6}
    columns |= {"take": [1, 1, 1, 1, 2, 2], "camera": [1, 2, 1, 2, 1, 1]}  # two cameras, interleaved
    data = type("Data", (), {name: np.array(values) for name, values in columns.items()})
    poses = np.zeros((6, 17, 3))
    poses[3, 5] = 0, 0, 0.02  # camera 2 of take 1 moves by more than what counts as equal
    poses[5, 5] = 0, 0, 0.005
    assert sorted(test.constant_runs(data, np.arange(6), poses)) == [1, 1, 2, 2]


def test_the_last_line_sums_up_and_the_tables_stand_above(built, regression_run, results, tmp_path, capsys):
    assert run(built, regression_run / LAST, tmp_path / "test") == 0
    out = capsys.readouterr().out
    last = out.rstrip("\n").splitlines()[-1]
    assert re.fullmatch(r"MPJPE \d+\.\d\d mm \(mean pose \d+\.\d\d mm\) on S11, 130 frames", last)
    found = json.loads((tmp_path / "test" / "results.json").read_text())
    assert last.startswith(
        f"MPJPE {found['mpjpe_mm']:.2f} mm (mean pose {results['mean_pose_mpjpe_mm']:.2f} mm)"
    )
    for joint in JOINTS:
        assert re.search(rf"^{joint} +\d", out, re.MULTILINE)
    for take in (1, 2):
        assert re.search(rf"^Walking +S11 +{take} +54138969 +65 ", out, re.MULTILINE)


def changed(source, path, drop=None, scale=None, **changes):
    """The weights at `source`, with parameters changed or left out, written to `path`."""
    found = weights.load(source)
    params = {name: value for name, value in (found.params | changes).items() if name != drop}
    scale = found.scale if scale is None else scale
    weights.save(path, dataclasses.replace(found, params=params, scale=scale))


def other_configuration(source, path):
    found = weights.load(source)
    config = load("regression", None, ["network.kernels=[5,10,15]"])
    weights.save(path, dataclasses.replace(found, config=config))


def truncated(source, path):
    path.write_bytes((source / BEST).read_bytes()[:100_000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            other_configuration,
            "w.npz: conv1.W has shape (2, 1, 5, 5), the network's has (5, 1, 5, 5); train again",
        ),
        (truncated, "w.npz is no weights file of pose3d, or damaged"),
        (lambda source, path: changed(source, path, drop="fc2.W"), "w.npz lacks fc2.W: train again"),
        (lambda source, path: changed(source, path, scale={}), "w.npz lacks the scale of its targets"),
        (
            lambda source, path: changed(
                source, path, scale={"mean": np.zeros(50), "deviation": np.ones(51)}
            ),
            "w.npz lacks the scale of its targets",
        ),
        (
            lambda source, path: changed(source, path, **{"fc3.b": np.full(51, np.nan)}),
            "w.npz: fc3.b holds numbers that are not finite",
        ),
        (
            lambda source, path: shutil.copy(source.with_name("detection") / BEST, path),
            "holds a detection network",
        ),
        (lambda source, path: None, "w.npz: no such file or run folder; train first"),
        (lambda source, path: path.mkdir(), "w.npz holds no best.npz: it is no run folder"),
    ],
)
def test_weights_that_will_not_do(built, regression_run, detection_run, tmp_path, capsys, spoil, message):
    spoil(regression_run, tmp_path / "w.npz")
    assert run(built, tmp_path / "w.npz", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]*\n", error)
    assert message in error
    assert not (tmp_path / "out").exists()


def other_version(folder):
    with h5py.File(built_path(folder, "Walking", "S5"), "r+") as file:
        file.attrs["version"] = 99


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_version, "Walking-S5.h5 has version 99, not 2; remove it and run build_dataset again"),
        (
            lambda folder: built_path(folder, "Walking", "S11").unlink(),
            "holds nothing of S11, the test subject",
        ),
        (lambda folder: shutil.rmtree(folder), "there is no such folder; run build_dataset --out"),
    ],
)
def test_data_that_will_not_do(built, regression_run, tmp_path, capsys, spoil, message):
    folder = shutil.copytree(built, tmp_path / "built")
    spoil(folder)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("of an earlier test")
    assert run(folder, regression_run, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]*\n", error)
    assert message in error
    assert (tmp_path / "out" / "results.json").read_text() == "of an earlier test"


def test_help_names_units_and_defaults(capsys):
    with pytest.raises(SystemExit) as done:
        test.main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    for word in ("data/walking", "runs/regression", "runs/test", "results.json"):
        assert word in text
    with pytest.raises(SystemExit) as done:
        test.main(["--frames", "3"])
    assert done.value.code == 2
