"""The training commands under mpiexec: against one process, and what becomes of ranks that die."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pose3d.config import load as load_settings
from pose3d.model import weights
from pose3d.training.checkpoint import OLDER, Checkpoint, load
from pose3d.training.data_parallel import dropout_state
from pose3d.training.state import Progress
from tests.curves import without_times
from tests.launching import mpiexec, run_ranks, wait_for, written
from tests.small import SMALL

SETTINGS = (
    *SMALL, "training.batch_size=21", "training.epochs=3",
    "training.learning_rate=0.002", "augmentation.mirror=true", "augmentation.shift=3",
    "augmentation.light=0.4",
)  # fmt: skip
# These poses' coordinates do not all vary: mirrored, they are far off scale. And a checkpoint every step.
REGRESSION = ("regression.cost=mpjpe", "network.dropout=0.3", "training.checkpoint_minutes=1e-9")


def words(built, out, *settings):
    """64 training samples make three minibatches of 21 and one of a single sample, so one empty share."""
    set_ = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["--data", str(built), "--out", str(out), *set_]


def regression(built, out):
    return ["-m", "pose3d.train_regression", "--init", "none", *words(built, out, *REGRESSION)]


def curve(folder):
    """The learning curve without its times: dict of str to array."""
    rows = without_times(folder)
    return {key: np.array([row[key] or "nan" for row in rows], float) for key in rows[0]}


@pytest.mark.slow
def test_two_ranks_follow_one_process_and_one_of_them_writes(built, tmp_path):
    """In float64, where whole epochs of steps that magnify every rounding still agree."""
    settings = ("network.dtype=float64",)
    one, two = tmp_path / "one", tmp_path / "two"
    command = ["-m", "pose3d.train_detection"]
    subprocess.run([sys.executable, *command, *words(built, one, *settings)], check=True, capture_output=True)
    done = run_ranks(2, *command, *words(built, two, *settings))
    assert done.returncode == 0, done.stderr
    found, wanted = (weights.load(folder / weights.LAST) for folder in (two, one))
    tolerance = 1e-10
    for name, value in wanted.params.items():
        size = max(1e-3, abs(value).max())
        np.testing.assert_allclose(found.params[name], value, rtol=0, atol=tolerance * size, err_msg=name)
    mine, others = curve(two), curve(one)
    assert mine.keys() == others.keys()
    for name, values in others.items():
        np.testing.assert_allclose(mine[name], values, rtol=100 * tolerance, atol=1e-9, err_msg=name)
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    for name in ("best: epoch", "epoch   1", "validation: the last tenth", "2 ranks share every minibatch"):
        assert (two / "log.txt").read_text().count(name) == done.stdout.count(name) == 1
    assert done.stderr == ""


def start(*command, ranks=2):
    return subprocess.Popen(
        [*mpiexec(ranks), sys.executable, *map(str, command)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ranks_of(launcher):
    """Process numbers of the Pythons that a launcher started, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes().split(b"\0")
            parents = [int((path / "stat").read_text().rpartition(")")[2].split()[1])]
            while parents[-1] > 1:
                stat = Path(f"/proc/{parents[-1]}/stat").read_text(encoding="utf-8")
                parents.append(int(stat.rpartition(")")[2].split()[1]))
        except OSError:  # it has gone
            continue
        rank = [line for line in environment if line.startswith(b"PMI_RANK=")]
        if launcher.pid in parents and rank:
            found[int(rank[0][9:])] = int(path.name)
    return [found[rank] for rank in sorted(found)]


# Rank 0's disk is full when it has written so many files of arrays.
FULL = """
from pose3d.io.process_setup import prepare_process
prepare_process()  # the number of threads decides the bits
import errno, os, sys
import numpy as np
from pose3d import train_regression
from pose3d.io import ranks

savez, written = np.savez, []

def failing(file, **arrays):
    written.append(file)
    if len(written) > 9:
        raise OSError(errno.ENOSPC, "No space left on device")
    savez(file, **arrays)

ranks.GRACE = 0.5
np.savez = failing
sys.exit(train_regression.main())
"""


@pytest.mark.slow
def test_whatever_ends_a_rank_the_job_ends_and_goes_on_to_the_same_bits(built, tmp_path):
    calm, out = tmp_path / "calm", tmp_path / "run"
    done = run_ranks(2, *regression(built, calm))
    assert done.returncode == 0, done.stderr

    full = tmp_path / "full.py"
    full.write_text(FULL)
    done = run_ranks(2, full, *regression(built, out)[2:])
    assert done.returncode == 1
    assert done.stderr.count("rank 0: error: ") == done.stderr.count("the disk is full") == 1
    assert "Traceback" not in done.stderr

    resuming = [*regression(built, out)[:4], "--data", built, "--out", out, "--resume"]
    for how in ("kill", "terminate all", "terminate one"):
        before = written(out)
        process = start(*resuming)
        assert wait_for(lambda before=before: written(out) != before, process), process.stderr.read()
        if how == "kill":
            os.kill(ranks_of(process)[1], signal.SIGKILL)
        elif how == "terminate all":
            process.send_signal(signal.SIGTERM)
        else:
            os.kill(ranks_of(process)[1], signal.SIGTERM)
        _, errors = process.communicate(timeout=600)
        assert process.returncode != 0
        assert "Traceback" not in errors
        if how != "kill":
            assert process.returncode == 128 + signal.SIGTERM
            (line,) = errors.splitlines()  # rank 0's word for all: nobody had to end the others
            assert line.startswith("stopped by SIGTERM in epoch ")

    done = run_ranks(2, *resuming)
    assert done.returncode == 0, done.stderr
    found, wanted = load(out, "regression"), load(calm, "regression")
    assert len(wanted.generators["dropout"]) == 2
    assert found.generators == wanted.generators
    for group in ("params", "velocity"):
        for name, value in getattr(wanted, group).items():
            np.testing.assert_array_equal(getattr(found, group)[name], value, err_msg=name)
    mine, others = curve(out), curve(calm)
    for name, values in others.items():
        np.testing.assert_array_equal(mine[name], values, err_msg=name)
    assert (out / OLDER).exists()


def state(seed):
    return np.random.default_rng(seed).bit_generator.state


@pytest.mark.parametrize("states", [state(0), [state(0)], [state(0), state(1)], [state(n) for n in range(5)]])
def test_dropouts_states_of_another_number_of_ranks(states):
    """The checkpoint of a single process holds one bare state."""
    there = states if isinstance(states, list) else [states]
    config = load_settings("regression")
    found = Checkpoint(
        "regression", config, Progress(epoch=3, step=2), {}, {}, {}, {"dropout": states}, "data"
    )
    first, second = (dropout_state(found, rank) for rank in range(2))
    assert first == there[0]
    assert second == there[1] if len(there) > 1 else second not in there
