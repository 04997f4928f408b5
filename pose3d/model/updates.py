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
    have, each weight's dcost/dw is first divided by its root mean square over the steps before.

    Parameters
    ----------
    gradients : list of tensors, in the order of `params`
        Of a cost that is an average over the minibatch.
    params, velocity, squares : dict of str to shared variable, same names; `squares` may be empty
    learning_rate, momentum, weight_decay, share : shared scalars in the parameters' type
        A run can change them between two steps. `share` is that of the step in the mean squares.
    order : "new" or "old"
        The velocity added to the weights: the new one, Eq. (8), or the old one, as in the original code.

    Returns
    -------
    dict of shared variable to expression, in the order of `params`
    """
    updates = {}
    numbers = learning_rate, momentum, weight_decay, order
    for (name, w), gradient in zip(params.items(), gradients, strict=True):
        state = [velocity[name], w, *([squares[name]] if squares else [])]
        new = momentum_step(w, velocity[name], gradient, *numbers, squares.get(name), share)
        updates.update(zip(state, new, strict=True))
    return updates
