"""The scripts in experiments/ that compare trainings."""

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest

import pose3d
from pose3d import config, train_detection, train_regression
from pose3d import test as pose3d_test
from pose3d.dataset.built_files import built_path, write_built_file
from pose3d.dataset.splits import open_split
from tests.conftest import turning_samples

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))

import benchmark  # noqa: E402
import compare  # noqa: E402
import outcomes  # noqa: E402
import trainings  # noqa: E402

TINY = """
title = "Tiny"
seeds = [1, 2]

[common]
network = { kernels = [2, 3, 4], dense = [20, 30] }
training = { batch_size = 24, epochs = 1 }

[variants.random]

[variants.pre-trained]
init = "detection"

[variants.diverging]
training.learning_rate = 1e30
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def written(folder):
    """The rows of the CSV file, and the modification times of all weights."""
    with (folder / "tiny.csv").open() as file:
        rows = list(csv.DictReader(file))
    return rows, {path: path.stat().st_mtime_ns for path in folder.glob("*/best.npz")}


@pytest.mark.slow
def test_every_variant_is_run_and_only_once(tiny, built, tmp_path, capsys):
    arguments = [str(tiny), "--data", str(built), "--out", str(tmp_path / "out"), "--seeds", "2"]
    arguments += ["--jobs", "1"]  # with all cores, for whose number other tests' kernels are compiled
    assert compare.main(arguments) == 0
    rows, weights = written(tmp_path / "out")
    assert [row["variant"] for row in rows] == ["random", "pre-trained"]
    assert len({row["run"] for row in rows}) == 2
    assert all(float(row["test_mpjpe_mm"]) > 0 for row in rows)
    assert len(weights) == 4  # with the detection network, and the untrained one of the run that diverged
    printed = capsys.readouterr().out
    assert "diverging, seed 2: error: the cost became" in printed
    assert (tmp_path / "out" / "tiny.txt").read_text() in printed

    assert compare.main(arguments) == 0
    assert written(tmp_path / "out") == (rows, weights)


def test_the_benchmark_sets_the_threads_before_anything_that_computes_is_loaded():
    script = "import benchmark, sys; print(*{'h5py', 'numba', 'numpy', 'scipy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=EXPERIMENTS, capture_output=True, text=True, check=True
    )
    assert not done.stdout.split()


def test_a_training_waits_for_the_one_that_it_starts_from(built, tmp_path):
    def training(task, seed, init=None):
        return trainings.Training(task, built, (f"network.seed={seed}",), tmp_path, init)

    sound, broken = training("detection", 1), training("detection", 2)
    after = [training("regression", 1, init) for init in (sound, broken)]
    begun, ended = [], []

    def train(each, threads):
        begun.append((each, list(ended)))
        time.sleep(0.1)
        ended.append(each)
        return "no" if each is broken else None

    found = compare.in_turn(train, [sound, broken, *after], 4)
    assert found == {sound: None, broken: "no", after[0]: None, after[1]: f"{broken.folder}: no"}
    assert sound in dict(begun)[after[0]]
    assert after[1] not in ended


def test_seed_settings_data_and_version_decide_the_folder(tiny, built, tmp_path, monkeypatch):
    experiment = trainings.read_experiment(tiny)
    random = experiment.variants["random"]

    def run(variant, seed, fold=None, data=built):
        return trainings.regression_run(variant, seed, data, tmp_path, fold).training

    runs = [run(variant, seed) for variant in experiment.variants.values() for seed in experiment.seeds]
    runs += [run(random, 1, "S1"), run(random, 1, "S5")]
    assert len({run.folder for run in runs}) == 8
    assert runs[2].init.folder != runs[3].init.folder
    assert run({**random, "until": 1}, 1).folder == runs[0].folder == run(random, 1).folder

    first = runs[0].folder
    copied = shutil.copytree(built, tmp_path / "copied")
    assert run(random, 1, data=copied).folder == first  # the same samples elsewhere
    rebuilt = shutil.copytree(built, tmp_path / "other" / built.name)  # others in a folder of that name
    shutil.copy(built_path(rebuilt, "Walking", "S1"), built_path(rebuilt, "Walking", "S5"))
    assert run(random, 1, data=rebuilt).folder != first
    monkeypatch.setattr(pose3d, "__version__", "99.0")
    assert run(random, 1).folder != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds title, seeds"),
        ("[variants.a]\n[other]", "not other"),
        ("[variants.a]\ntraining.rat = 1", "training.rat"),
        ("[variants.a]\ninit = 3", "none or detection"),
        ("[variants", "not a TOML file"),
        ('[variants.a]\nconfig = "none.toml"', "none.toml: no such file"),
        ("[variants.a]\nconfig = 3", "3: no such file"),
    ],
)
def test_a_faulty_experiment_is_refused_in_one_line(tmp_path, capsys, text, message):
    path = tmp_path / "faulty.toml"
    path.write_text(text)
    assert compare.main([str(path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_settings_come_over_those_of_a_file_beside_the_experiment(built, tmp_path):
    (tmp_path / "base.toml").write_text("training = { epochs = 3, warmup = 1 }")
    path = tmp_path / "on_base.toml"
    path.write_text('[common]\nconfig = "base.toml"\ntraining.epochs = 5\n[variants.a]\ntraining.decay = 1')
    variant = trainings.read_experiment(path).variants["a"]
    training = trainings.regression_run(variant, 1, built, tmp_path).training
    found = config.load(training.task, training.config_file, training.settings).training
    assert (found.epochs, found.warmup, found.decay) == (5, 1, 1)
    words = training.command()
    assert words[words.index("--config") + 1] == str(tmp_path / "base.toml")


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXPERIMENTS.glob("*.toml") if "variants" in path.read_text(encoding="utf-8")),
    ids=lambda path: path.stem,
)
def test_every_experiment_can_be_read(path, tmp_path):
    found = trainings.read_experiment(path)
    runs = {
        trainings.regression_run(variant, seed, Path("data/walking"), tmp_path, fold)
        for variant in found.variants.values()
        for seed in found.seeds
        for fold in found.folds or [None]
    }
    assert len(found.seeds) * len(found.folds or [None]) >= 3
    # No two variants are the same.
    assert len(runs) == len(found.seeds) * len(found.folds or [None]) * len(found.variants) >= 6


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXPERIMENTS.glob("*.toml") if "variants" not in path.read_text(encoding="utf-8")),
    ids=lambda path: path.stem,
)
def test_every_settings_file_can_be_read(path):
    for task in config.TASK_DEFAULTS:
        config.load(task, path)


@pytest.fixture(scope="module")
def seven_subjects(tmp_path_factory):
    """Built files of all seven subjects, 2 x 70 frames each, of bodies that may be mirrored."""
    folder = tmp_path_factory.mktemp("seven")
    for n, subject in enumerate(("S1", "S5", "S6", "S7", "S8", "S9", "S11")):
        samples = turning_samples(1 + n / 20, 70, symmetric=True)
        write_built_file(built_path(folder, "Walking", subject), "Walking", subject, [samples], {})
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report", "recommended"])
def test_a_settings_file_is_trained_and_tested_with(name, seven_subjects, small, tmp_path, capsys):
    data = ["--data", str(seven_subjects)]
    settings = ["--config", str(EXPERIMENTS / f"{name}.toml"), *small]
    settings += ["--set", "training.batch_size=240", "--set", "training.epochs=1"]
    detection, regression = tmp_path / "detection", tmp_path / "regression"
    assert train_detection.main([*data, *settings, "--out", str(detection)]) == 0
    assert train_regression.main([*data, *settings, "--out", str(regression), "--init", str(detection)]) == 0
    assert pose3d_test.main([*data, "--weights", str(regression), "--out", str(tmp_path / "test")]) == 0
    results = json.loads((tmp_path / "test" / "results.json").read_text())
    assert results["frames"] == 140
    assert "on S11" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "subjects", "frames"),
    [("li_chan", {"S9", "S11"}, 280), ("protocol1", {"S11"}, 4), ("protocol2", {"S9", "S11"}, 8)],
)
def test_a_protocol_of_others_is_tested_on_its_samples(name, subjects, frames, seven_subjects):
    settings = config.load("regression", EXPERIMENTS / f"{name}.toml")
    data, split = open_split(seven_subjects, settings.data, needs_test=True)
    assert set(data.subject[split.test]) == subjects
    assert len(split.test) == frames
    assert not set(data.subject[split.train]) & subjects


def test_no_two_curves_look_alike():
    styles = [tuple(outcomes.style(number).values()) for number in range(20)]
    assert len({*styles}) == 20
    assert len({color for color, _ in styles[:7]}) == 7


@pytest.mark.parametrize("variants", [2, 8])
def test_a_user_s_own_style_has_no_say_in_the_curves(variants, tmp_path):
    rows = [{"epoch": epoch, "validation_mpjpe_mm": 60.0 - epoch} for epoch in range(4)]
    runs = {f"variant {n}": [SimpleNamespace(rows=rows)] for n in range(variants)}
    outcomes.curves(tmp_path / "plain.png", "title", runs)
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 20}):
        outcomes.curves(tmp_path / "styled.png", "title", runs)
    assert (tmp_path / "styled.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_the_summary_gives_median_and_range():
    found = {(None, i): dict.fromkeys(outcomes.COLUMNS, value) for i, value in enumerate((1.0, 5.0, 2.0))}
    line = outcomes.summary({"a": found, "b": {}}).splitlines()
    assert line[2].split()[:4] == ["a", "3", "2.0", "(1.0-5.0)"]
    assert line[3].split()[:3] == ["b", "0", "-"]


def test_the_table_of_folds_compares_equal_folds_and_seeds():
    def errors(**values):
        return {
            (fold, seed): {"validation_mpjpe_mm": mm, "train_mpjpe_mm": 9.0, "minutes": 1.0}
            for fold, found in values.items()
            for seed, mm in enumerate(found)
        }

    table = outcomes.fold_summary({"a": errors(S1=[50.0, 40.0], S7=[30.0]), "b": errors(S1=[45.0, 43.0])})
    head, _, a, b = table.splitlines()[:4]
    assert head.split() == ["variant", "runs", "S1", "S7", "all", "gain", "better", "train", "minutes"]
    assert a.split() == ["a", "3", "45.0", "(40.0-50.0)", "30.0", "40.0", "0.0", "0/3", "9.0", "1.0"]
    assert b.split()[2:] == ["44.0", "(43.0-45.0)", "-", "44.0", "1.0", "(-3.0-5.0)", "1/2", "9.0", "1.0"]


@pytest.mark.slow
def test_folds_validate_in_turn_and_leave_the_test_alone(tiny, built, tmp_path, capsys):
    text = tiny.read_text().replace("seeds = [1, 2]", 'seeds = [1]\nfolds = ["S1"]')
    tiny.write_text(text.partition("[variants.pre-trained]")[0] + "\n[variants.earlier]\nuntil = 0\n")
    assert compare.main([str(tiny), "--data", str(built), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 0
    rows, weights = written(tmp_path / "out")
    assert [(row["variant"], row["fold"], row["seed"]) for row in rows] == [
        ("random", "S1", "1"),
        ("earlier", "S1", "1"),
    ]
    assert len(weights) == 1
    assert not list((tmp_path / "out").glob("*/test"))
    assert "validation: all of S1" in next((tmp_path / "out").glob("*/log.txt")).read_text()


SMALLEST = ["--steps", "1", "--rounds", "1", "--frames", "12", "--samples", "100", "300"]
SMALLEST += ["--kernels", "2", "3", "4", "--batch", "8", "--threads", "2", "--image-size", "250"]


def documented():
    """The subcommands of benchmark.py that the documents name."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in [*EXPERIMENTS.glob("*.rst"), EXPERIMENTS / "benchmark.py"]
    ]
    return sorted({name for text in texts for name in re.findall(r"experiments/benchmark\.py (\w+)", text)})


def test_the_documents_name_all_benchmarks():
    names = "breakdown build chunks epoch people predict ranks start step stream"
    assert documented() == names.split()


@pytest.mark.slow
@pytest.mark.parametrize("name", documented())
def test_every_benchmark_runs(name, built, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "set_threads", lambda count: None)  # what reads their number is loaded
    monkeypatch.setattr(sys, "argv", ["benchmark.py", name, "--data", str(built), *SMALLEST])
    benchmark.main()
    assert re.search(r"\d", capsys.readouterr().out.splitlines()[-1])
