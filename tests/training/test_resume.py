"""Runs that are killed or asked to end, and go on to the bits of an undisturbed one."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pose3d import config, train_detection, train_regression
from pose3d.config import Config
from pose3d.io.atomic_files import LOCK, exclusive
from pose3d.model import weights
from pose3d.training.checkpoint import NAME, OLDER, load
from pose3d.training.run_folder import RunFolder
from tests.curves import without_times
from tests.launching import wait_for, written
from tests.small import SMALL

EPOCHS = 4
SETTINGS = (
    *SMALL, "network.dropout=0.3", "training.batch_size=8", f"training.epochs={EPOCHS}",
    "augmentation.mirror=true", "augmentation.shift=3", "augmentation.light=0.4", "training.average=3",
    "training.warmup=1.5", "training.rms_steps=5",
    "regression.cost=mpjpe",  # some of these poses' coordinates do not vary: mirrored, they are far off scale
    "training.checkpoint_minutes=1e-9",  # after every step
)  # fmt: skip


def arguments(built, out, *more):
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    return ["--data", str(built), "--init", "none", "--out", str(out), *words, *more]


def resuming(built, out):
    return ["--data", str(built), "--init", "none", "--out", str(out), "--resume"]


@pytest.fixture(scope="module")
def undisturbed(built, tmp_path_factory):
    """A whole run in a process of its own."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    process = start(arguments(built, out))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out


def assert_same(out, undisturbed):
    for name in (weights.BEST, weights.LAST):
        found, wanted = weights.load(out / name), weights.load(undisturbed / name)
        assert found.about["epoch"] == wanted.about["epoch"]
        for key, value in wanted.params.items():
            np.testing.assert_array_equal(found.params[key], value, err_msg=f"{name} {key}")
    assert without_times(out) == without_times(undisturbed)
    found, wanted = load(out, "regression"), load(undisturbed, "regression")
    assert found.generators == wanted.generators
    for key, value in wanted.velocity.items():
        np.testing.assert_array_equal(found.velocity[key], value, err_msg=key)


