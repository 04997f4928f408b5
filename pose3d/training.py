"""One training loop for both graphs: epochs, validation, curves, and what a run folder keeps."""

import argparse
import csv
import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d import config as settings
from pose3d.dataset import Dataset
from pose3d.errors import UserError
from pose3d.files import whole
from pose3d.graph import Graph
from pose3d.report.figures import curve_figure
from pose3d.splits import minibatches, split
from pose3d.weights import BEST, LAST, Weights, save

EVALUATION_BATCH = 128
PACKAGES = ("pose3d", "pytensor", "numba", "numpy", "scipy")


@dataclass
class Task:
    """What the loop asks of a network's task.

    Attributes
    ----------
    graph : Graph
    targets : function of sample numbers -> (n, width) array
    scores : function of (outputs (n, width), sample numbers, cost) -> dict of str to float
    objective : str
        The validation score that chooses the best epoch, lower is better.
    unit : str
        How the curve's vertical axis is labelled.
    scale : dict of arrays that the weights file must carry
    """

    graph: Graph
    targets: object
    scores: object
    objective: str
    unit: str
    scale: dict


class Run:
    """A run folder: settings, log, curves, weights. An older run under its name is kept beside it."""

    def __init__(self, folder, config):
        self.folder = Path(folder)
        if self.folder.exists() and any(self.folder.iterdir()):
            kept = self.folder.with_name(self.folder.name + ".previous")
            _set_aside(self.folder, kept)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rows = []
        self.say("$ " + " ".join(sys.argv))
        self.say(f"Python {platform.python_version()}, " + versions_line())
        with whole(self.folder / "config.toml") as temporary:
            temporary.write_text(settings.to_toml(config))

    def say(self, text):
        """Print a line and keep it in the log."""
        tqdm.write(text, file=sys.stdout)
        with (self.folder / "log.txt").open("a") as log:
            log.write(text + "\n")

    def add(self, row, objective, unit):
        """Keep an epoch's scores: the curve's CSV and PNG are rewritten whole."""
        self.rows.append(row)
        with whole(self.folder / "curve.csv") as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows(self.rows)
        names = {f"{kind}_{objective}": kind for kind in ("train", "validation", "test")}
        names = {key: name for key, name in names.items() if key in row}
        with whole(self.folder / "curve.png") as temporary:
            curve_figure(temporary, self.rows, names, unit)


def _set_aside(folder, kept):
    """Rename a run folder; the one set aside before it goes."""
    if not (folder / "config.toml").is_file():
        raise UserError(f"{folder} is no run folder and not empty: name another with --out")
    if kept.exists():
        for path in kept.iterdir():
            path.unlink()
        kept.rmdir()
    folder.rename(kept)


