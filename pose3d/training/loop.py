"""The training loop for both networks: epochs, validation, the best weights, checkpoints."""

import math
import time

import numpy as np
from tqdm import tqdm

from pose3d.dataset.augmentation import draw
from pose3d.dataset.splits import minibatches
from pose3d.errors import UserError
from pose3d.io.processes import Signals
from pose3d.io.ranks import ALONE
from pose3d.model.weights import BEST, LAST, TrainedOn, Weights
from pose3d.training.checkpoint import Progress
from pose3d.training.checkpointer import Checkpointer
from pose3d.training.diagnostics import activity, warnings
from pose3d.training.run_folder import epoch_line, versions_line
from pose3d.training.schedule import learning_rate

EVALUATION_BATCH = 128
# A cost this many times that of the untrained network is no fluctuation.
DIVERGED = 100


def fit(task, split, run, monitor_test=False, resumed=None):
    """Train until the epochs are over or the validation score stops improving; return the best epoch's row.

    Epoch 0 scores the untrained network. Training scores are those of a fixed random subset, as large as the
    validation set, with the epoch's final weights. The test subject is scored only with `monitor_test`; its
    score chooses nothing. `resumed` is a `Checkpoint`, or None for a new run.

    Raises
    ------
    Stopped
        by SIGINT or SIGTERM, after the current minibatch and with a checkpoint
    UserError
        if the cost is not finite or diverges, or the checkpoint is of other data
    """
    with Signals() as signals:
        checkpoints = Checkpointer(task, split, run, signals, monitor_test)
        if resumed is not None:
            checkpoints.restore(resumed)
        task.ranks.agree("their files, settings, versions or initial weights", checkpoints.digest)
        run.log(split.summary)
        run.log(f"cost: {task.cost_name}, mean of an epoch's steps; {task.objective}: {task.unit}")
        try:
            while not checkpoints.progress.is_over(task.config.training):
                _epoch(task, split, run, checkpoints, monitor_test)
                checkpoints.save()
        except BaseException:
            run.draw_curve(task, failing=True)
            raise
        run.draw_curve(task)
    return checkpoints.progress.best


def _epoch(task, split, run, checkpoints, monitor_test):
    """Train for one epoch, score it, save the weights; leaves the progress of the next epoch."""
    progress, epoch = checkpoints.progress, checkpoints.progress.epoch
    checkpoints.start_clock()
    if epoch == 0:
        run.log("compiling: some ten seconds the first time, seconds after that")
        row = {"epoch": 0, "cost": None}
    else:
        if progress.order is None:
            progress.order = checkpoints.shuffled(split.train)
        train_epoch(
            task, progress, run.rows[0]["train_cost"], checkpoints.pause, checkpoints.augmentation_rng
        )
        row = {"epoch": epoch, "cost": progress.total / len(progress.order)}
    with checkpoints.average.applied(epoch):
        for name, indices in _scored(task.config.training, split, monitor_test).items():
            found = evaluate(task, indices, epoch, checkpoints.pause)
            row |= {f"{name}_{key}": value for key, value in found.items()}
        row["gradient_norm"] = progress.norms / progress.step if progress.step else None
        row |= _activity(task, split)
        seconds = time.perf_counter() - checkpoints.epoch_began
        row["seconds"] = round(seconds, 2)
        row["images_per_s"] = round(len(split.train) / seconds if epoch else 0, 1)
        task.ranks.agree(
            f"the weights after epoch {epoch}: their machines compute differently", checkpoints.digest
        )

        score = row[f"validation_{task.objective}"]
        is_best = progress.best is None or score < progress.best[f"validation_{task.objective}"]
        weights = _snapshot(task, split, row)
        run.save_weights(LAST, weights)
        if is_best:
            run.save_weights(BEST, weights)
    run.add_row(row, task)
    run.log(epoch_line(row, task.objective, is_best, task.config.training.epochs))
    for warning in warnings(run.rows):
        run.log(warning)
    checkpoints.progress = _next(task, progress, row, score, is_best)
    if checkpoints.progress.is_converged(task.config.training):
        run.log(
            f"converged: validation_{task.objective} has not improved in {checkpoints.progress.waited} epochs"
        )


