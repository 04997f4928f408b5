"""The hand-written update rule of Eq. (7)-(8): a pure function from gradients to symbolic updates."""

import numpy as np

from pose3d.model.layers import parameter
from pose3d.ops.momentum import momentum_step


def zeros_like(params, what):
    """A zero array per parameter (dict of shared variables, named ``conv1.W.velocity``), by its name."""
    return {
        name: parameter(np.zeros_like(p.get_value(borrow=True)), f"{name}.{what}")
        for name, p in params.items()
    }


def momentum_decay(
    gradients, params, velocity, squares, learning_rate, momentum, weight_decay, share, order="new"
):
    """Gradient descent with momentum and weight decay, Eq. (7)-(8)::

        v := momentum * v - weight_decay * learning_rate * w - learning_rate * dcost/dw
        w := w + v

    With momentum = weight_decay = 0 this is plain gradient descent. With `squares`, which the report does not
    have, each weight's dcost/dw is first divided by its root mean square over the steps before. The
    gradients, in the order of `params`, are of a cost that is an average over the minibatch; the rate and the
    rest are shared scalars, which a run can change between two steps. `order` says which velocity is added to
    the weights: "new", Eq. (8), or "old", as in the original code. Returned is a dict of shared variable to
    expression.
    """
    updates = {}
    how = learning_rate, momentum, weight_decay, order
    for (name, w), gradient in zip(params.items(), gradients, strict=True):
        v, s = velocity[name], squares.get(name)
        new = momentum_step(w, v, gradient, *how, s, share)
        updates.update(zip((v, w, s), new, strict=False))  # without squares there is no third
    return updates