def versions_line():
    """The packages whose versions decide what is computed."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def evaluate(task, data, indices):
    """The cost and the scores of samples, none left out.

    Parameters
    ----------
    task : Task
    data : Dataset
    indices : (n,) int array

    Returns
    -------
    dict of str to float
    """
    outputs, cost = [], 0.0
    for batch in minibatches(indices, EVALUATION_BATCH):
        values, batch_cost = task.graph.evaluate(data.images(batch), task.targets(batch))
        outputs.append(values)
        cost += batch_cost * len(batch)
    cost /= len(indices)
    return {"cost": cost, **task.scores(np.concatenate(outputs), indices, cost)}


def train_epoch(task, data, indices, rng, label):
    """One pass over the samples; returns the mean of the minibatches' costs before their updates.

    The last minibatch may be short; its cost is the mean over its own samples.
    """
    batch = task.graph.config.training.batch
    bar = tqdm(total=len(indices), desc=label, unit=" images", leave=False, disable=None)
    total = 0.0
    with bar:
        for chosen in minibatches(indices, batch, rng):
            total += task.graph.step(data.images(chosen), task.targets(chosen)) * len(chosen)
            bar.update(len(chosen))
            if not np.isfinite(total):
                raise UserError(
                    f"the cost became {total} in {label}: lower training.rate; "
                    "the weights of the epochs before it are kept"
                )
    return total / len(indices)


def fit(task, data, chosen, run, monitor_test=False):
    """Train until the epochs are over or the validation score stops improving.

    The train scores are those of a fixed random subset, as large as the validation set, with the
    epoch's final weights; the test subject is scored only if asked, and never chooses.

    Parameters
    ----------
    task : Task
    data : Dataset
    chosen : Split
    run : Run

    Returns
    -------
    dict, the best epoch's row
    """
    training = task.graph.config.training
    shuffling = np.random.default_rng(training.seed) if training.shuffle else None
    subset = np.random.default_rng(training.seed).permutation(chosen.train)[: len(chosen.validation)]
    sets = {"train": np.sort(subset), "validation": chosen.validation}
    if monitor_test:
        sets["test"] = chosen.test
    objective = f"validation_{task.objective}"
    run.say(chosen.summary)
    best, mark, waited = None, np.inf, 0  # mark: the score of the last improvement that counts
    for epoch in range(training.epochs + 1):  # epoch 0 is the network before any training
        start = time.perf_counter()
        if epoch == 0:
            run.say("compiling: half a minute the first time, seconds after that")
        row = {"epoch": epoch, "cost": None}
        if epoch > 0:
            row["cost"] = train_epoch(task, data, chosen.train, shuffling, f"epoch {epoch}")
        for name, indices in sets.items():
            row |= {f"{name}_{key}": value for key, value in evaluate(task, data, indices).items()}
        row["seconds"] = round(time.perf_counter() - start, 2)
        score = row[objective]
        weights = _snapshot(task, row)
        save(run.folder / LAST, weights)
        if best is None or score < best[objective]:
            best = row
            save(run.folder / BEST, weights)
        run.add(row, task.objective, task.unit)
        run.say(_line(row, task.objective) + ("  best" if best is row else ""))
        mark, waited = (score, 0) if score < (1 - training.improvement) * mark else (mark, waited + 1)
        if training.patience and waited >= training.patience:
            run.say(f"converged: {objective} has not improved in {waited} epochs")
            break
    return best


def _snapshot(task, row):
    graph = task.graph
    about = {"epoch": row["epoch"], "scores": row, "versions": versions_line()}
    return Weights(graph.task, graph.config, graph.network.get_weights(), task.scale, about)


def _line(row, objective):
    """An epoch in one line."""
    parts = [f"epoch {row['epoch']:3d}"]
    if row["cost"] is not None:
        parts.append(f"cost {row['cost']:.4g}")
    for kind in ("train", "validation", "test"):
        if f"{kind}_{objective}" in row:
            parts.append(f"{kind} {objective} {row[f'{kind}_{objective}']:.4g}")
    return "  ".join(parts) + f"  {row['seconds']:.1f} s"


def parser(task, description):
    """The command line that both training commands share.

    Parameters
    ----------
    task : "detection" or "regression"
    """
    result = argparse.ArgumentParser(
        prog=f"python -m pose3d.train_{task}",
        description=description,
        epilog="Settings, their defaults and meanings: pose3d/config.py; examples: experiments/*.toml.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument("--data", default="data/walking", help="folder of the built files")
    result.add_argument("--out", default=f"runs/{task}", help="run folder; an older run there is set aside")
    result.add_argument("--config", metavar="TOML", help="settings file")
    result.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one setting; repeatable",
    )
    result.add_argument(
        "--monitor-test",
        action="store_true",
        help="score the test subject after every epoch, too (the report's figure 5(b)); it chooses nothing",
    )
    return result


def load_data(arguments, task):
    """What both commands begin with: settings, data, split."""
    config = settings.load(task, arguments.config, arguments.set)
    data = Dataset.open(arguments.data)
    rng = np.random.default_rng(config.data.seed)
    return config, data, split(data, config.data.validation, config.data.test, rng)
