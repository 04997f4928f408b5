"""Run folders of version 0.1 are read: their names of settings in weights, checkpoints and config.toml."""

import json
import shutil

import numpy as np
import pytest

import pose3d
from pose3d import train_regression
from pose3d.model import weights
from pose3d.training import checkpoint

ARGUMENTS = ["--init", "none", "--set", "network.kernels=[2,3,4]", "--set", "training.batch_size=24"]
OLD_NAMES = {"learning_rate": "rate", "weight_decay": "decay", "batch_size": "batch"}
VERSIONS = "pose3d 0.1.0, pytensor 3.0.7, numba 0.65.1, numpy 2.4.6, scipy 1.17.1"


def age(path):
    """Rewrite the header of an archive as version 0.1 wrote it, and leave the arrays."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(str(arrays["header"]))
    training = header["config"]["training"]
    header["config"]["training"] = {OLD_NAMES.get(name, name): value for name, value in training.items()}
    if "progress" in header:
        del header["progress"]["norms"]
        header["versions"] = VERSIONS
    else:
        header["about"]["versions"] = VERSIONS
    arrays["header"] = np.array(json.dumps(header))
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def new_run(built, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "new"
    settings = ["--set", "training.epochs=2", "--set", "training.learning_rate=0.0005"]
    assert train_regression.main(["--data", str(built), "--out", str(out), *ARGUMENTS, *settings]) == 0
    return out


@pytest.fixture
def old_run(new_run, tmp_path):
    out = shutil.copytree(new_run, tmp_path / "old")
    for path in out.glob("*.npz"):
        age(path)
    text = (out / "config.toml").read_text()
    for name, old in OLD_NAMES.items():
        text = text.replace(f"\n{name} =", f"\n{old} =")
    (out / "config.toml").write_text(text)
    return out


def test_weights_keep_their_settings_and_predict_the_same(old_run, new_run):
    assert weights.load(old_run).config == weights.load(new_run).config
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128), np.uint8)
    np.testing.assert_array_equal(pose3d.load(old_run).predict(images), pose3d.load(new_run).predict(images))


def test_a_checkpoint_is_resumed_to_the_same_bits(old_run, new_run, built):
    older = old_run / checkpoint.OLDER
    assert checkpoint.load(older, "regression").progress.epoch == 2
    arguments = ["--data", str(built), "--init", "none", "--out", str(old_run), "--resume", str(older)]
    assert train_regression.main(arguments) == 0
    found, wanted = weights.load(old_run / weights.LAST), weights.load(new_run / weights.LAST)
    for name, value in wanted.params.items():
        np.testing.assert_array_equal(found.params[name], value)


def test_the_settings_of_a_run_folder_train_another_run(old_run, new_run, built, tmp_path):
    arguments = ["--data", str(built), "--init", "none", "--config", str(old_run / "config.toml")]
    assert train_regression.main([*arguments, "--out", str(tmp_path / "again")]) == 0
    assert weights.load(tmp_path / "again").config == weights.load(new_run).config
