"""A network with its cost and its updates, compiled for the CPU: what detection and regression share."""

import functools
import threading

import numpy as np
import pytensor
import pytensor.tensor as pt

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.model import updates
from pose3d.ops.kernels.parts import refuse_fork
from pose3d.ops.linker import NODES
from pose3d.ops.matmul import norm

# Named where functions are compiled, so that no user's configuration changes what runs.
MODE = NODES
_SETTINGS = ("learning_rate", "momentum", "weight_decay")
HYPERPARAMETERS = (*_SETTINGS, "share")  # of a step's gradient in the mean squares
# The compiled `Graph.predict` by what decides it. The weights are among its inputs, because compiled code is
# never freed: every network that is loaded, perhaps hundreds in one process, would leave 20 MB behind.
_PREDICT = {}
# A compiled function holds its arguments while it runs, and each call has all cores: threads take turns.
_LOCK = threading.RLock()


def _in_turns(method):
    """Let calls from several threads wait for each other."""

    @functools.wraps(method)
    def call(*args, **others):
        refuse_fork()  # where the lock may be one that nobody gives back
        with _LOCK:
            return method(*args, **others)

    return call


class Graph:
    """The symbolic variables of one task and its functions, each compiled when it is first called.

    Calls from several threads take turns. A process that was forked after a call cannot call any graph: start
    it by multiprocessing's "spawn". A pickled graph compiles anew.

    A subclass builds `network` and defines ``outputs(raw)``, what fc3's values mean to the user,
    ``mirrored(outputs)``, those that the mirror images should have, and ``cost(raw, targets)``. The dicts
    `velocity` and `squares` (empty, unless the settings scale gradients), by the names of the parameters, and
    `hyper`, by `HYPERPARAMETERS`, are of shared variables.
    """

    task = None
    width = None  # numbers per target
    scale_state = ()  # shared variables beside the weights that `outputs` needs

    def __init__(self, config, network):
        self.config, self.network = config, network
        dtype = config.network.dtype
        self.targets = pt.tensor("targets", dtype=dtype, shape=(None, self.width))
        numbers = [*(getattr(config.training, name) for name in _SETTINGS), 1]
        self.hyper = {
            name: pytensor.shared(np.asarray(number, dtype=dtype), name)
            for name, number in zip(HYPERPARAMETERS, numbers, strict=True)
        }
        self.velocity = updates.zeros_like(network.params, "velocity")
        self.squares = updates.zeros_like(network.params, "squares") if config.training.rms_steps else {}
        self._functions = {}  # the compiled ones, by name and type of the images

    def __getstate__(self):
        return {**self.__dict__, "_functions": {}}

    def set_hyper(self, **values):
        """Set any of `HYPERPARAMETERS` for the steps to come."""
        for name, value in values.items():
            self.hyper[name].set_value(np.asarray(value, dtype=self.config.network.dtype))

    def get_state(self):
        """What a step changes beside weights: velocities and squares by name, the state of dropout's rng."""
        arrays = {name: array.get_value() for name, array in self._state().items()}
        return arrays, self.network.dropout_rng.get_value(borrow=True).bit_generator.state

    def _state(self):
        squares = {f"{name}.squares": value for name, value in self.squares.items()}
        return {**self.velocity, **squares}

    def set_state(self, arrays, generator):
        """Restore what `get_state` returned; ValueError if a name or a shape is not the network's."""
        own = self._state()
        if arrays.keys() != own.keys():
            raise ValueError(f"velocities of {', '.join(arrays)}, not of {', '.join(own)}")
        for name, value in arrays.items():
            mine = own[name]
            if value.shape != mine.get_value(borrow=True).shape:
                raise ValueError(f"the velocity of {name} has shape {value.shape}")
            mine.set_value(np.ascontiguousarray(value, dtype=mine.dtype))
        drawing = np.random.default_rng()
        drawing.bit_generator.state = generator
        self.network.dropout_rng.set_value(drawing)

    @_in_turns
    def predict(self, images):
        """The outputs, (N, width), for images (N, 128, 128), bytes or gray levels in [0, 1]."""
        kind = self._kind(images)
        choices = self.config.network.activation, self.config.detection.readout, self.config.regression.last
        state = [*self.network.params.values(), *self.scale_state]
        key = type(self), *(value.type for value in state), *choices, kind
        if key not in _PREDICT:
            given = [value.type(value.name) for value in state]
            x, gray = self._images(kind)
            raw, _ = self.network.output(gray)
            replaced = dict(zip(state, given, strict=True))
            _PREDICT[key] = pytensor.function([x, *given], self.outputs(raw), givens=replaced, mode=MODE)
        values = (value.get_value(borrow=True) for value in state)
        return _PREDICT[key](np.ascontiguousarray(images, dtype=kind), *values)

    def predict_mirrored(self, images):
        """`predict`, averaged over the images and their mirror images, whose outputs are mirrored back."""
        turned = self.predict(np.asarray(images)[..., ::-1])
        return (self.predict(images) + self.mirrored(turned)) / 2

    def activations(self, images):
        """The outputs of all layers: dict of str to array, conv1-3 (N, H, W, C), fc1-3 (N, units)."""
        return dict(zip(self.network.layers, self._call("activations", images), strict=True))

    def evaluate(self, images, targets):
        """`predict`, and the minibatch's cost; no dropout, no change of weights."""
        outputs, cost = self._call("evaluate", images, self._as_targets(targets))
        return outputs, float(cost)

    def step(self, images, targets):
        """One update, Eq. (7)-(8), on a minibatch.

        Parameters
        ----------
        images : (N, 128, 128) array, bytes or gray levels in [0, 1]
        targets : (N, width) array

        Returns
        -------
        cost : float, before the update
        norm : float, the Euclidean norm of the cost's gradient, all parameters together
        """
        cost, length = self._call("step", images, self._as_targets(targets))
        return float(cost), float(length)

    def gradients(self, images, targets):
        """The first half of `step`: the cost, and its gradients by the names of the parameters.

        Parameters are as for `step`; dropout draws anew, no weight changes.
        """
        cost, *found = self._call("gradients", images, self._as_targets(targets))
        return float(cost), dict(zip(self.network.params, found, strict=True))

    @_in_turns
    def update(self, gradients):
        """The other half of `step`: apply gradients (dict by name, as of `gradients`), return their norm."""
        if "update" not in self._functions:
            given = [param.type(f"{name}.gradient") for name, param in self.network.params.items()]
            changes = self._descent(given)
            self._functions["update"] = pytensor.function(given, norm(given), updates=changes, mode=MODE)
        return float(self._functions["update"](*(gradients[name] for name in self.network.params)))

    def _described(self, name, images):
        """Of a function of images: inputs beside them, outputs, and what a call changes."""
        if name == "activations":
            return [], list(self.network.activations(images).values()), {}
        raw, drawn = self.network.output(images, training=name != "evaluate")
        cost = self.cost(raw, self.targets)
        if name == "evaluate":
            return [self.targets], [self.outputs(raw), cost], {}
        gradients = pytensor.grad(cost, list(self.network.params.values()))
        if name == "gradients":
            return [self.targets], [cost, *gradients], drawn
        return [self.targets], [cost, norm(gradients)], {**drawn, **self._descent(gradients)}

    def _descent(self, gradients):
        params, order = self.network.params, self.config.training.order
        return updates.momentum_decay(
            gradients, params, self.velocity, self.squares, **self.hyper, order=order
        )

    @_in_turns
    def _call(self, name, images, *others):
        """Call a function of `_described`, compiled for bytes or for gray levels, whichever `images` are."""
        kind = self._kind(images)
        if (name, kind) not in self._functions:
            x, gray = self._images(kind)
            inputs, outputs, changes = self._described(name, gray)
            self._functions[name, kind] = pytensor.function([x, *inputs], outputs, updates=changes, mode=MODE)
        with np.errstate(over="ignore"):  # a cost that overflows is infinite, as the loop will say
            return self._functions[name, kind](np.ascontiguousarray(images, dtype=kind), *others)

    def _kind(self, images):
        """The type in which a compiled function takes these images."""
        return "uint8" if images.dtype == np.uint8 else self.config.network.dtype

    def _images(self, kind):
        """Images of this type, and the same as gray levels in [0, 1] in the network's type."""
        images = pt.tensor("images", dtype=kind, shape=(None, IMAGE_SIDE, IMAGE_SIDE))
        dtype = self.config.network.dtype
        is_gray = kind != "uint8"
        return images, images if is_gray else pt.cast(images, dtype) * np.asarray(1 / 255, dtype=dtype)

    def _as_targets(self, targets):
        return np.ascontiguousarray(targets, dtype=self.config.network.dtype)
