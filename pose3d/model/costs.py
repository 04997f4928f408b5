"""The two costs of the report, Eq. (2) and (4)-(6), averaged over the minibatch as Eq. (7) asks."""

import pytensor.tensor as pt

from pose3d.ops.activations import softplus, tanh
from pose3d.skeleton import N_JOINTS

# The read-out h(z) is sigmoid(gain * z); (1 + tanh z) / 2 is sigmoid(2 z).
READOUT_GAINS = {"tanh": 2, "sigmoid": 1}


def batch_size(x):
    """Samples in `x`, in x's own float type (a plain shape would make the cost float64)."""
    return pt.cast(x.shape[0], x.dtype)


def window_probabilities(logits, readout="tanh"):
    """The predicted labels h of Eq. (4): (1 + tanh z) / 2, or the logistic of the original code."""
    return (1 + tanh(READOUT_GAINS[readout] / 2 * logits)) / 2


def cross_entropies(logits, labels, readout="tanh"):
    """Eq. (4) for every window, written through softplus so that no logit overflows.

    ``-h log p - (1 - h) log(1 - p) = softplus(s z) - h s z`` for ``p = sigmoid(s z)``. The logits z, fc3
    before any activation, and labels h, zeros and ones, are (N, 1700); `readout` is "tanh" or "sigmoid".
    """
    scaled = READOUT_GAINS[readout] * logits
    return softplus(scaled) - labels * scaled


def detection_cost(logits, labels, readout="tanh"):
    """Eq. (5): half the sum over joints and windows, averaged over the minibatch."""
    return cross_entropies(logits, labels, readout).sum() / (2 * batch_size(logits))


def squared_cost(outputs, targets):
    """Eq. (2) and (6): half the squared distance over all joints, averaged over the minibatch."""
    return ((outputs - targets) ** 2).sum() / (2 * batch_size(outputs))


def joint_distances(outputs, targets):
    """Distance of every joint, (N, 17), with gradient zero where it is zero.

    The pelvis is at distance zero always, where a plain norm's gradient is not a number.
    """
    squares = ((outputs - targets) ** 2).reshape((-1, N_JOINTS, 3)).sum(axis=2)
    apart = squares > 0
    return pt.sqrt(pt.switch(apart, squares, pt.ones_like(squares))) * apart


def mpjpe_cost(outputs, targets):
    """Eq. (9) itself, which the original code minimised."""
    return joint_distances(outputs, targets).sum() / (N_JOINTS * batch_size(outputs))
