"""``python -m pose3d.test``, on the tiny built files of conftest.py, through its main()."""

import dataclasses
import json
import re
import shutil
import sys

import h5py
import numpy as np
import pytest
from PIL import Image

import pose3d
from pose3d import test
from pose3d.config import DataSettings, load
from pose3d.dataset.built_files import SCHEMA, built_path, write_built_file
from pose3d.dataset.samples import Dataset
from pose3d.dataset.splits import split
from pose3d.evaluation import metrics
from pose3d.evaluation.pose_file_formats import FORMATS
from pose3d.io.atomic_files import LOCK, exclusive
from pose3d.model import weights
from pose3d.model.weights import BEST, LAST
from pose3d.report.colours import SIDE_COLOURS
from pose3d.skeleton import JOINTS


def run(data, weights_path, out, *more):
    return test.main(
        ["--data", str(data), "--weights", str(weights_path), "--out", str(out), "--detection", "none"]
        + [str(word) for word in more]
    )


def results_in(out):
    return json.loads((out / "results.json").read_text())


@pytest.fixture(scope="module")
def tested(built, regression_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("test") / "new"
    assert run(built, regression_run, out) == 0
    return out


@pytest.fixture(scope="module")
def results(tested):
    return results_in(tested)


@pytest.fixture(scope="module")
def predicted(tested):
    with np.load(tested / "predictions.npz") as file:
        return dict(file)


def test_what_is_written(tested, regression_run, results):
    assert {path.name for path in tested.iterdir() if path.name != LOCK} == {
        "results.json", "predictions.npz", "poses.png", "poses.mp4", "filters.png", "report.html"
    }  # fmt: skip
    assert results["subjects"] == ["S11"]
    assert results["weights"] == str(regression_run)
    with Image.open(tested / "poses.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    # Best, median and worst; beside the image prediction and ground truth, each in the colours of its sides.
    for row in np.array_split(pixels[:, pixels.shape[1] // 3 :], 3):
        for panel in np.array_split(row, 2, axis=1):
            for colour in SIDE_COLOURS.values():
                assert (panel == bytearray.fromhex(colour[1:])).all(axis=-1).sum() > 20, colour


def test_poses_are_averaged_over_mirror_images_if_asked_for(
    built, regression_run, results, predicted, tmp_path
):
    again = ["--seeds", regression_run, "--frames", 0]
    assert run(built, regression_run, tmp_path / "both", "--mirror", *again) == 0
    with np.load(tmp_path / "both/predictions.npz") as file:
        found = file["predictions_mm"]
    data = Dataset.open(built, subjects=["S11"])
    graph = pose3d.load(regression_run).graph
    expected = graph.predict_mirrored(data.images(slice(0, 128))).reshape(-1, 17, 3)
    np.testing.assert_allclose(found[:128], expected, atol=1e-3)
    assert np.abs(found - predicted["predictions_mm"]).max() > 1
    both = results_in(tmp_path / "both")
    assert both["mirror"] is True
    assert results["mirror"] is False
    assert both["runs"][str(regression_run)]["mpjpe_mm"] == both["mpjpe_mm"]


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
    training = split(data, DataSettings()).train
    mean_pose = data.poses[training].astype(float).mean(axis=0)
    assert results["mean_pose_mpjpe_mm"] == pytest.approx(
        np.linalg.norm(mean_pose - g, axis=2).mean(), rel=1e-6
    )
    some = np.flatnonzero(data.subject == "S11")[[3, 129]]
    expected = pose3d.load(regression_run).graph.predict(data.images(some)).reshape(2, 17, 3)
    np.testing.assert_allclose(p[[3, 129]], expected, rtol=1e-4, atol=1e-2)


def test_runs_of_equal_predictions_are_measured_within_each_take(results):
    """Take 1 has 65 images that differ, in take 2 every image stays for 5 frames."""
    assert results["longest_constant_run"] == 5
    assert results["mean_constant_run"] == pytest.approx(130 / (65 + 13))


def test_the_last_line_sums_up_and_the_tables_stand_above(built, regression_run, results, tmp_path, capsys):
    assert run(built, regression_run / LAST, tmp_path / "test", "--frames", 0) == 0
    out = capsys.readouterr().out
    last = out.rstrip("\n").splitlines()[-1]
    assert re.fullmatch(r"MPJPE \d+\.\d\d mm \(mean pose \d+\.\d\d mm\) on S11, 130 frames", last)
    found = results_in(tmp_path / "test")
    assert last.startswith(
        f"MPJPE {found['mpjpe_mm']:.2f} mm (mean pose {results['mean_pose_mpjpe_mm']:.2f} mm)"
    )
    for joint in JOINTS:
        assert re.search(rf"^{joint} +\d", out, re.MULTILINE)
    for take in (1, 2):
        assert re.search(rf"^Walking +S11 +{take} +54138969 +65 ", out, re.MULTILINE)


def test_the_page_shows_what_was_tested(tested, results):
    text = (tested / "report.html").read_text()
    assert f"<dd>{results['mpjpe_mm']:.1f} mm</dd>" in text
    assert "Regression network" in text  # its learning curve
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert len(data["titles"]) == 130
    assert data["titles"][64] == "Walking S11 take 1 camera 54138969 frame 64"
    assert np.mean(data["errors"]) == pytest.approx(results["mpjpe_mm"], abs=0.01)
    assert data["maps"] is None


def test_runs_side_by_side(built, regression_run, tmp_path, capsys):
    other = tmp_path / "other.npz"
    shutil.copy(regression_run / LAST, other)
    assert run(built, regression_run, tmp_path / "out", "--frames", 0, "--seeds", other) == 0
    found = results_in(tmp_path / "out")
    assert list(found["runs"]) == [str(regression_run), str(other)]
    assert found["runs"][str(regression_run)]["mpjpe_mm"] == found["mpjpe_mm"]
    assert run(built, other, tmp_path / "alone", "--frames", 0) == 0
    alone = results_in(tmp_path / "alone")
    assert found["runs"][str(other)]["mpjpe_mm"] == alone["mpjpe_mm"]
    middle = (found["mpjpe_mm"] + alone["mpjpe_mm"]) / 2
    assert re.search(rf"^median +{middle:.1f} ", capsys.readouterr().out, re.MULTILINE)
    assert not (tmp_path / "out" / "report.html").exists()


def test_an_extra_that_fails_costs_itself_alone(built, regression_run, results, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "poses.png").mkdir(parents=True)  # so that nothing can be drawn
    (tmp_path / "damaged.npz").touch()
    seeds = tmp_path / "damaged.npz", regression_run / LAST
    assert run(built, regression_run, out, "--nearest", "--robustness", "--seeds", *seeds) == 1
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    for line, message in zip(lines, ("needs the raw tree", "damaged.npz", "poses.png"), strict=True):
        assert line.startswith("error: ")
        assert message in line
    found = results_in(out)
    assert found["mpjpe_mm"] == results["mpjpe_mm"]
    assert found["nearest_image_mpjpe_mm"] > 0
    assert list(found["runs"]) == [str(regression_run), str(seeds[1])]
    assert "perturbed_mpjpe_mm" not in found
    assert (out / "predictions.npz").is_file()
    assert printed.out.splitlines()[-1].startswith("MPJPE ")


def test_a_detection_network_and_the_nearest_image_are_evaluated_too(
    built, regression_run, detection_run, results, tmp_path, capsys
):
    assert run(built, regression_run, tmp_path, "--detection", detection_run, "--nearest") == 0
    found = results_in(tmp_path)
    data = Dataset.open(built)
    chosen = split(data, DataSettings())
    labels, images = data.labels(chosen.test), data.images(chosen.test)
    probabilities = pose3d.load(detection_run).graph.predict(images).reshape(labels.shape)
    expected = metrics.detection_scores(metrics.detection_totals(labels, probabilities))
    assert found["detection"].pop("weights") == str(detection_run)
    assert list(found["detection"]) == list(expected)
    for name, value in expected.items():
        assert found["detection"][name] == (None if np.isnan(value) else pytest.approx(value, abs=1e-3))
    others = data.images(chosen.train).astype(int)
    near = [((others - image.astype(int)) ** 2).sum(axis=(1, 2)).argmin() for image in images]
    nearest = metrics.mpjpe(data.poses[chosen.train[near]], data.poses[chosen.test])
    assert found["nearest_image_mpjpe_mm"] == pytest.approx(nearest)
    assert found["mpjpe_mm"] == results["mpjpe_mm"]
    printed = capsys.readouterr().out
    assert "nearest image" in printed
    assert re.search(r"^mean +0\.\d{3} +0\.\d{3}$", printed, re.MULTILINE)


def test_a_detection_network_that_knows_the_test_subject_is_refused(
    built, regression_run, detection_run, tmp_path, capsys
):
    found = weights.load(detection_run)
    seen = dataclasses.replace(found.trained_on, validation=["S11"])
    weights.save(tmp_path / "w.npz", dataclasses.replace(found, trained_on=seen))
    assert run(built, regression_run, tmp_path / "out", "--detection", tmp_path / "w.npz") == 1
    assert "w.npz was trained with S11; name another --detection" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def without_detection(data, run, out, *more):
    """Test without naming a detection network: what is in results.json, and what was printed to stdout."""
    return test.main(["--data", str(data), "--weights", str(run), "--out", str(out), "--frames", "0", *more])


def test_the_detection_network_is_the_one_that_the_weights_began_with(
    built, regression_run, detection_run, tmp_path, capsys
):
    moved = shutil.copytree(regression_run, tmp_path / "moved")
    assert without_detection(built, moved, tmp_path / "out") == 0
    assert results_in(tmp_path / "out")["detection"]["weights"] == str(detection_run)
    capsys.readouterr()

    found = weights.load(moved)
    lost = dataclasses.replace(found.trained_on, init={"path": str(tmp_path / "gone"), "sha256": "0"})
    other = dataclasses.replace(found.trained_on, init={"path": str(detection_run), "sha256": "0"})
    for trained_on, reason in (
        (lost, f"{tmp_path / 'gone'}: no such file or run folder"),
        (other, f"{detection_run} was trained anew since then"),
    ):
        weights.save(moved / BEST, dataclasses.replace(found, trained_on=trained_on))
        assert without_detection(built, moved, tmp_path / "out") == 0
        printed = capsys.readouterr().out
        assert f"the detection network that conv1-3 were taken from is not scored: {reason}" in printed
        assert "detection" not in results_in(tmp_path / "out")


def test_a_network_that_was_trained_further_keeps_its_detection_network(
    built, regression_run, detection_run, tmp_path
):
    found = weights.load(regression_run)
    init = {"path": str(regression_run), "sha256": weights.digest(regression_run)}
    trained_on = dataclasses.replace(found.trained_on, init=init)
    weights.save(tmp_path / "w.npz", dataclasses.replace(found, trained_on=trained_on))
    assert without_detection(built, tmp_path / "w.npz", tmp_path / "out") == 0
    assert results_in(tmp_path / "out")["detection"]["weights"] == str(detection_run)


def test_a_random_start_names_no_detection_network(
    built, regression_run, detection_run, tmp_path, monkeypatch, capsys
):
    """Not even one that lies at the default place, damaged or not."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(detection_run, "runs/detection")
    found = weights.load(regression_run)
    random = dataclasses.replace(found, trained_on=dataclasses.replace(found.trained_on, init=None))
    weights.save(tmp_path / "w.npz", random)
    for content in (None, b"damaged"):
        if content:
            (tmp_path / "runs" / "detection" / BEST).write_bytes(content)
        assert without_detection(built, tmp_path / "w.npz", tmp_path / "out") == 0
        assert "detection" not in capsys.readouterr().out


def test_the_results_name_the_data_and_a_mismatch_is_said(built, regression_run, tested, tmp_path, capsys):
    """Trained on all three subjects' files; a folder with S11 alone will do for the test."""
    origin = dataclasses.asdict(Dataset.open(built).origin)
    found = results_in(tested)
    assert (found["trained_on"], found["tested_on"]) == (origin, origin)
    assert "note" not in found
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(built_path(built, "Walking", "S11"), alone)
    assert run(alone, regression_run, tmp_path / "out", "--frames", 0) == 0
    again = results_in(tmp_path / "out")
    for name in ("mpjpe_mm", "mean_pose_mpjpe_mm", "trained_on"):  # the mean pose is the training samples'
        assert again[name] == found[name]
    assert again["tested_on"] == dataclasses.asdict(Dataset.open(alone).origin) != origin
    theirs = f"unknown source (of unknown kind, fingerprint {origin['fingerprint'][:8]})"
    assert f"note: the network was trained on {theirs}, and is tested on" in capsys.readouterr().out


def test_a_network_can_be_tested_on_people_of_another_data_set(built, regression_run, tmp_path, capsys):
    other = tmp_path / "other"
    for subject, name in (("S1", "S1"), ("S5", "ben")):
        with h5py.File(built_path(built, "Walking", subject)) as file:
            part = {key: file[key][()] for key in SCHEMA}
        provenance = {"source": "data/own", "synthetic": False}
        other.mkdir(exist_ok=True)
        write_built_file(built_path(other, "Moving", name), "Moving", name, [part], provenance)
    assert run(other, regression_run, tmp_path / "out", "--frames", 0) == 1
    assert (
        "other has no subject S11 to test with, only S1, ben: name some of these" in capsys.readouterr().err
    )
    words = "--frames", 0, "--subjects", "ben", "S1"
    assert (
        run(other, regression_run, tmp_path / "out", *words) == 0
    )  # another S1, since these are not synthetic
    found = results_in(tmp_path / "out")
    assert found["subjects"] == ["S1", "ben"]
    assert found["frames"] == 80
    assert run(built, regression_run, tmp_path / "out", "--subjects", "S1") == 1
    error = capsys.readouterr().err
    assert f"{regression_run} was trained with S1; name another --weights or --subjects" in error


def test_every_format_asked_for_is_written_and_evaluated_alike(built, regression_run, results, tmp_path):
    assert run(built, regression_run, tmp_path, "--frames", 0, "--save-predictions", *FORMATS) == 0
    for kind in FORMATS:
        arguments = ["--predictions", str(tmp_path / f"predictions.{kind}"), "--out", str(tmp_path / kind)]
        arguments += ["--truth", str(tmp_path / "truths.txt")] if kind == "txt" else []
        assert test.main(arguments) == 0
        found = results_in(tmp_path / kind)
        assert {path.name for path in (tmp_path / kind).iterdir()} == {"results.json"}
        shared = ("mpjpe_mm", "mpjpe_16_joints_mm", "frames", "spread_ratio")
        assert found["per_joint_mm"] == pytest.approx(results["per_joint_mm"], rel=1e-7)
        assert {name: found[name] for name in shared} == pytest.approx(
            {name: results[name] for name in shared}, rel=1e-7
        )
        if kind == "txt":
            assert "no action, subject, take, camera, frame in the files" in found["note"]
        else:
            assert "note" not in found
            assert found["over_frames"] == pytest.approx(
                {name: value for name, value in results["over_frames"].items() if "pose" not in name},
                rel=1e-6,
            )
            assert found["constant_runs"] == results["constant_runs"]


@pytest.fixture
def published(tmp_path):
    """A pair in the form of the original's dumps: two runs of 12 equal predictions, in two batches.

    The pelvis is far from zero. In the first run the predicted pelvis is 5 mm off, (3, 4, 0), and all
    else another (0, 0, 12): 13 mm, or 12 pelvis on pelvis. In the second all is 5 mm off, pelvis too.
    """
    truth = np.random.default_rng(0).integers(-900, 900, (17, 3)) + (100, 200, 5000)
    frames = np.repeat(truth[None], 24, axis=0).astype(float)
    guessed = frames + np.where(np.arange(24) < 12, 1, 0)[:, None, None] * (3, 4, 0)
    guessed[:12, 1:] += (0, 0, 12)
    guessed[12:] += (0, 3, 4)
    paths = tmp_path / "predicted.txt", tmp_path / "true.txt"
    rows = guessed.reshape(24, 51)
    paths[0].write_text(f"{rows[:16].tolist()}\n{rows[16:].tolist()}\n")
    paths[1].write_text(np.array2string(frames.reshape(24, 51), threshold=sys.maxsize))
    return paths


def test_the_original_s_dumps_are_evaluated_without_a_network(published, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--predictions", str(published[0]), "--truth", str(published[1]), "--out", str(out)]
    assert test.main(arguments) == 0
    found = results_in(out)
    assert found["mpjpe_mm"] == pytest.approx(16 * 12 / 17 / 2)
    assert found["mpjpe_as_it_stands_mm"] == pytest.approx(((5 + 16 * 13) / 17 + 5) / 2)
    assert found["mpjpe_16_joints_mm"] == pytest.approx(6)
    assert found["per_joint_mm"]["pelvis"] == 0
    assert found["per_joint_mm"]["head"] == pytest.approx(6)
    assert found["constant_runs"] == {"12": 2}
    assert found["over_frames"]["mpjve_mm_per_frame"] == pytest.approx(16 * 12 / 17 / 23)  # at one step only
    # 16 points that are shifted alike are forgiven but for their pelvis
    assert 0 < found["over_frames"]["p_mpjpe_mm"] < found["over_frames"]["n_mpjpe_mm"]
    assert found["truth"] == str(published[1])
    printed = capsys.readouterr().out
    assert "runs of equal predictions: mean 12.00, longest 12\n" in printed
    assert printed.endswith("MPJPE 5.65 mm (as it stands 8.76 mm), 24 frames\n")


def test_a_file_that_will_not_do(published, tmp_path, error_line):
    short = tmp_path / "short.txt"
    short.write_text(published[1].read_text()[:-4000])
    words = ["--predictions", str(published[0]), "--truth", str(short), "--out", str(tmp_path / "out")]
    assert test.main(words) == 1
    assert "short.txt: brackets do not match" in error_line()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--truth", "a.txt"], "--truth goes with --predictions"),
        (["--predictions", "a.txt", "--nearest"], "--predictions has no images"),
        (["--predictions", "a.txt", "--detection", "runs/detection"], "--predictions has no images"),
        (["--predictions", "a.txt", "--robustness"], "--predictions has no images"),
        (["--frames", "-1"], "--frames must be at least 0"),
        (["--robustness", "0"], "--robustness at least 1"),
        (["--save-predictions", "xls"], "invalid choice: 'xls'"),
    ],
)
def test_options_that_do_not_go_together(words, message, capsys):
    with pytest.raises(SystemExit) as done:
        test.main(words)
    assert done.value.code == 2
    assert message in capsys.readouterr().err


def changed(source, path, drop=None, scale=None, **changes):
    """The weights at `source`, with parameters changed or omitted, written to `path`."""
    found = weights.load(source)
    params = {name: value for name, value in (found.params | changes).items() if name != drop}
    scale = found.scale if scale is None else scale
    weights.save(path, dataclasses.replace(found, params=params, scale=scale))


def other_configuration(source, path):
    found = weights.load(source)
    config = load("regression", None, ["network.kernels=[5,10,15]"])
    weights.save(path, dataclasses.replace(found, config=config))


def truncated(source, path):
    whole = (source / BEST).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


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
                source, path, scale={"mean": np.zeros(50), "deviation": np.ones(51), "mean_pose": np.ones(51)}
            ),
            "w.npz lacks the scale of its targets",
        ),
        (
            lambda source, path: changed(source, path, **{"fc3.b": np.full(51, 3e38)}),
            "predictions are not finite",
        ),
    ],
)
def test_weights_that_will_not_do(built, regression_run, tmp_path, error_line, spoil, message):
    """What `test_weights.py` has of the file itself is not tried again."""
    spoil(regression_run, tmp_path / "w.npz")
    assert run(built, tmp_path / "w.npz", tmp_path / "out") == 1
    assert message in error_line()
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
            "has no subject S11 to test with, only S1, S5: name some of these, as in --subjects S5",
        ),
    ],
)
def test_data_that_will_not_do(built, regression_run, tmp_path, error_line, spoil, message):
    folder = shutil.copytree(built, tmp_path / "built")
    spoil(folder)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("of an earlier test")
    assert run(folder, regression_run, tmp_path / "out") == 1
    assert message in error_line()
    assert (tmp_path / "out" / "results.json").read_text() == "of an earlier test"


def test_a_folder_in_use_is_left_alone(tested, regression_run, built, capsys):
    before = {path: path.read_bytes() for path in tested.iterdir() if path.is_file()}
    with exclusive(tested):
        assert test.main(["--data", str(built), "--weights", str(regression_run), "--out", str(tested)]) == 1
    assert f"error: {tested}: another process is working there" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tested.iterdir() if path.is_file()} == before


def test_an_empty_learning_curve_is_none(built, regression_run, tmp_path):
    """As a full disk leaves it."""
    emptied = shutil.copytree(regression_run, tmp_path / "emptied")
    (emptied / "curve.csv").write_bytes(b"")
    assert run(built, emptied, tmp_path / "out") == 0
    assert "There is no curve.csv in the run folder." in (tmp_path / "out" / "report.html").read_text()
