"""The trainings of an experiment: read from its TOML file, run as the commands that a user would give."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pose3d
from pose3d import config
from pose3d.dataset import Dataset
from pose3d.errors import UserError
from pose3d.model.weights import BEST
from pose3d.training import checkpoint

# Of a variant, beside sections of settings.
OWN_KEYS = {"config": None, "init": "none", "monitor_test": False, "until": 0}
# A process reads them when it loads numba and the BLAS.
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Run:
    """A regression as a variant looks at it.

    Attributes
    ----------
    training : Training
    until : int, the epoch at which the variant stops looking; 0: the last
    """

    training: "Training"
    until: int = 0

    @property
    def rows(self):
        """The learning curve: list of dicts, that of epoch 0 first."""
        rows = self.training.checkpoint.rows
        return [row for row in rows if row["epoch"] <= self.until] if self.until else rows

    @property
    def minutes(self):
        """What it cost, the detection that it starts from included."""
        init = self.training.init
        rows = self.rows + (init.checkpoint.rows if init else [])
        return sum(row["seconds"] for row in rows) / 60


@dataclass(frozen=True)
class Training:
    """One run of train_detection or train_regression.

    Attributes
    ----------
    task : "detection" or "regression"
    data : Path, folder of the built files
    settings : tuple of "section.key=value"
    runs : Path, the folder that holds `folder`
    init : Training of the detection network to start from, or None
    monitor_test : bool
    config_file : Path of a file of settings, over which `settings` come, or None
    """

    task: str
    data: Path
    settings: tuple[str, ...]
    runs: Path
    init: "Training | None" = None
    monitor_test: bool = False
    config_file: Path | None = None

    @property
    def folder(self):
        """The run folder, named after all that decides the result: Path."""
        resolved = config.to_toml(config.load(self.task, self.config_file, self.settings))
        init = self.init and self.init.folder.name
        parts = (resolved, _fingerprint(self.data), pose3d.__version__, init, self.monitor_test)
        return self.runs / f"{self.task}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"

    @property
    def checkpoint(self):
        """Where it stands: Checkpoint, or None if it has not begun."""
        started = (self.folder / checkpoint.NAME).exists()
        return checkpoint.load(self.folder, self.task) if started else None

    @property
    def results(self):
        """The file that its test writes: Path."""
        return self.folder / "test" / "results.json"

    def command(self):
        """The words after ``python`` that start it, or go on with it."""
        words = ["-m", f"pose3d.train_{self.task}", "--data", str(self.data), "--out", str(self.folder)]
        if self.task == "regression":
            words += ["--init", str(self.init.folder) if self.init else "none"]
        if self.checkpoint is None:
            words += ["--config", str(self.config_file)] if self.config_file else []
            words += [word for setting in self.settings for word in ("--set", setting)]
        else:
            words += ["--resume"]
        return words + ["--monitor-test"] * self.monitor_test


@cache
def _fingerprint(data):
    """The fingerprint of a folder of built files, which does not change while an experiment runs."""
    return Dataset.open(data, memory="stream").origin.fingerprint


@dataclass(frozen=True)
class Experiment:
    """What an experiment's file says.

    Attributes
    ----------
    title : str
    seeds : list of int
    folds : list of str, the subjects that validate in turn; empty: the validation of the settings
    variants : dict from a variant's name to its keys, the common ones included
    """

    title: str
    seeds: list
    folds: list
    variants: dict


def read_experiment(path):
    """Read an experiment.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Experiment

    Raises
    ------
    UserError
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None
    unknown = found.keys() - {"title", "seeds", "folds", "common", "variants"}
    if unknown or not found.get("variants"):
        named = f", not {', '.join(sorted(unknown))}" if unknown else ""
        raise UserError(
            f"{path}: an experiment holds title, seeds, folds, [common] and [variants.NAME]{named}"
        )
    common = found.get("common", {})
    variants = {name: _merged(common, own) for name, own in found["variants"].items()}
    for variant in variants.values():
        if "config" in variant:
            variant["config"] = path.parent / str(variant["config"])
    title, seeds = found.get("title", path.stem), found.get("seeds", [1, 2, 3])
    return Experiment(title, seeds, found.get("folds", []), variants)


def _merged(common, own):
    """`own` over `common`, both nested dicts."""
    result = dict(common)
    for key, value in own.items():
        nested = isinstance(value, dict) and isinstance(common.get(key), dict)
        result[key] = _merged(common[key], value) if nested else value
    return result


def regression_run(variant, seed, data, runs, fold=None):
    """The regression of a variant with one seed; it knows the detection that it starts from.

    Parameters
    ----------
    variant : dict, of `read_experiment`
    seed : int, of weights, dropout and shuffling
    data, runs : Path
    fold : str, the subject that validates; None: as the settings say

    Returns
    -------
    Run

    Raises
    ------
    UserError
        if a key is unknown or a value wrong, before anything is trained
    """
    own = {key: variant.get(key, default) for key, default in OWN_KEYS.items()}
    sections = {key: value for key, value in variant.items() if key not in OWN_KEYS}
    if own["init"] not in ("none", "detection"):
        raise UserError(f"init = {own['init']!r}: must be none or detection")

    def training(task, **rest):
        chosen = _merged(
            {key: value for key, value in sections.items() if key != "for"},
            sections.get("for", {}).get(task, {}),
        )
        seeded = _merged(chosen, {"network": {"seed": seed}, "training": {"seed": seed}})
        if fold:
            seeded = _merged(seeded, {"data": {"validation": f"subject:{fold}"}})
        config.from_dict(seeded, config.load(task, own["config"]))  # whatever is wrong is told here
        settings = [f"{s}.{key}={json.dumps(v)}" for s, values in seeded.items() for key, v in values.items()]
        return Training(task, data, tuple(settings), runs, config_file=own["config"], **rest)

    init = training("detection") if own["init"] == "detection" else None
    return Run(training("regression", init=init, monitor_test=own["monitor_test"]), own["until"])


def train(training, threads):
    """Train until complete; the line of the error that ended it, or None."""
    found = training.checkpoint
    complete = found and found.progress.is_over(found.config.training)
    return None if complete else _call(training.command(), threads)


def test(training, threads):
    """Test the best weights on the unseen subject, unless that is done; the line of an error, or None."""
    results, weights = training.results, training.folder / BEST
    if results.exists() and results.stat().st_mtime >= weights.stat().st_mtime:
        return None
    words = ["--data", training.data, "--weights", training.folder, "--out", results.parent]
    return _call(["-m", "pose3d.test", *map(str, words)], threads)


def _call(words, threads):
    """Run Python in a process of its own; the last line of what it complained of, or None."""
    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | dict.fromkeys(THREADS, str(threads)),
        stdout=subprocess.DEVNULL,  # a run folder keeps its log
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
