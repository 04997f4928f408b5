"""Data-parallel training steps: each rank's gradients, their sum, the same update on all ranks."""

import numpy as np

from pose3d.io.ranks import ALONE


def data_parallel(graph, ranks=ALONE):
    """The graph as `ranks` train it, with the same weights on each: itself, if there is only one rank."""
    return graph if ranks.size == 1 else DataParallelGraph(graph, ranks)


class DataParallelGraph:
    """A `Graph` whose steps all ranks take together; in all else the graph itself.

    The mean over a minibatch is the mean over each rank's share, weighted by its size. So the ranks add up
    their shares' weighted gradients, one message of all of them and the cost, and the update that follows is
    computed by every rank from the same numbers to the same weights.
    """

    def __init__(self, graph, ranks):
        self.graph, self.ranks = graph, ranks
        shapes = {name: param.get_value(borrow=True).shape for name, param in graph.network.params.items()}
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes.values()])
        # One contiguous array, the cost its last number; the gradients are views of it.
        self._message = np.zeros(ends[-1] + 1, graph.config.network.dtype)
        parts = np.split(self._message[:-1], ends[:-1])
        self._gradients = {
            name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        if ranks.rank:  # rank 0 draws as a single process does, the others each in a way of its own
            seeds = graph.config.network.seed, ranks.rank
            graph.network.dropout_rng.set_value(np.random.default_rng(seeds))

    def __getattr__(self, name):
        return getattr(self.graph, name)

    def step(self, images, targets, whole=None):
        """As `Graph.step`, on a minibatch that the ranks share; the result is the same on every rank.

        Images and targets are this rank's share, which may be empty, of the `whole` (int) minibatch; None:
        all ranks hold the whole one, and take their shares of it here.
        """
        if whole is None:
            whole, mine = len(images), self.ranks.share(len(images))
            images, targets = images[mine], targets[mine]
        self._collect(images, targets, len(images) / whole)
        self.ranks.add_up(self._message)
        norm = self.graph.update(self._gradients)
        return float(self._message[-1]), norm

    def _collect(self, images, targets, weight):
        """Write the share's weighted gradients and cost into the message."""
        if not len(images):
            self._message[:] = 0
            return
        cost, gradients = self.graph.gradients(images, targets)
        for name, gradient in gradients.items():
            np.multiply(gradient, weight, out=self._gradients[name])
        self._message[-1] = weight * cost