def train_epoch(task, progress, untrained_cost=np.inf, pause=lambda: None, rng=None):
    """One pass over the samples in the order of `progress`, which is kept up to date, from its step on.

    ``pause()`` is called after every step; `rng` is for augmentation only. A `UserError` if the cost becomes
    infinite, not a number, or `DIVERGED` times that of the untrained network.
    """
    training, order, epoch = task.config.training, progress.order, progress.epoch
    batch_size = training.batch_size
    done, steps = progress.step * batch_size, math.ceil(len(order) / batch_size)
    bar = tqdm(
        total=len(order), initial=done, desc=f"epoch {epoch}", unit=" images", leave=False,
        disable=None if task.ranks.rank == 0 else True,
    )  # fmt: skip
    with bar:
        for batch in _prefetched(task.data, minibatches(order[done:], batch_size), task.ranks):
            if training.warmup or training.decay:
                place = epoch - 1 + (progress.step + 1) / steps
                task.graph.set_hyper(learning_rate=learning_rate(training, place))
            cost, norm = task.graph.step(*_samples(task, batch, rng), len(batch))
            progress.total += cost * len(batch)  # the last minibatch may be short
            progress.norms += norm
            progress.step += 1
            bar.update(len(batch))
            _check_finite(progress.total, epoch)
            if progress.total > DIVERGED * untrained_cost * min(progress.step * batch_size, len(order)):
                raise UserError(
                    f"the cost in epoch {epoch} is more than {DIVERGED} times that of the untrained network: "
                    "the run diverges; lower training.learning_rate; the weights of earlier epochs are kept"
                )
            pause()


def evaluate(task, indices, epoch, pause=lambda: None):
    """The cost and the scores of the samples with these numbers; a `UserError` if the cost is not finite.

    ``pause()`` is called after every minibatch; `epoch` is for the message.
    """
    totals, cost, ranks = {}, 0.0, task.ranks
    for batch in _prefetched(task.data, minibatches(indices, EVALUATION_BATCH * ranks.size), ranks):
        mine = batch[ranks.share(len(batch))]
        if len(mine):
            outputs, batch_cost = task.graph.evaluate(task.data.images(mine), task.targets(mine))
            cost += batch_cost * len(mine)
            if np.isfinite(cost):  # else there is nothing to count: the sum below ends the run on every rank
                for name, count in task.counts(outputs, mine).items():
                    totals[name] = totals.get(name, 0) + count
        pause()
    totals = ranks.total({**totals, "cost": cost})
    cost = totals.pop("cost") / len(indices)
    _check_finite(cost, epoch)  # before these weights replace good ones
    return {"cost": cost, **task.scores(totals, len(indices), cost)}


def _prefetched(data, batches, ranks=ALONE):
    """Yield minibatches; before each, prefetch this rank's share of the next one."""
    current = None
    for following in batches:
        data.prefetch(following[ranks.share(len(following))])
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current


def _samples(task, batch, rng):
    """This rank's share of a minibatch's images and targets, augmented if the settings ask for it."""
    share, settings = task.ranks.share(len(batch)), task.config.augmentation
    mine = batch[share]
    images = task.data.images(mine)
    if not settings.active:
        return images, task.targets(mine)
    # Every rank draws for the whole minibatch: a sample's draw must not depend on the number of ranks.
    return task.augmented(images, mine, *(drawn[share] for drawn in draw(len(batch), settings, rng)))


def _scored(training, split, monitor_test):
    """The samples that are scored after every epoch, by name."""
    # A stream of its own: that of the shuffling would choose the first samples of epoch 1.
    rng = np.random.default_rng([training.seed, 1])
    subset = rng.permutation(split.train)[: len(split.validation)]
    sets = {"train": np.sort(subset), "validation": split.validation}
    return {**sets, "test": split.test} if monitor_test else sets


def _activity(task, split):
    """What the layers do with samples from all over the training set."""
    some = split.train[:: max(1, len(split.train) // EVALUATION_BATCH)][:EVALUATION_BATCH]
    return activity(task.graph, task.data.images(some))


def _snapshot(task, split, row):
    about = {"epoch": row["epoch"], "scores": row, "versions": versions_line()}
    subjects = (task.data.subjects_of(indices) for indices in (split.train, split.validation))
    trained_on = TrainedOn(task.data.origin, *subjects, task.init)
    return Weights(task.name, task.config, task.graph.network.get_weights(), trained_on, task.scale, about)


def _next(task, progress, row, score, is_best):
    """Where the next epoch begins."""
    training = task.config.training
    improved = score < (1 - training.improvement) * progress.mark
    return Progress(
        epoch=progress.epoch + 1,
        best=row if is_best else progress.best,
        mark=score if improved else progress.mark,
        waited=0 if improved else progress.waited + 1,
    )


def _check_finite(cost, epoch):
    if not np.isfinite(cost):
        raise UserError(
            f"the cost became {cost} in epoch {epoch}: lower training.learning_rate; "
            "the weights of earlier epochs are kept"
        )
