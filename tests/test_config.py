import dataclasses
import re
import tomllib

import pytest

from pose3d import config
from pose3d.config import Config, from_dict, load, to_dict, to_toml
from pose3d.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "settings.toml"
        path.write_text(text)
        return path

    return write


def refused(call, message):
    """One line with `message` in it."""
    with pytest.raises(UserError, match=message) as found:
        call()
    assert "\n" not in str(found.value)
    return str(found.value)


def test_the_defaults_are_the_reports():
    detection, regression = load("detection"), load("regression")
    assert detection.network.kernels == (5, 10, 15)
    assert (detection.training.epochs, regression.training.epochs) == (50, 100)
    for training in (detection.training, regression.training):
        assert (training.batch, training.rate, training.momentum, training.decay) == (128, 1e-3, 0.9, 5e-4)
    assert detection.training.patience > 0
    assert regression.regression == config.RegressionSettings("squared", "standardised", "identity")
    assert detection.data.test == ("S11",)


def test_a_file_lays_over_the_defaults_and_overrides_over_the_file(write):
    path = write(
        "[network]\nkernels = [32, 64, 64]\n"
        "[training]\nrate = 1\nbatch = 7\n[data]\nvalidation = 'subject:S9'\n"
    )
    found = load(
        "detection", path, ["training.batch=9", "data.test=['S9', 'S11']", "training.shuffle = false"]
    )
    assert found.network.kernels == (32, 64, 64)
    assert (found.training.rate, found.training.batch, found.training.shuffle) == (1.0, 9, False)
    assert type(found.training.rate) is float
    assert found.data == config.DataSettings(test=("S9", "S11"), validation="subject:S9")
    assert found.training.epochs == 50


def test_overrides_are_toml_or_bare_words_and_the_last_one_holds():
    words = ["network.activation=tanh", 'network.activation="relu"', "data.validation=subject:S9"]
    found = load("regression", None, words)
    assert found.network.activation == "relu"
    assert found.data.validation == "subject:S9"


