"""A network with its cost and its updates, compiled for the CPU: what detection and regression share."""

import numpy as np
import pytensor
import pytensor.tensor as pt

from pose3d.model import updates
from pose3d.model.network import IMAGE_SIDE

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
        self.targets = pt.tensor("targets", dtype=dtype, shape=(None, self.width))
        self.hyper = {
            name: pytensor.shared(np.asarray(getattr(config.training, name), dtype=dtype), name)
            for name in ("rate", "momentum", "decay")
        }
        self.trained = {  # by name, what a step changes
            name: param
            for name, param in network.params.items()
            if name.partition(".")[0] not in config.training.frozen
        }
        self.velocity = updates.velocities(self.trained)
        self._functions, self._update = {}, None  # compiled when they are first called

    def set_hyper(self, **values):
        """Set ``rate``, ``momentum`` or ``decay`` for the steps to come."""
        for name, value in values.items():
            self.hyper[name].set_value(np.asarray(value, dtype=self.config.network.dtype))

    def get_state(self):
        """What an update changes beside the weights: velocities by name, and dropout's generator's state."""
        velocity = {name: value.get_value() for name, value in self.velocity.items()}
        return velocity, self.network.dropout_rng.get_value(borrow=True).bit_generator.state

    def set_state(self, velocity, generator):
        """Take up what `get_state` gave.

        Raises
        ------
        ValueError
            If a name or a shape is not the network's.
        """
        if velocity.keys() != self.velocity.keys():
            raise ValueError(f"velocities of {', '.join(velocity)}, not of {', '.join(self.velocity)}")
        for name, value in velocity.items():
            mine = self.velocity[name]
            if value.shape != mine.get_value(borrow=True).shape:
                raise ValueError(f"the velocity of {name} has shape {value.shape}")
            mine.set_value(np.ascontiguousarray(value, dtype=mine.dtype))
        drawing = np.random.default_rng()
        drawing.bit_generator.state = generator
        self.network.dropout_rng.set_value(drawing)

    def outputs(self, raw):
        raise NotImplementedError

    def cost(self, raw, targets):
        raise NotImplementedError

    def _evaluate(self, images):
        raw, _ = self.network.output(images)
        return {"inputs": [self.targets], "outputs": [self.outputs(raw), self.cost(raw, self.targets)]}

    def _predict(self, images):
        raw, _ = self.network.output(images)
        return {"inputs": [], "outputs": self.outputs(raw)}

    def _step(self, images):
        raw, drawn = self.network.output(images, training=True)
        cost = self.cost(raw, self.targets)
        rules = updates.momentum_decay(
            cost, self.trained, self.velocity, **self.hyper, order=self.config.training.order
        )
        return {"inputs": [self.targets], "outputs": cost, "updates": {**drawn, **rules}}

    def _gradients(self, images):
        raw, drawn = self.network.output(images, training=True)
        cost = self.cost(raw, self.targets)
        found = pytensor.grad(cost, list(self.trained.values()))
        return {"inputs": [self.targets], "outputs": [cost, *found], "updates": drawn}

    def _activations(self, images):
        return {"inputs": [], "outputs": list(self.network.activations(images).values())}

    def _call(self, expressions, images, *others):
        """Call the compiled `expressions`, for bytes or for gray levels, whichever `images` are."""
        kind = np.uint8 if images.dtype == np.uint8 else self.config.network.dtype
        if (expressions, kind) not in self._functions:
            x = pt.tensor("images", dtype=kind, shape=(None, IMAGE_SIDE, IMAGE_SIDE))
            given = expressions(self._gray_levels(x))
            given["inputs"] = [x, *given["inputs"]]
            self._functions[expressions, kind] = pytensor.function(**given, mode=MODE)
        return self._functions[expressions, kind](np.ascontiguousarray(images, dtype=kind), *others)

    def _gray_levels(self, images):
        """Gray levels in [0, 1] in the network's type; bytes are divided by 255."""
        if images.dtype != "uint8":
            return images
        dtype = self.config.network.dtype
        return pt.cast(images, dtype) * np.asarray(1 / 255, dtype=dtype)

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
        return self._call(self._predict, images)

    def activations(self, images):
        """The outputs of all layers: dict of str to array, conv1-3 (N, H, W, C), fc1-3 (N, units)."""
        found = self._call(self._activations, images)
        return dict(zip(self.network.layers, found, strict=True))

    def evaluate(self, images, targets):
        """`predict`, and the minibatch's cost; no dropout, no change of weights."""
        outputs, cost = self._call(self._evaluate, images, self._targets(targets))
        return outputs, float(cost)

    def step(self, images, targets, whole=None):
        """One update on a minibatch, of all but the frozen layers; returns the cost before the update.

        Parameters
        ----------
        images : (N, 128, 128) array, bytes or gray levels in [0, 1]
        targets : (N, width) array
        whole : for graphs that several ranks share, of which this is none:
            `pose3d.training.data_parallel.SharedGraph`
        """
        return float(self._call(self._step, images, self._targets(targets)))

    def gradients(self, images, targets):
        """The first half of `step`: the cost, and by name its gradients for all but the frozen layers.

        Parameters are as for `step`; dropout draws anew, no weight changes.
        """
        cost, *found = self._call(self._gradients, images, self._targets(targets))
        return float(cost), dict(zip(self.trained, found, strict=True))

    def update(self, gradients):
        """The other half of `step`.

        Parameters
        ----------
        gradients : dict of str to array, as `gradients` gives them
        """
        if self._update is None:
            given = [param.type(f"{name}.gradient") for name, param in self.trained.items()]
            rules = updates.descent(
                given, self.trained, self.velocity, **self.hyper, order=self.config.training.order
            )
            self._update = pytensor.function(given, [], updates=rules, mode=MODE)
        self._update(*(gradients[name] for name in self.trained))
