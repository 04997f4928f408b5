"""One training loop for both graphs: epochs, validation, the best weights."""

import time
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from pose3d.dataset.augmentation import draw
from pose3d.dataset.splits import minibatches
from pose3d.errors import UserError
from pose3d.io.processes import Signals
from pose3d.io.ranks import ALONE
from pose3d.model.graph import Graph
from pose3d.model.weights import BEST, LAST, Weights
from pose3d.training.checkpoint import Progress
from pose3d.training.diagnostics import activity, gradient_norm
from pose3d.training.epoch_lines import epoch_lines
from pose3d.training.keeping import Keeper
from pose3d.training.run_folder import versions_line

EVALUATION_BATCH = 128
# A cost this many times that of the untrained network is no fluctuation.
DIVERGED = 100


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
    augmented : function of (images, sample numbers, what `augmentation.draw` drew: two arrays)
        -> new images and (n, width) array of their targets
    ranks : pose3d.io.ranks.Alone or Ranks, who share every minibatch
    """

    graph: Graph
    targets: object
    counts: object
    scores: object
    objective: str
    unit: str
    scale: dict
    augmented: object = None
    ranks: object = ALONE


def evaluate(task, data, indices, pause=lambda: None):
    """The cost and the scores of samples, none left out.

    Parameters
    ----------
    task : Task
    data : Dataset
    indices : (n,) int array
    pause : function that is called after every minibatch

    Returns
    -------
    dict of str to float
    """
    totals, cost, ranks = {}, 0.0, task.ranks
    for batch in announced(data, minibatches(indices, EVALUATION_BATCH * ranks.size), ranks):
        mine = batch[ranks.share(len(batch))]
        if len(mine):
            outputs, batch_cost = task.graph.evaluate(data.images(mine), task.targets(mine))
            for name, count in task.counts(outputs, mine).items():
                totals[name] = totals.get(name, 0) + count
            cost += batch_cost * len(mine)
        pause()
    totals = ranks.total({**totals, "cost": cost})
    cost = totals.pop("cost") / len(indices)
    return {"cost": cost, **task.scores(totals, len(indices), cost)}


def announced(data, batches, ranks=ALONE):
    """Yield minibatches, each after the disk was told of this rank's share of the one that follows."""
    current = None
    for following in batches:
        data.prefetch(following[ranks.share(len(following))])
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current


def train_epoch(task, data, order, label, progress=None, limit=np.inf, pause=lambda: None, rng=None):
    """One pass over the samples; returns the mean of the minibatches' costs before their updates.

    The last minibatch may be short; its cost is the mean over its own samples.

    Parameters
    ----------
    task : Task
    data : Dataset
    order : (n,) int array, the samples in the order in which they are taken
    label : str, names the epoch
    progress : Progress, whose `step` and `total` are kept up; the epoch goes on where it stands
    limit : float, the cost of the untrained network, by which divergence is told
    pause : function that is called after every step
    rng : numpy.random.Generator, for augmentation only

    Raises
    ------
    UserError
        if the cost becomes infinite, not a number, or `DIVERGED` times the limit
    """
    progress = progress or Progress()
    batch = task.graph.config.training.batch
    done, hidden = progress.step * batch, None if task.ranks.rank == 0 else True
    bar = tqdm(total=len(order), initial=done, desc=label, unit=" images", leave=False, disable=hidden)
    with bar:
        for chosen in announced(data, minibatches(order[done:], batch), task.ranks):
            progress.total += task.graph.step(*_pairs(task, data, chosen, rng), len(chosen)) * len(chosen)
            progress.step += 1
            bar.update(len(chosen))
            _check_finite(progress.total, label)
            if progress.total > DIVERGED * limit * min(progress.step * batch, len(order)):
                raise UserError(
                    f"the cost in {label} is more than {DIVERGED} times that of the untrained network: "
                    "the run diverges; lower training.rate; the weights of the epochs before it are kept"
                )
            pause()
    return progress.total / len(order)


def _pairs(task, data, chosen, rng):
    """This rank's share of a minibatch's images and targets to train with."""
    share, settings = task.ranks.share(len(chosen)), task.graph.config.augmentation
    mine = chosen[share]
    images = data.images(mine)
    if not settings.active:
        return images, task.targets(mine)
    # Every rank draws for the whole minibatch, so that no sample's lot depends on how many ranks there are.
    mirror, offsets = draw(len(chosen), settings, rng)
    return task.augmented(images, mine, mirror[share], offsets[share])