def test_sections_for_one_task_lay_over_the_common_ones(write):
    path = write(
        "[training]\nrate = 0.1\nbatch = 3\n[for.detection.training]\nrate = 0.2\n"
        "[for.regression.network]\ndropout = 0.5\n"
    )
    detection, regression = load("detection", path), load("regression", path)
    assert (detection.training.rate, detection.training.batch) == (0.2, 3)
    assert (regression.training.rate, regression.training.batch) == (0.1, 3)
    assert (detection.network.dropout, regression.network.dropout) == (0.0, 0.5)
    assert load("regression", path, ["network.dropout=0.1"]).network.dropout == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trainig]\nrate = 1", "unknown setting 'trainig': the sections are network, data"),
        ("rate = 1", "unknown setting 'rate': the sections are"),
        ("training = 1", "unknown setting 'training': the sections are"),
        (
            "[training]\nlearning_rate = 1",
            "unknown setting training.learning_rate: training has epochs, batch",
        ),
        ("[training]\nbatch = 1.5", "training.batch = 1.5: must be of type int"),
        ("[training]\nbatch = true", "training.batch = True: must be of type int"),
        ("[training]\nrate = 'fast'", "training.rate = 'fast': must be of type float"),
        ("[training]\nrate = true", "training.rate = True: must be of type float"),
        ("[training]\nshuffle = 1", "training.shuffle = 1: must be of type bool"),
        ("[training]\norder = 'newest'", "training.order = 'newest': must be one of new, old"),
        ("[network]\nactivation = 3", "network.activation = 3: must be one of tanh, relu"),
        ("[training]\nfrozen = ['conv4']", "training.frozen = 'conv4': must be one of conv1, conv2, conv3"),
        ("[training]\nfrozen = 'conv1'", "training.frozen = 'conv1': must be a list"),
        ("[augmentation]\nmirror = 1", "augmentation.mirror = 1: must be of type bool"),
        ("[network]\nkernels = 5", "network.kernels = 5: must be a list"),
        ("[network]\nkernels = [5, 10]", r"network.kernels = \[5, 10\]: must have 3 entries"),
        ("[network]\nkernels = [5, 10, 1.5]", "network.kernels = 1.5: must be of type int"),
        ("[data]\ntest = 'S11'", "data.test = 'S11': must be a list"),
        ("[data]\ntest = [11]", "data.test = 11: must be of type str"),
        ("[for.detction.training]\nrate = 1", "unknown task in .for.detction.: the tasks are detection"),
        ("for = 1", "for = 1: write a section .for.TASK.SECTION."),
        ("[for]\ndetection = 1", "unknown task in .for.detection."),
        ("[for.detection]\ntraining = 1", "unknown setting 'training'"),
        ("training = 1\n[for.detection.training]\nrate = 1", "unknown setting 'training'"),
        ("[for.detection.training]\nrates = 1", "unknown setting training.rates"),
        (
            "[for.regression.training]\nrates = 1",
            "unknown setting training.rates",
        ),  # not this task, yet wrong
    ],
)
def test_what_a_file_gets_wrong_is_named_with_the_file(write, text, message):
    path = write(text)
    assert str(path) in refused(lambda: load("detection", path), message)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.kernels=[5, 0, 15]", "at least one map in every layer"),
        ("network.dropout=1", "at least 0 and below 1"),
        ("network.dropout=-0.1", "at least 0 and below 1"),
        ("network.seed=4294967296", "from 0 to 4294967295"),
        ("network.seed=-1", "from 0 to 4294967295"),
        ("data.seed=-1", "at least 0"),
        ("data.validation=tails", "tail, report, subject:S9"),
        ("training.seed=-1", "at least 0"),
        ("training.epochs=-1", "at least 0"),
        ("training.batch=0", "at least 1"),
        ("training.rate=0", "above 0 and finite"),
        ("training.rate=nan", "above 0 and finite"),
        ("training.rate=inf", "above 0 and finite"),
        ("training.momentum=1.0", "at least 0 and below 1"),
        ("training.decay=-1", "at least 0 and finite"),
        ("training.decay=inf", "at least 0 and finite"),
        ("training.patience=-1", "at least 0"),
        ("training.improvement=1", "at least 0 and below 1"),
        ("augmentation.shift=-1", "from 0 to 127"),
        ("augmentation.shift=128", "from 0 to 127"),
        ("augmentation.seed=-1", "at least 0"),
    ],
)
def test_out_of_range(setting, message):
    key = setting.partition("=")[0]
    refused(lambda: load("detection", None, [setting]), f"{key} = .*: must be {message}")


@pytest.mark.parametrize("text", ["rate", "rate=1", "training.rate", ".rate=1", "training.=1"])
def test_an_override_that_is_none(text):
    refused(
        lambda: load("detection", None, [text]), f"--set {re.escape(text)}: write it as section.key=value"
    )


def test_an_override_of_something_unknown():
    refused(lambda: load("detection", None, ["training.rates=1"]), "unknown setting training.rates")
    refused(lambda: load("detection", None, ["trainings.rate=1"]), "unknown setting 'trainings'")


def test_files_that_cannot_be_read(write, tmp_path):
    path = write("[training\nrate = 1")
    refused(lambda: load("detection", path), f"{path}: not a TOML file: .*line 1")
    path.write_bytes(b"\xff\xfe")
    refused(lambda: load("detection", path), f"{path}: not a TOML file")
    refused(lambda: load("detection", tmp_path / "none.toml"), "none.toml: no such file")


def test_every_setting_survives_the_run_folder_and_the_weights_file():
    settings = load(
        "regression",
        None,
        [
            "network.kernels=[32, 64, 64]", "network.dtype=float64", "network.dropout=0.25",
            "data.test=['S9', 'S11']", 'data.validation="subject:a \\"b\\" \\\\ ü"', "training.shuffle=false",
            "training.rate=1e-7", "training.decay=0", "regression.cost=mpjpe",
            "training.frozen=['conv1', 'conv2']", "augmentation.mirror=true", "augmentation.shift=4",
        ],
    )  # fmt: skip
    assert settings != Config()
    assert from_dict(to_dict(settings)) == settings
    assert from_dict(tomllib.loads(to_toml(settings))) == settings
    assert set(to_dict(settings)) == {field.name for field in dataclasses.fields(Config)}


def test_settings_are_changed_on_a_copy():
    base = Config()
    assert from_dict({"training": {"batch": 3}}, base).training.batch == 3
    assert base == Config()
