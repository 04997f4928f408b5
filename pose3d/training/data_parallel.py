"""Data-parallel training: one wrapper around data and graph, by which MPI ranks share every minibatch."""

import hashlib
from typing import NamedTuple

import numpy as np


def data_parallel(task, ranks):
    """The `Task` as `ranks` train it, with the same weights on each: itself, if there is only one rank."""
    return task if ranks.size == 1 else DataParallelTask(task, ranks)


class Share(NamedTuple):
    """One rank's part of a minibatch, perhaps empty."""

    images: np.ndarray  # (n, 128, 128) uint8
    targets: np.ndarray  # (n, width)
    whole: int  # samples of the minibatch, those of all ranks together


class _Wrapper:
    """In all that a subclass does not say, what it wraps."""

    def __init__(self, wrapped, ranks):
        self.wrapped, self.ranks = wrapped, ranks

    def __getattr__(self, name):
        if name.startswith("__"):  # which pickle asks for before anything is wrapped
            raise AttributeError(name)
        return getattr(self.wrapped, name)


class DataParallelTask(_Wrapper):
    """A `Task` of which every rank reads its share of the samples; in all else the task itself."""

    def __init__(self, task, ranks):
        super().__init__(task, ranks)
        self.graph = DataParallelGraph(task.graph, ranks)
        self.evaluation_batch = ranks.size * task.evaluation_batch

    def prefetch(self, numbers):
        self.wrapped.prefetch(numbers[self.ranks.share(len(numbers))])

    def samples(self, numbers, drawn=None):
        """This rank's `Share`. All ranks draw for all samples, so that no draw depends on their number."""
        mine = self.ranks.share(len(numbers))
        drawn = drawn and [values[mine] for values in drawn]
        return Share(*self.wrapped.samples(numbers[mine], drawn), len(numbers))

    def scores(self, totals, n):
        """The scores of all ranks' samples; a `UserError` if their weights are not the same."""
        self.ranks.agree("their weights: the machines compute differently", self.graph.digest)
        return self.wrapped.scores(self.ranks.total(totals), n)


class DataParallelGraph(_Wrapper):
    """A `Graph` whose steps all ranks take together; in all else the graph itself.

    The mean over a minibatch is the mean over each rank's share, weighted by its size. So the ranks add up
    their shares' weighted gradients, one message of all of them and the cost, and the update that follows is
    computed by every rank from the same numbers to the same weights.
    """

    def __init__(self, graph, ranks):
        super().__init__(graph, ranks)
        values = [param.get_value(borrow=True) for param in graph.network.params.values()]
        # One contiguous array: all gradients, then the cost.
        self._message = np.zeros(sum(value.size for value in values) + 1, graph.config.network.dtype)
        if ranks.rank:  # rank 0 draws as a single process does, the others each in a way of its own
            seeds = graph.config.network.seed, ranks.rank
            graph.network.dropout_rng.set_value(np.random.default_rng(seeds))

    def step(self, images, targets, whole):
        """As `Graph.step`, on the parts of a `Share`; the result is the same on every rank."""
        parts, weight = self._gradients(), len(images) / whole
        self._message[:] = 0
        if len(images):
            cost, gradients = self.wrapped.gradients(images, targets)
            for name, gradient in gradients.items():
                np.multiply(gradient, weight, out=parts[name])
            self._message[-1] = weight * cost
        self.ranks.add_up(self._message)
        return float(self._message[-1]), self.wrapped.update(parts)

    def _gradients(self):
        """The gradients in the message, by the names of the parameters: views of it."""
        parts, first = {}, 0
        for name, param in self.network.params.items():
            value = param.get_value(borrow=True)
            parts[name] = self._message[first : first + value.size].reshape(value.shape)
            first += value.size
        return parts

    def evaluate(self, images, targets, whole):
        """As `Graph.evaluate`, on the parts of a `Share`, for this rank alone."""
        return self.wrapped.evaluate(images, targets) if len(images) else (targets, 0.0)

    def get_state(self):
        """As `Graph.get_state`, with a list of the states of all ranks' generators."""
        velocity, dropout = self.wrapped.get_state()
        return velocity, self.ranks.everyones(dropout)

    def digest(self, *more):
        """A hash of weights, velocities, and the repr of what else must be the same on all ranks: str."""
        digest = hashlib.sha256(repr(more).encode())
        for value in (*self.network.get_weights().values(), *self.wrapped.get_state()[0].values()):
            digest.update(np.ascontiguousarray(value))
        return digest.hexdigest()


def dropout_state(found, rank):
    """The state of dropout's generator for a rank that resumes a `Checkpoint`: its own, if it has one."""
    states = found.generators["dropout"]
    states = states if isinstance(states, list) else [states]  # a single process stores it bare
    if rank < len(states):
        return states[rank]
    # Never what a rank drew before: the seeds name the place in the run as well.
    seeds = found.config.network.seed, rank, found.progress.epoch, found.progress.step
    return np.random.default_rng(seeds).bit_generator.state
