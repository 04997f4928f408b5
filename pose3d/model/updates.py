"""The hand-written update rule of Eq. (7)-(8): a pure function from gradients to symbolic updates."""

import numpy as np

from pose3d.model.layers import parameter
from pose3d.ops.momentum import momentum_step


def velocities(params):
    """A velocity per parameter (dict of shared variables), zero at first, by the parameter's name."""
    return {
        name: parameter(np.zeros_like(p.get_value(borrow=True)), f"{name}.velocity")
        for name, p in params.items()
    }


def momentum_decay(gradients, params, velocity, learning_rate, momentum, weight_decay, order="new"):
    """Gradient descent with momentum and weight decay, Eq. (7)-(8)::

        v := momentum * v - weight_decay * learning_rate * w - learning_rate * dcost/dw
        w := w + v

    With momentum = weight_decay = 0 this is plain gradient descent. The gradients, in the order of `params`,
    are of a cost that is an average over the minibatch; the rate and the rest are shared scalars, which a run
    can change between two steps. `order` says which velocity is added to the weights: "new", Eq. (8), or
    "old", as in the original code. Returned is a dict of shared variable to expression.
    """
    updates = {}
    for (name, w), gradient in zip(params.items(), gradients, strict=True):
        new = momentum_step(w, velocity[name], gradient, learning_rate, momentum, weight_decay, order)
        updates[velocity[name]], updates[w] = new
    return updates
