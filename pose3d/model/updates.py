"""The hand-written update rules of Eq. (7)-(8): pure functions from a cost to a dict of updates."""

import numpy as np
import pytensor

from pose3d.ops import Update


def new_velocity(w, v, g, rate, momentum, decay):
    """Eq. (7) and (8): the weights take the new velocity."""
    v = momentum * v - (decay * rate) * w - rate * g
    return w + v, v


def old_velocity(w, v, g, rate, momentum, decay):
    """As the original code had it: the weights take the velocity of the step before."""
    return w + v, momentum * v - (decay * rate) * w - rate * g


RULES = {"new": new_velocity, "old": old_velocity}


def velocities(params):
    """A velocity per parameter, zero at first, by the parameter's name.

    Parameters
    ----------
    params : dict of str to shared variable
    """
    return {
        name: pytensor.shared(np.zeros_like(p.get_value(borrow=True)), f"{name}.velocity")
        for name, p in params.items()
    }


def momentum_decay(cost, params, velocity, rate, momentum, decay, order="new"):
    """Eq. (7)-(8)::

        v := momentum * v - decay * rate * w - rate * dcost/dw
        w := w + v

    With momentum = decay = 0 this is plain gradient descent.

    Parameters
    ----------
    cost : scalar tensor
        An average over the minibatch.
    params, velocity : dict of str to shared variable, same names
    rate, momentum, decay : shared scalars in the parameters' type, so that a run can change them
    order : "new" or "old"
        The rule: `new_velocity` or `old_velocity`.

    Returns
    -------
    dict of shared variable to expression, in the order of `params`
    """
    gradients = pytensor.grad(cost, list(params.values()))
    return descent(gradients, params, velocity, rate, momentum, decay, order)


def descent(gradients, params, velocity, rate, momentum, decay, order="new"):
    """`momentum_decay` of gradients that are already there: list of tensors, in the order of `params`."""
    updates = {}
    for (name, w), gradient in zip(params.items(), gradients, strict=True):
        v = velocity[name]
        new_w, new_v = Update(RULES[order])(w, v, gradient, rate, momentum, decay)
        updates |= {v: new_v, w: new_w}
    return updates