def _check_finite(cost, label):
    if not np.isfinite(cost):
        raise UserError(
            f"the cost became {cost} in {label}: lower training.rate; "
            "the weights of the epochs before it are kept"
        )


def fit(task, data, chosen, run, monitor_test=False, resumed=None):
    """Train until the epochs are over or the validation score stops improving.

    The train scores are those of a fixed random subset, as large as the validation set, with the
    epoch's final weights; the test subject is scored only if asked, and never chooses.

    Parameters
    ----------
    task : Task
    data : Dataset
    chosen : Split
    run : Run
    resumed : Checkpoint, or None for a new run

    Returns
    -------
    dict, the best epoch's row

    Raises
    ------
    Stopped
        by SIGINT or SIGTERM, after the minibatch at work and with a checkpoint
    UserError
        if the cost is not finite, or the checkpoint is of other data
    """
    with Signals() as signals:
        keeper = Keeper(task, data, chosen, run, signals)
        if resumed is not None:
            keeper.take_up(resumed)
        task.ranks.agree("their files, settings, versions or weights to begin with", keeper.digest)
        run.say(chosen.summary)
        sets = _scored(task.graph.config.training, chosen, monitor_test)
        while not keeper.progress.over:
            _epoch(task, data, chosen, sets, run, keeper)
            keeper.save()
    return keeper.progress.best


def _epoch(task, data, chosen, sets, run, keeper):
    """Train for one epoch, score it, keep the best weights; leaves what the next epoch begins with."""
    training, progress = task.graph.config.training, keeper.progress
    keeper.begin_epoch()
    row = {"epoch": progress.epoch, "cost": None}
    label = f"epoch {progress.epoch}"
    if progress.epoch == 0:  # the network before any training
        run.say("compiling: half a minute the first time, seconds after that")
    else:
        if progress.order is None:
            progress.order = keeper.shuffling.permutation(chosen.train) if training.shuffle else chosen.train
        limit = run.rows[0]["train_cost"]
        row["cost"] = train_epoch(
            task, data, progress.order, label, progress, limit, keeper.pause, keeper.augmenting
        )
    for name, indices in sets.items():
        found = evaluate(task, data, indices, keeper.pause)
        _check_finite(found["cost"], label)  # before these weights replace good ones
        row |= {f"{name}_{key}": value for key, value in found.items()}
    row |= _diagnosis(task, data, chosen)
    row |= _pace(row, keeper, len(chosen.train))
    objective = f"validation_{task.objective}"
    score, weights = row[objective], _snapshot(task, row)
    task.ranks.agree(f"the weights after {label}: their machines compute differently", keeper.digest)
    run.keep_weights(LAST, weights)
    is_best = progress.best is None or score < progress.best[objective]
    if is_best:
        run.keep_weights(BEST, weights)
    run.add(row, task.objective, task.unit)
    for line in epoch_lines(row, task.objective, is_best, training.epochs):
        run.say(line)
    improved = score < (1 - training.improvement) * progress.mark
    waited = 0 if improved else progress.waited + 1
    converged = training.patience and waited >= training.patience
    if converged:
        run.say(f"converged: {objective} has not improved in {waited} epochs")
    keeper.progress = Progress(
        epoch=progress.epoch + 1,
        best=row if is_best else progress.best,
        mark=score if improved else progress.mark,
        waited=waited,
        over=bool(converged) or progress.epoch >= training.epochs,
    )


def _diagnosis(task, data, chosen):
    """How the network is doing inside, on samples from all over the training set."""
    some = chosen.train[:: max(1, len(chosen.train) // EVALUATION_BATCH)][:EVALUATION_BATCH]
    images = data.images(some)
    norm = gradient_norm(task.graph, images, task.targets(some))
    return {"gradient_norm": norm, **activity(task.graph, images)}


def _pace(row, keeper, samples):
    """Seconds of the epoch, scores included, and images that were trained on per second of it."""
    seconds = time.perf_counter() - keeper.began
    return {"seconds": round(seconds, 2), "images_per_s": round(samples / seconds if row["epoch"] else 0, 1)}


def _scored(training, chosen, monitor_test):
    """The samples that are scored after every epoch, by name."""
    subset = np.random.default_rng(training.seed).permutation(chosen.train)[: len(chosen.validation)]
    sets = {"train": np.sort(subset), "validation": chosen.validation}
    return {**sets, "test": chosen.test} if monitor_test else sets


def _snapshot(task, row):
    graph = task.graph
    about = {"epoch": row["epoch"], "scores": row, "versions": versions_line()}
    return Weights(graph.task, graph.config, graph.network.get_weights(), task.scale, about)
