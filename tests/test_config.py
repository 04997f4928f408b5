import re
import shlex
import tomllib
from pathlib import Path

import pytest

from pose3d import config
from pose3d.config import Config, built_folder, from_dict, load, option, to_dict, to_toml
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
        assert (training.batch_size, training.learning_rate) == (128, 1e-3)
        assert (training.momentum, training.weight_decay) == (0.9, 5e-4)
    assert detection.training.patience > 0
    assert regression.regression == config.RegressionSettings("squared", "standardised", "identity")
    assert detection.data.test == ("S11",)


def test_a_file_lays_over_the_defaults_and_overrides_over_the_file(write):
    path = write(
        "[network]\nkernels = [32, 64, 64]\n"
        "[training]\nlearning_rate = 1\nbatch_size = 7\n[data]\nvalidation = 'subject:S9'\n"
    )
    overrides = ["training.batch_size=9", "data.test=['S9', 'S11']", "training.shuffle = false"]
    found = load("detection", path, overrides)
    assert found.network.kernels == (32, 64, 64)
    assert (found.training.batch_size, found.training.shuffle) == (9, False)
    assert repr(found.training.learning_rate) == "1.0"
    assert found.data == config.DataSettings(test=("S9", "S11"), validation="subject:S9")
    assert found.training.epochs == 50


def test_overrides_are_toml_or_bare_words_and_the_last_one_holds():
    words = ["network.activation=tanh", 'network.activation="relu"', "data.validation=subject:S9"]
    found = load("regression", None, words)
    assert found.network.activation == "relu"
    assert found.data.validation == "subject:S9"


def test_sections_for_one_task_lay_over_the_common_ones(write):
    path = write(
        "[training]\nlearning_rate = 0.1\nbatch_size = 3\n[for.detection.training]\nlearning_rate = 0.2\n"
        "[for.regression.network]\ndropout = 0.5\n"
    )
    detection, regression = load("detection", path), load("regression", path)
    assert (detection.training.learning_rate, detection.training.batch_size) == (0.2, 3)
    assert (regression.training.learning_rate, regression.training.batch_size) == (0.1, 3)
    assert (detection.network.dropout, regression.network.dropout) == (0.0, 0.5)
    assert load("regression", path, ["network.dropout=0.1"]).network.dropout == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trainig]\nepochs = 1", "unknown setting 'trainig': the sections are network, data"),
        ("epochs = 1", "unknown setting 'epochs': the sections are"),
        ("training = 1", "training = 1: expected `object`, got `int`"),
        ("[training]\nepoch = 1", "unknown setting training.epoch: training has epochs, batch_size"),
        ("[training]\nbatch_size = 1.5", "training.batch_size = 1.5: expected `int`, got `float`"),
        ("[training]\nbatch_size = true", "training.batch_size = True: expected `int`, got `bool`"),
        ("[training]\nmomentum = 'fast'", "training.momentum = 'fast': expected `float`, got `str`"),
        ("[training]\nshuffle = 1", "training.shuffle = 1: expected `bool`, got `int`"),
        ("[training]\norder = 'newest'", "training.order = 'newest': must be one of new, old"),
        ("[network]\nkernels = [5, 10]", r"network.kernels = \[5, 10\]: expected `array` of length 3, got 2"),
        (
            "[data]\ntest = 'ben'",
            r"""data.test = 'ben': expected `array`, got `str`; for instance --set 'data.test=\["ben"\]'""",
        ),
        ("[data]\ntest = [11]", r"data.test = \[11\]: expected `str`, got `int`"),
        ("[for.detction.training]\nepochs = 1", "unknown task in .for.detction.: the tasks are detection"),
        ("for = 1", "for = 1: write a section .for.TASK.SECTION."),
        ("[for.detection]\ntraining = 1", "training = 1: expected `object`"),
        # not this task, yet wrong
        ("[for.regression.training]\nrates = 1", "unknown setting training.rates"),
    ],
)
def test_what_a_file_gets_wrong_is_named_with_the_file(write, text, message):
    path = write(text)
    assert str(path) in refused(lambda: load("detection", path), message)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.kernels=[5, 0, 15]", "expected `int` >= 1"),
        ("network.dropout=1", "expected `float` < 1"),
        ("network.dropout=-0.1", "expected `float` >= 0"),
        ("network.seed=4294967296", "expected `int` <= 4294967295"),
        ("network.seed=-1", "expected `int` >= 0"),
        ("data.validation=tails", "expected `str` matching regex"),
        ("training.epochs=-1", "expected `int` >= 0"),
        ("training.batch_size=0", "expected `int` >= 1"),
        ("training.learning_rate=0", "expected `float` > 0"),
        ("training.learning_rate=nan", "expected `float` > 0"),
        ("training.learning_rate=inf", "expected `float` <= 1e"),
        ("training.momentum=1.0", "expected `float` < 1"),
        ("training.weight_decay=-1", "expected `float` >= 0"),
        ("training.weight_decay=inf", "expected `float` <= 1e"),
        ("training.checkpoint_minutes=0", "expected `float` > 0"),
        ("augmentation.shift=128", "expected `int` <= 127"),
        ("augmentation.light=-0.1", "expected `float` >= 0.0"),
        (f"training.epochs=1{400 * '0'}", "expected `int` <= 1000000"),
        (f"training.epochs={5000 * '1'}", "expected `int`, got `str`"),
        (f"training.epochs={5000 * '['}{5000 * ']'}", "expected `int`, got `str`"),
    ],
)
def test_out_of_range(setting, message):
    key, _, value = setting.partition("=")
    refused(lambda: load("detection", None, [setting]), f"{key} = .{{1,80}}: {message}")


