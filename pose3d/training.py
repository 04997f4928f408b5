"""One training loop for both graphs: epochs, validation, checkpoints; and the command line they share."""

import argparse
import time
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from pose3d import config as settings
from pose3d.dataset import Dataset
from pose3d.errors import UserError
from pose3d.graph import Graph
from pose3d.run import versions_line
from pose3d.splits import minibatches, split
from pose3d.weights import BEST, LAST, Weights, save

EVALUATION_BATCH = 128


@dataclass
class Task:
    """What the loop asks of a network's task.

    Attributes
    ----------
    graph : Graph
    targets : function of sample numbers -> (n, width) array
    counts : function of (outputs (n, width), sample numbers) -> dict of arrays
        What adds up over minibatches, so that scoring takes the same memory however many samples there are.
    scores : function of (the summed counts, number of samples, cost) -> dict of str to float
    objective : str
        The validation score that chooses the best epoch, lower is better.
    unit : str
        How the curve's vertical axis is labelled.
    scale : dict of arrays that the weights file must carry
    """

    graph: Graph
    targets: object
    counts: object
    scores: object
    objective: str
    unit: str
    scale: dict


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
    totals, cost = {}, 0.0
    for batch in announced(data, minibatches(indices, EVALUATION_BATCH)):
        outputs, batch_cost = task.graph.evaluate(data.images(batch), task.targets(batch))
        for name, count in task.counts(outputs, batch).items():
            totals[name] = totals.get(name, 0) + count
        cost += batch_cost * len(batch)
    cost /= len(indices)
    return {"cost": cost, **task.scores(totals, len(indices), cost)}


def announced(data, batches):
    """Yield minibatches, each after the disk was told of the one that follows."""
    current = None
    for following in batches:
        data.prefetch(following)
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current


def train_epoch(task, data, indices, rng, label):
    """One pass over the samples; returns the mean of the minibatches' costs before their updates.

    The last minibatch may be short; its cost is the mean over its own samples.
    """
    batch = task.graph.config.training.batch
    bar = tqdm(total=len(indices), desc=label, unit=" images", leave=False, disable=None)
    total = 0.0
    with bar:
        for chosen in announced(data, minibatches(indices, batch, rng)):
            total += task.graph.step(data.images(chosen), task.targets(chosen)) * len(chosen)
            bar.update(len(chosen))
            _check_finite(total, label)
    return total / len(indices)


def _check_finite(cost, label):
    if not np.isfinite(cost):
        raise UserError(
            f"the cost became {cost} in {label}: lower training.rate; "
            "the weights of the epochs before it are kept"
        )


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
            found = evaluate(task, data, indices)
            _check_finite(found["cost"], f"epoch {epoch}")  # before these weights replace good ones
            row |= {f"{name}_{key}": value for key, value in found.items()}
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
    return config, *open_data(arguments.data, config.data, arguments.monitor_test)


def open_data(folder, choice, needs_test):
    """The built files of a folder and their split.

    Parameters
    ----------
    folder : path
    choice : pose3d.config.DataSettings
    needs_test : bool, whether having nothing to test with is an error

    Returns
    -------
    Dataset, Split

    Raises
    ------
    UserError
        As `Dataset.open` and `split` do, and if the test subject is wanted and not there.
    """
    data = Dataset.open(folder, memory=choice.memory)
    chosen = split(data, choice.validation, choice.test, np.random.default_rng(choice.seed))
    if needs_test and not len(chosen.test):
        raise UserError(
            f"{folder} holds nothing of {', '.join(choice.test)}, the test subject: build it, too"
        )
    return data, chosen