def start(words):
    return subprocess.Popen(
        [sys.executable, "-m", "pose3d.train_regression", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_graphs_that_the_process_made_before_change_no_bit(built, undisturbed, detection_run, tmp_path):
    """`undisturbed` is of a process of its own; this one has trained `detection_run`, and more."""
    assert detection_run.is_dir()
    assert train_regression.main(arguments(built, tmp_path / "run")) == 0
    assert_same(tmp_path / "run", undisturbed)


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bits(built, undisturbed, tmp_path):
    out, rng = tmp_path / "run", random.Random(1)
    words, kills, status = arguments(built, out), 0, None
    while status is None:
        before = written(out)
        process = start(words)
        moving = wait_for(lambda before=before: written(out) != before, process, 60)
        if moving and kills < 5:
            time.sleep(rng.uniform(0, 0.3))
            if kills == 2:  # in the middle of a save
                wait_for(lambda: any(out.glob(".checkpoint.partial*")), process, 60)
            process.kill()
            kills += 1
        _, errors = process.communicate(timeout=300)
        status = process.returncode if process.returncode != -signal.SIGKILL else None
        words = resuming(built, out)
    assert status == 0, errors
    assert kills == 5
    assert_same(out, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(built, undisturbed, tmp_path, sign):
    out = tmp_path / "run"
    process = start(arguments(built, out))
    assert wait_for(lambda: (out / OLDER).exists(), process, 60)
    process.send_signal(sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + sign
    found = re.search(rf"stopped by {sign.name} in epoch \d after \d+ steps; to continue: (.*)\n", errors)
    assert "Traceback" not in errors
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(found[1], shell=True, check=True, env=os.environ | {"PATH": path})
    assert_same(out, undisturbed)
    assert "resuming in epoch" in (out / "log.txt").read_text()


@pytest.mark.parametrize("lost", [True, False])
def test_the_older_checkpoint_leads_to_the_same_end(built, undisturbed, tmp_path, monkeypatch, capsys, lost):
    out = shutil.copytree(undisturbed, tmp_path / "run")
    older = out / OLDER
    assert load(older, "regression").progress != load(out, "regression").progress
    (out / NAME).unlink()
    if not lost:
        (out / NAME).write_bytes(b"damaged")
    assert train_regression.main(resuming(built, out)) == 1
    assert f"can be read: --resume {older}\n" in capsys.readouterr().err
    other = tmp_path / "other"
    words = ["--resume", str(older), "--data", str(built)]
    assert train_regression.main([*words, "--out", str(other)]) == 1
    error = capsys.readouterr().err
    assert f"--resume {older} continues the run in {out}, not one in {other}: omit --out" in error
    monkeypatch.chdir(tmp_path)
    assert train_regression.main(words) == 0
    assert_same(out, undisturbed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]  # nothing in the default runs/


def test_a_run_that_is_over_stays_as_it_is(built, undisturbed, capsys):
    before = {path.name: path.read_bytes() for path in undisturbed.glob("*.npz")}
    assert train_regression.main(resuming(built, undisturbed)) == 0
    assert {path.name: path.read_bytes() for path in undisturbed.glob("*.npz")} == before
    assert f"best: epoch {weights.load(undisturbed).about['epoch']}" in capsys.readouterr().out


def test_what_does_not_fit_is_refused_in_one_line(built, undisturbed, detection_run, tmp_path, capsys):
    def says(main, words):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error

    words = resuming(built, undisturbed)
    assert f"--resume: training.learning_rate is 0.001 in the run in {undisturbed}, not 1.0; omit it" in says(
        train_regression.main, [*words, "--set", "training.learning_rate=1"]
    )
    error = says(train_regression.main, [*words, "--init", str(detection_run)])
    assert f"began with --init none, not {detection_run}; omit it" in error
    assert "there is no such checkpoint" in says(train_regression.main, resuming(built, tmp_path / "none"))
    detection = ["--data", str(built), "--out", str(undisturbed), "--resume"]
    assert "is of a regression network" in says(train_detection.main, detection)
    other = tmp_path / "data"
    other.mkdir()
    for path in built.glob("*.h5"):
        if "S5" not in path.name:
            os.link(path, other / path.name)
    error = says(train_regression.main, resuming(other, undisturbed))
    assert "was made with other data or another split" in error


def test_the_same_command_resumes_a_run(built, undisturbed, tmp_path):
    """With the settings of its file and of its command line, and its --init."""
    out, file = tmp_path / "run", tmp_path / "some.toml"
    shutil.copytree(undisturbed, out)
    file.write_text("[training]\naverage = 3\n")
    assert train_regression.main([*arguments(built, out), "--config", str(file), "--resume"]) == 0
    assert_same(out, undisturbed)


def test_a_complete_run_takes_more_epochs_and_ends_as_if_it_had_them_from_the_start(
    built, undisturbed, tmp_path
):
    out = tmp_path / "run"
    assert train_regression.main(arguments(built, out, "--set", "training.epochs=2")) == 0
    longer = [*resuming(built, out), "--set", f"training.epochs={EPOCHS}"]
    assert train_regression.main(longer) == 0
    assert_same(out, undisturbed)
    assert config.load("regression", out / "config.toml") == weights.load(out / weights.LAST).config


def test_a_run_whose_data_were_moved_asks_where_they_are(built, undisturbed, tmp_path, capsys):
    here, there, out = tmp_path / "here", tmp_path / "there", tmp_path / "run"
    shutil.copytree(built, here)
    words = arguments(here, out, "--set", "training.epochs=0")
    assert train_regression.main(words) == 0
    here.rename(there)
    assert train_regression.main(["--resume", "--out", str(out)]) == 1
    error = f"{here}, the data of the run in {out}, is gone: say with --data where it is now"
    assert error in capsys.readouterr().err
    assert train_regression.main(["--resume", "--out", str(out), "--data", str(there)]) == 0


@pytest.mark.parametrize(("first", "then"), [(["--monitor-test"], []), ([], ["--monitor-test"])])
def test_a_resumed_run_has_its_own_flags_and_takes_more(built, tmp_path, first, then):
    out = tmp_path / "run"
    assert train_regression.main([*arguments(built, out, "--set", "training.epochs=1"), *first]) == 0
    found = load(out, "regression")
    assert found.progress.is_over(found.config.training)
    longer = ["--set", "training.epochs=2"]
    assert train_regression.main(["--out", str(out), "--resume", *longer, *then]) == 0
    rows = without_times(out)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [bool(row["test_mpjpe_mm"]) for row in rows] == [bool(first), bool(first), True]


def test_a_folder_in_which_another_process_trains_is_left_alone(built, tmp_path, capsys):
    out = tmp_path / "run"
    RunFolder.create(out, Config())
    before = {path.name for path in out.iterdir()}
    with exclusive(out):
        for more in ([], ["--resume"]):
            command = ["--data", str(built), "--init", "none", "--out", str(out), *more]
            assert train_regression.main(command) == 1
            assert f"error: {out}: another process is working there" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} - {LOCK} == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