@pytest.mark.parametrize("value", [5000 * "1", 5000 * "[" + 5000 * "]"])
def test_numbers_and_nesting_without_end_are_no_toml(write, value):
    path = write(f"[training]\nepochs = {value}\n")
    refused(lambda: load("detection", path), f"{path}: not a TOML file: ")


@pytest.mark.parametrize("text", ["epochs", "epochs=1", "training.epochs", ".epochs=1", "training.=1"])
def test_an_override_that_is_none(text):
    message = f"--set {re.escape(text)}: write it as section.key=value"
    refused(lambda: load("detection", None, [text]), message)


@pytest.mark.parametrize("words", ["""--set data.test=["ben"]""", "--set data.test=[ben,'S1']"])
def test_an_override_whose_quotes_a_shell_took_comes_with_one_that_a_shell_takes(words):
    given = shlex.split(words)[1:]
    message = "expected `array`, got `str`; for instance --set 'data.test="
    refusal = refused(lambda: load("detection", None, given), message)
    fixed = shlex.split(refusal[refusal.index("--set") :])
    assert load("detection", None, fixed[1:]).data.test == tuple(re.findall(r"ben|S1", words))


@pytest.mark.parametrize("value", [["S9", "S11"], ["it's"], "subject:a b", 0.5, [], True])
def test_an_option_survives_a_shell(value):
    (flag, given) = shlex.split(option("data.test", value))
    assert flag == "--set"
    key, _, text = given.partition("=")
    assert key == "data.test"
    assert tomllib.loads(f"value = {text}")["value"] == value


def test_built_files_of_each_source_have_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert built_folder() == built_folder("data/synthetic") == "data/walking"
    Path("data/human36m").mkdir(parents=True)
    assert built_folder() == built_folder(Path("data/human36m")) == "data/h36m"
    assert built_folder("data/mine") == built_folder("elsewhere/mine") == "data/mine-built"


def test_a_byte_order_mark_is_no_setting_and_what_cannot_be_read_is_named(write, tmp_path):
    (tmp_path / "a.toml").write_text("[training]\nepochs = 3\n", encoding="utf-8-sig")
    assert load("detection", tmp_path / "a.toml").training.epochs == 3
    path = write("[training\nepochs = 1")
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
            "training.learning_rate=1e-7", "training.weight_decay=0", "regression.cost=mpjpe",
            "augmentation.mirror=true", "augmentation.shift=4",
        ],
    )  # fmt: skip
    assert settings != Config()
    assert from_dict(to_dict(settings)) == settings
    assert from_dict(tomllib.loads(to_toml(settings))) == settings
    assert set(to_dict(settings)) == set(Config.__struct_fields__)
