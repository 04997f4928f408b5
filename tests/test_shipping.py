"""The scripts in experiments/ that calibrate the trust in poses and put networks into the package."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import pose3d
from pose3d import train_detection, train_regression
from pose3d.dataset.samples import Dataset
from pose3d.inference import predictor, trust

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import calibrate_trust  # noqa: E402
import ship_weights  # noqa: E402


def test_a_fit_finds_the_chances_that_made_its_samples():
    rng = np.random.default_rng(0)
    signs = rng.normal((5, -2), (3, 0.1), (40_000, 2))
    true = expit(0.5 - 1.5 * (signs[:, 0] - 5) / 3 + 0.7 * (signs[:, 1] + 2) / 0.1)
    model = calibrate_trust.fitted(signs, rng.random(len(true)) < true)
    assert np.abs(trust.chance(signs, model) - true).max() < 0.02


@pytest.mark.parametrize(
    ("chances", "is_right", "area"),
    [
        ([0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], 1),
        ([0.4, 0.3, 0.2, 0.1], [0, 1, 0, 1], 0.25),
        ([1, 1, 1], [0, 1, 1], 0.5),
    ],
)
def test_the_roc_area_is_the_share_of_pairs_in_order(chances, is_right, area):
    assert calibrate_trust.roc_area(np.array(chances, float), np.array(is_right, bool)) == area


def person():
    image = np.zeros((128, 128), np.uint8)
    image[10:118, 50:78] = np.arange(100, 208)[:, None]
    return image


def test_spoiled_crops_show_more_than_one_or_nobody():
    found = calibrate_trust.spoiled(np.stack([person()] * 30), np.random.default_rng(1))
    assert list(found) == ["two_in_one", "nobody"]
    for crops in found.values():
        assert crops.shape == (15, 128, 128)
        assert len({crop.tobytes() for crop in crops}) == 15
        extents = [np.ptp(np.argwhere(crop), axis=0).max() for crop in crops]
        assert min(extents) > 105  # as of a person: scaled until the longer side fills the crop


@pytest.fixture(scope="module")
def runs(built, small, tmp_path_factory):
    """Small networks that S5 validates and S11 tests."""
    folder = tmp_path_factory.mktemp("people")
    words = ["--data", str(built), *small, "--set", "data.validation=subject:S5"]
    assert train_detection.main([*words, "--out", str(folder / "detection")]) == 0
    words += ["--init", str(folder / "detection"), "--out", str(folder / "regression")]
    assert train_regression.main(words) == 0
    return folder


@pytest.fixture
def ships(runs, built, monkeypatch, tmp_path):
    """Ship the small networks into a folder of their own: status."""
    monkeypatch.setattr(predictor, "__file__", str(tmp_path / "predictor.py"))
    monkeypatch.setattr(trust, "LARGEST_ERROR", 440.0)  # about half of their poses are better
    return lambda: ship_weights.main(
        [str(runs / "regression"), str(runs / "detection"), "--data", str(built)]
    )


def test_networks_ship_small_with_what_they_are_and_how_far_to_trust_them(
    ships, runs, built, tmp_path, capsys
):
    assert ships() == 0
    printed = capsys.readouterr().out
    assert "ROC area" in printed
    sizes = [(tmp_path / f"people-{task}.npz").stat().st_size for task in ("regression", "detection")]
    assert sizes[0] < 0.6 * (runs / "regression/best.npz").stat().st_size
    network, detection = pose3d.load(), pose3d.load(task="detection")
    assert len(network.about["commit"]) == len(detection.about["commit"]) == 40
    assert network.about["epoch"] == pose3d.load(runs / "regression").about["epoch"]
    images = Dataset.open(built, subjects=["S11"]).images(slice(0, 20))
    np.testing.assert_allclose(
        network.predict(images), pose3d.load(runs / "regression").predict(images), atol=3
    )
    poses, chances = trust.predict(network, detection, images)
    np.testing.assert_allclose(poses, predictor.averaged(network, images), rtol=1e-4, atol=1e-3)
    assert ((chances > 0) & (chances < 1)).all()
    assert str(runs) not in (tmp_path / "people-regression.npz").read_bytes().decode("latin1")


def test_a_form_that_costs_too_much_is_refused(ships, monkeypatch, capsys):
    monkeypatch.setattr(ship_weights, "ALLOWED", -1e9)
    assert ships() == 1
    assert "int8 costs more than" in capsys.readouterr().err
