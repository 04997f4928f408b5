"""Kill builds and trainings at random moments, start them again, and compare with undisturbed ones.

``python -m tests.kill --kills 100 --seed 1`` prints the counts. Status 1 if anything was lost or differs.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pose3d import synthetic
from pose3d.dataset.built_files import read_blocks
from pose3d.io.atomic_files import LOCK
from pose3d.io.npz_archive import read_arrays
from tests.curves import without_times
from tests.small import SMALL

SETTINGS = (
    *SMALL, "network.dropout=0.3", "training.batch_size=16",
    "training.epochs=3", "training.average=2", "augmentation.mirror=true", "regression.cost=mpjpe",
    "training.checkpoint_minutes=1e-9",
)  # fmt: skip
PATIENCE = 600  # seconds until a process counts as hanging


class Build:
    """A build of a small tree with two workers."""

    def __init__(self, folder):
        self.tree = synthetic.generate(
            folder / "tree", subjects=("S1", "S5", "S11"), frames=12, image_size=250, workers=2
        )

    def command(self, out, again):
        words = ["--source", str(self.tree), "--out", str(out), "--subjects", "S1", "S5", "S11"]
        return ["pose3d.build_dataset", *words, "--workers", "2"]

    def result(self, out):
        """All arrays of all built files by name."""
        found = {}
        for path in sorted(out.glob("*.h5")):
            blocks = list(read_blocks(path))
            for name in blocks[0]:
                found[path.name, name] = np.concatenate([block[name] for block in blocks])
        return found


class Training:
    """A training of a small regression network, with a checkpoint after every step."""

    def __init__(self, data):
        self.data = data

    def command(self, out, again):
        words = ["pose3d.train_regression", "--out", str(out), "--init", "none"]
        if again and (out / "checkpoint.npz").exists():
            return [*words, "--resume"]
        return [*words, "--data", str(self.data), *(word for each in SETTINGS for word in ("--set", each))]

    def result(self, out):
        """The last and the best weights, the checkpoint's velocities, and the curve without its times."""
        found = {}
        for name in ("best.npz", "last.npz", "checkpoint.npz"):
            arrays = read_arrays(out / name)
            del arrays["header"]  # holds times
            found |= {(name, key): value for key, value in arrays.items()}
        for row in without_times(out):
            found["curve", row["epoch"]] = np.array([float(value or "nan") for value in row.values()])
        return found


def start(words):
    return subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(words):
    """Run to the end: the seconds it took, and what it printed if it failed."""
    began, process = time.perf_counter(), start(words)
    _, errors = process.communicate(timeout=PATIENCE)
    return time.perf_counter() - began, errors if process.returncode else ""


def kill(words, seconds, rng):
    """Kill a process, or with equal chance all that it started as well; whether it still ran."""
    process = start(words)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        if rng.random() < 0.5:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)  # its workers have ended, too
    return True


def differences(found, wanted):
    """Names of what is missing, too much, or not the same bit for bit."""
    both = found.keys() & wanted.keys()
    changed = {name for name in both if found[name].tobytes() != wanted[name].tobytes()}
    return sorted(map(str, changed | found.keys() ^ wanted.keys()))


def disturbed(job, out, wanted, seconds, kills, rng):
    """Start a job until it was killed so often, and once more to its end: kills, faults."""
    done, again = 0, False
    for _ in range(kills):
        if not kill(job.command(out, again), rng.uniform(0, 0.5 * seconds), rng):
            break
        done, again = done + 1, True
    _, errors = finish(job.command(out, again))
    if errors:
        return done, [errors]
    left = [str(path) for path in out.rglob(".*") if path.name != LOCK]
    return done, differences(job.result(out), wanted) + left


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    rng, faults, counts = random.Random(arguments.seed), [], {"builds": 0, "trainings": 0}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        build = Build(folder)
        jobs = {"builds": build, "trainings": Training(folder / "builds")}
        undisturbed = {}
        for name, job in jobs.items():
            _, errors = finish(job.command(folder / name, False))
            assert not errors, errors
            seconds, _ = finish(job.command(folder / f"{name}-compiled", False))
            undisturbed[name] = job.result(folder / name), seconds
        ends = 0
        while sum(counts.values()) < arguments.kills:
            name = list(jobs)[ends % 2]
            wanted, seconds = undisturbed[name]
            most = min(rng.randint(4, 8), arguments.kills - sum(counts.values()))
            done, found = disturbed(jobs[name], folder / "disturbed", wanted, seconds, most, rng)
            counts[name] += done
            ends += 1
            faults += [f"{name}: {fault}" for fault in found]
            shutil.rmtree(folder / "disturbed")
    print(
        f"{counts['builds']} kills of builds, {counts['trainings']} of trainings, {ends} taken to the end: "
        f"{len(faults)} losses or differences"
    )
    for fault in faults:
        print(fault)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
