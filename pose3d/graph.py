"""A network with its cost and its updates, compiled for the CPU: what detection and regression share."""

from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt

from pose3d import updates
from pose3d.network import IMAGE_SIDE

# Named where functions are compiled, so that no user's configuration changes what runs.
MODE = "NUMBA"


class Graph:
    """The symbolic variables of one task and, once asked for, its compiled functions.

    A subclass sets `task`, `width` (numbers per target) and builds `network`; it defines
    ``outputs(raw)``, what fc3's values mean to the user, and ``cost(raw, targets)``.

    Parameters
    ----------
    config : pose3d.config.Config
    """

    task = None
    width = None

    def __init__(self, config, network):
        self.config, self.network = config, network
        dtype = config.network.dtype
        self.images = pt.tensor("images", dtype=dtype, shape=(None, IMAGE_SIDE, IMAGE_SIDE))
        self.targets = pt.tensor("targets", dtype=dtype, shape=(None, self.width))
        self.hyper = {
            name: pytensor.shared(np.asarray(getattr(config.training, name), dtype=dtype), name)
            for name in ("rate", "momentum", "decay")
        }
        self.velocity = updates.velocities(network.params)

    def outputs(self, raw):
        raise NotImplementedError

    def cost(self, raw, targets):
        raise NotImplementedError

    @cached_property
    def _evaluate(self):
        raw, _ = self.network.output(self.images)
        outputs = [self.outputs(raw), self.cost(raw, self.targets)]
        return pytensor.function([self.images, self.targets], outputs, mode=MODE)

    @cached_property
    def _predict(self):
        raw, _ = self.network.output(self.images)
        return pytensor.function([self.images], self.outputs(raw), mode=MODE)

    @cached_property
    def _step(self):
        raw, drawn = self.network.output(self.images, training=True)
        cost = self.cost(raw, self.targets)
        rules = updates.momentum_decay(
            cost, self.network.params, self.velocity, **self.hyper, order=self.config.training.order
        )
        return pytensor.function([self.images, self.targets], cost, updates={**drawn, **rules}, mode=MODE)

    def _images(self, images):
        """Gray levels in [0, 1] in the network's type; bytes are divided by 255."""
        dtype = self.config.network.dtype
        if images.dtype == np.uint8:
            return np.multiply(images, np.dtype(dtype).type(1 / 255), dtype=dtype)
        return np.ascontiguousarray(images, dtype=dtype)

    def _targets(self, targets):
        return np.ascontiguousarray(targets, dtype=self.config.network.dtype)

    def predict(self, images):
        """What the network says of a minibatch.

        Parameters
        ----------
        images : (N, 128, 128) array, bytes or gray levels in [0, 1]

        Returns
        -------
        (N, width) array
        """
        return self._predict(self._images(images))

    def evaluate(self, images, targets):
        """`predict`, and the minibatch's cost; no dropout, no change of weights."""
        outputs, cost = self._evaluate(self._images(images), self._targets(targets))
        return outputs, float(cost)

    def step(self, images, targets):
        """One update of all parameters on a minibatch; returns its cost before the update.

        Parameters
        ----------
        images : (N, 128, 128) array, bytes or gray levels in [0, 1]
        targets : (N, width) array
        """
        return float(self._step(self._images(images), self._targets(targets)))
