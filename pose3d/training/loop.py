"""The training loop of both networks: from minibatches to updates, from epochs to weights."""

import numpy as np
from tqdm import tqdm

from pose3d.dataset.augmentation import draw
from pose3d.dataset.splits import minibatches
from pose3d.errors import UserError
from pose3d.model.weights import BEST, LAST, TrainedOn, Weights
from pose3d.training.diagnostics import activity, warnings
from pose3d.training.run_folder import epoch_line, versions_line
from pose3d.training.schedule import hyper

# A cost this many times that of the untrained network is no fluctuation.
DIVERGED = 100


def fit(task, split, state, run, saver, monitor_test=False):
    """Train until the epochs are over or the validation score stops improving; return the best epoch's row.

    Epoch 0 scores the untrained network. Training scores are those of a fixed random subset, as large as the
    validation set, with the epoch's final weights. The test subject is scored only with `monitor_test`; its
    score chooses nothing. `Stopped` by a signal, with a checkpoint; a `UserError` as of `train_epoch`.
    """
    scored = _scored(task.config.training, split, monitor_test)
    while not state.progress.is_over(task.config.training):
        state.begin_epoch(split.train)
        if epoch := state.progress.epoch:
            train_epoch(task, state, saver.pause, untrained_cost=run.rows[0]["train_cost"])
        with state.average.applied(epoch):
            row = score_epoch(task, state, scored, split.train, saver.pause)
            is_best = state.end_epoch(row, f"validation_{task.objective}")
            weights = _weights(task, split, row)
            run.save_weights(LAST, weights)
            if is_best:
                run.save_weights(BEST, weights)
        run.add_row(row, task)
        _log_epoch(run, task, state, is_best)
        saver.save()
    return state.progress.best


def train_epoch(task, state, pause=lambda: None, untrained_cost=np.inf):
    """Make a step with each minibatch of the epoch that is left; call ``pause()`` after it.

    A `UserError` if the cost becomes infinite, no number, or `DIVERGED` times that of the untrained network.
    """
    training, augmentation = task.config.training, task.config.augmentation
    with tqdm(
        total=len(state.progress.order), initial=state.done(), desc=f"epoch {state.progress.epoch}",
        unit=" images", leave=False, disable=None,
    ) as bar:  # fmt: skip
        for numbers in minibatches(state.left(), training.batch_size, task.prefetch):  # (n,) of samples
            drawn = draw(len(numbers), augmentation, state.augmentation_rng) if augmentation.active else None
            samples = task.samples(numbers, drawn)  # images (n, 128, 128), targets (n, width)
            task.graph.set_hyper(**hyper(training, *state.place()))
            cost, norm = task.graph.step(*samples)  # forward, gradients, update: Eq. (7)-(8)
            state.count(cost, norm, len(numbers))
            _check(state.progress.total, state.progress.epoch, DIVERGED * untrained_cost * state.done())
            bar.update(len(numbers))
            pause()


def score_epoch(task, state, scored, train, pause=lambda: None):
    """Score an epoch: its row of the learning curve.

    `scored` are the numbers of samples by the name of their set, `train` those of all training samples.
    """
    progress, epoch = state.progress, state.progress.epoch
    row = {"epoch": epoch, "cost": progress.total / len(progress.order) if epoch else None}
    for name, numbers in scored.items():
        found = evaluate(task, numbers, epoch, pause)
        row |= {f"{name}_{key}": value for key, value in found.items()}
    row["gradient_norm"] = progress.norms / progress.step if progress.step else None
    row |= activity(task.graph, task.some_images(train))
    seconds = state.seconds()
    row["seconds"] = round(seconds, 2)
    row["images_per_s"] = round(len(train) / seconds if epoch else 0, 1)
    return row


def evaluate(task, numbers, epoch, pause=lambda: None):
    """The cost and the scores of samples; a `UserError` if the cost is not finite.

    ``pause()`` is called after every minibatch; `epoch` is for the message.
    """
    totals = {}
    for part in minibatches(numbers, task.evaluation_batch, task.prefetch):
        samples = task.samples(part)
        outputs, cost = task.graph.evaluate(*samples)
        _check(cost, epoch)  # before these weights replace good ones
        found = {"cost": cost * len(outputs), **task.counts(outputs, samples.targets)}
        totals = {name: totals.get(name, 0) + value for name, value in found.items()}
        pause()
    return task.scores(totals, len(numbers))


def _check(cost, epoch, limit=np.inf):
    """A `UserError` if a cost is no number, or above its limit."""
    if not np.isfinite(cost):
        raise UserError(
            f"the cost became {cost} in epoch {epoch}: lower training.learning_rate; "
            "the weights of earlier epochs are kept"
        )
    if cost > limit:
        raise UserError(
            f"the cost in epoch {epoch} is more than {DIVERGED} times that of the untrained network: "
            "the run diverges; lower training.learning_rate; the weights of earlier epochs are kept"
        )


def _scored(training, split, monitor_test):
    """The samples that are scored after every epoch, by name."""
    # A stream of its own: that of the shuffling would choose the first samples of epoch 1.
    rng = np.random.default_rng([training.seed, 1])
    subset = rng.permutation(split.train)[: len(split.validation)]
    sets = {"train": np.sort(subset), "validation": split.validation}
    return {**sets, "test": split.test} if monitor_test else sets


def _weights(task, split, row):
    about = {"epoch": row["epoch"], "scores": row, "versions": versions_line()}
    subjects = (task.data.subjects_of(numbers) for numbers in (split.train, split.validation))
    trained_on = TrainedOn(task.data.origin, *subjects, task.init)
    return Weights(task.name, task.config, task.graph.network.get_weights(), trained_on, task.scale, about)


def _log_epoch(run, task, state, is_best):
    training, waited = task.config.training, state.progress.waited
    run.log(epoch_line(run.rows[-1], task.objective, is_best, training.epochs))
    for warning in warnings(run.rows):
        run.log(warning)
    if state.progress.is_converged(training):
        run.log(f"converged: validation_{task.objective} has not improved in {waited} epochs")
