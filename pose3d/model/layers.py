"""The two kinds of layer: fused convolution-pooling and dense.

A layer declares each parameter once, under ``<layer name>.<W or b>``; saving and
transferring weights go by that name.
"""

import numpy as np
import pytensor
import pytensor.tensor as pt

from pose3d.ops.activations import tanh
from pose3d.ops.conv_pool import conv_pool
from pose3d.ops.matmul import dot
from pose3d.ops.shapes import POOL


def relu(z):
    """``max(z, 0)``, with gradient 0 at 0, as the convolution layers have it; NaN stays NaN."""
    # The least number times 0 is 0, -inf times 0 is NaN. A `switch` is laid out otherwise in memory, so that
    # sums over it round differently: it would change the last bits of trained weights.
    return pt.maximum(z, np.finfo(z.dtype).min) * (z > 0)


ACTIVATIONS = {"identity": lambda z: z, "tanh": tanh, "relu": relu}


def glorot(rng, shape, fan_in, fan_out, dtype):
    """Initial weights, uniform in +-sqrt(6 / (fan_in + fan_out)), as in the original.

    The layers of a network draw from one generator, `rng`, in layer order.
    """
    bound = np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape).astype(dtype)


def parameter(value, name):
    """A shared variable of static shape, so that PyTensor knows an axis of length 1 from a broadcast."""
    return pytensor.shared(value, name, shape=value.shape)


class _Layer:
    """Weights, biases, and the names they are saved under."""

    def __init__(self, name, weights, n_biases):
        self.name = name
        self.W = parameter(weights, f"{name}.W")
        self.b = parameter(np.zeros(n_biases, weights.dtype), f"{name}.b")
        self.params = {v.name: v for v in (self.W, self.b)}


class ConvPoolLayer(_Layer):
    """``activation(maxpool2x2(conv(x, W)) + b)``; `pose3d.ops.conv_pool` says which of equal cells wins.

    W is (maps_out, maps_in, kernel, kernel), b is (maps_out,); the activation is "tanh" or "relu".
    """

    def __init__(self, rng, name, maps_in, maps_out, kernel, activation="tanh", dtype="float32"):
        fan_in, fan_out = maps_in * kernel**2, maps_out * kernel**2 / POOL**2
        shape = (maps_out, maps_in, kernel, kernel)
        super().__init__(name, glorot(rng, shape, fan_in, fan_out, dtype), maps_out)
        self.sizes = {"maps_in": maps_in, "maps_out": maps_out, "kernel": kernel, "activation": activation}

    def __call__(self, x):
        """(N, H, W, maps_in) -> (N, H', W', maps_out); sides by `pose3d.ops.shapes.pooled_side`."""
        return conv_pool(x, self.W, self.b, **self.sizes)


class DenseLayer(_Layer):
    """``activation(x . W + b)``; W is (n_in, n_out)."""

    def __init__(self, rng, name, n_in, n_out, activation="tanh", dtype="float32"):
        super().__init__(name, glorot(rng, (n_in, n_out), n_in, n_out, dtype), n_out)
        self.activation = activation  # a name, which can be pickled

    def __call__(self, x):
        """(N, n_in) -> (N, n_out)."""
        return ACTIVATIONS[self.activation](dot(x, self.W) + self.b)


def dropout(x, rate, rng):
    """Zero a share `rate` of `x` at random and scale the rest by 1 / (1 - rate).

    `rng` is a symbolic numpy Generator, whose next state is returned for the updates, after x with dropout.
    """
    next_rng, kept = pt.random.bernoulli(1 - rate, size=x.shape, rng=rng, return_next_rng=True)
    scale = np.asarray(1 / (1 - rate), dtype=x.dtype)
    return x * pt.cast(kept, x.dtype) * scale, next_rng
