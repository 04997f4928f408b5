"""Runs that are killed or asked to end, and go on to the bits of an undisturbed one."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest

from pose3d import train_detection, train_regression
from pose3d.config import Config
from pose3d.io.atomic_files import LOCK, exclusive
from pose3d.model import weights
from pose3d.training.checkpoint import NAME, OLDER, load, save
from pose3d.training.run_folder import RunFolder
from tests.curves import without_times
from tests.launching import wait_for
from tests.small import SMALL

EPOCHS = 4
SETTINGS = (
    *SMALL, "network.dropout=0.3", "training.batch_size=8",
    f"training.epochs={EPOCHS}",
    "augmentation.mirror=true", "augmentation.shift=3", "augmentation.light=0.4", "training.average=3",
    "training.warmup=1.5",
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
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(arguments(built, out))
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


def train(words):
    """A whole run in a process of its own, as all that are compared here.

    The graphs that a process compiled before have a say in the last bit of what it computes.
    """
    process = start(words)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def written(out):
    """When the checkpoint was last written, or None."""
    return (out / NAME).stat().st_mtime_ns if (out / NAME).exists() else None


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
    assert re.search(
        rf"stopped by {sign.name} in epoch \d after \d+ steps; to continue, .* with --resume",
        errors,
    )
    assert "Traceback" not in errors
    train(resuming(built, out))
    assert_same(out, undisturbed)
    assert "resuming in epoch" in (out / "log.txt").read_text()


def test_the_older_checkpoint_leads_to_the_same_end(built, undisturbed, tmp_path):
    out = tmp_path / "run"
    train(arguments(built, out))
    older = out / OLDER
    assert load(older, "regression").progress != load(out, "regression").progress
    (out / NAME).write_bytes(b"damaged")
    assert train_regression.main(resuming(built, out)) == 1
    train([*resuming(built, out), str(older)])
    assert_same(out, undisturbed)


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
    assert "omit --config and --set" in says(
        train_regression.main, [*words, "--set", "training.learning_rate=1"]
    )
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


@pytest.mark.parametrize(("first", "then"), [(["--monitor-test"], []), ([], ["--monitor-test"])])
def test_a_resumed_run_has_its_own_flags_and_takes_more(built, tmp_path, first, then):
    out = tmp_path / "run"
    assert train_regression.main([*arguments(built, out, "--set", "training.epochs=1"), *first]) == 0
    found = load(out, "regression")
    longer = msgspec.structs.replace(found.config.training, epochs=2)
    found.config, found.progress.over = msgspec.structs.replace(found.config, training=longer), False
    save(out, found)
    assert train_regression.main(["--out", str(out), "--resume", *then]) == 0
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
