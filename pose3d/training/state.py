"""What changes during a run beside weights and velocities: progress, generators, average and clock."""

import contextlib
import math
import time
from dataclasses import dataclass

import numpy as np


@dataclass
class Progress:
    """How far a run has come."""

    epoch: int = 0  # the current one; epoch 0 scores the network before any training
    step: int = 0  # minibatches of the epoch that are done
    order: np.ndarray | None = None  # (n,), the epoch's order of the training samples
    total: float = 0.0  # sum over this epoch of the samples' costs
    norms: float = 0.0  # sum over it of the steps' gradient norms
    seconds: float = 0.0  # spent on this epoch in earlier processes
    best: dict | None = None  # the row of the best epoch
    mark: float = float("inf")  # the validation score of the last improvement that counts
    waited: int = 0  # epochs since then

    def is_converged(self, training):
        """Whether the patience of the settings is used up."""
        return bool(training.patience) and self.waited >= training.patience

    def is_over(self, training):
        """Whether the run is complete."""
        return self.is_converged(training) or self.epoch > training.epochs


class State:
    """The state of a run that trains `graph`."""

    def __init__(self, graph):
        self.graph, self.training = graph, graph.config.training
        self.progress = Progress()
        self.average = WeightAverage(graph.network, self.training.average)
        self.shuffling_rng = np.random.default_rng(self.training.seed)
        self.augmentation_rng = np.random.default_rng(graph.config.augmentation.seed)
        self._began = time.perf_counter()  # when the epoch did, or would have without a stop

    @property
    def generators(self):
        """The states of the generators, by name."""
        return {
            "shuffling": self.shuffling_rng.bit_generator.state,
            "augmentation": self.augmentation_rng.bit_generator.state,
        }

    def begin_epoch(self, train):
        """Shuffle the training samples, unless a resumed epoch goes on. Epoch 0 trains with none."""
        progress = self.progress
        self._began = time.perf_counter() - progress.seconds
        if progress.epoch and progress.order is None:
            progress.order = self.shuffling_rng.permutation(train) if self.training.shuffle else train

    def done(self):
        """How many samples of the epoch a step was made with."""
        return min(self.progress.step * self.training.batch_size, len(self.progress.order))

    def left(self):
        """The others, in the epoch's order."""
        return self.progress.order[self.done() :]

    def place(self):
        """What is done after the coming step: epochs (float) and steps."""
        per_epoch = math.ceil(len(self.progress.order) / self.training.batch_size)
        epochs, steps = self.progress.epoch - 1, self.progress.step + 1
        return epochs + steps / per_epoch, epochs * per_epoch + steps

    def count(self, cost, norm, n):
        """Note what a step on `n` samples gave."""
        self.progress.total += cost * n  # the last minibatch may be short
        self.progress.norms += norm
        self.progress.step += 1

    def seconds(self):
        """Spent on the epoch so far."""
        return time.perf_counter() - self._began

    def end_epoch(self, row, score):
        """Go on to the next epoch; whether this one, of the curve's `row`, is the best so far.

        `score` names what must be low.
        """
        before, found = self.progress, row[score]
        is_best = before.best is None or found < before.best[score]
        improved = found < (1 - self.training.improvement) * before.mark
        self.progress = Progress(
            epoch=before.epoch + 1,
            best=row if is_best else before.best,
            mark=found if improved else before.mark,
            waited=0 if improved else before.waited + 1,
        )
        self._began = time.perf_counter()
        return is_best


class WeightAverage:
    """The mean of a network's weights at the ends of epochs, which is what an epoch scores and saves.

    At a constant learning rate the weights of single epochs scatter around it. Training goes on with the
    weights themselves. For the first `epochs` epochs (0: no mean) the mean is that of all; later each new
    epoch counts as one of `epochs`, an exponential mean. `mean` holds the arrays by name, of the epochs that
    are complete; it is empty before the first.
    """

    def __init__(self, network, epochs):
        self._network, self._epochs = network, epochs
        self.mean, self._trained = {}, None

    @contextlib.contextmanager
    def applied(self, epoch):
        """Give the network the mean that includes this epoch; it is kept if the block ends without error."""
        if not (self._epochs and epoch):
            yield
            return
        self._trained = self._network.get_weights()
        share = 1 / min(epoch, self._epochs)
        mean = dict(self._trained)
        for name, past in self.mean.items():
            mean[name] = past + past.dtype.type(share) * (mean[name] - past)
        self._network.set_weights(mean)
        try:
            yield
        finally:
            self._network.set_weights(self._trained)
            self._trained = None
        self.mean = mean

    def trained(self):
        """The weights that training goes on with, by name, whether the mean is applied or not."""
        return self._network.get_weights() if self._trained is None else self._trained
