"""The update of Eq. (7)-(8) as one parallel, in-place pass over memory.

PyTensor compiles elementwise expressions to loops on one thread, and may reorder their sums. Over all
weights of the network that loop was half of a training step on one image.
"""

from functools import cache

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter

from pose3d.ops.kernels.parts import array_at, in_parallel

# Below this many elements, waking the threads costs more than they save.
PARALLEL = 2**15
ORDERS = ("new", "old")  # which velocity is added to the weights


def reference(w, v, gradient, learning_rate, momentum, weight_decay, order="new"):
    """`momentum_step` in plain arithmetic, of arrays or symbolic tensors: what the kernel is tested by."""
    new = momentum * v - weight_decay * learning_rate * w - learning_rate * gradient  # Eq. (7)
    return new, w + (new if order == "new" else v)  # Eq. (8)


class MomentumStep(Op):
    """`reference` by a compiled kernel; `inplace` is for PyTensor to choose, when it optimises a graph."""

    __props__ = ("order", "inplace")

    def __init__(self, order, inplace=False):
        if order not in ORDERS:
            raise ValueError(f"order {order!r} is none of {ORDERS}")
        self.order, self.inplace = order, inplace
        if inplace:
            self.destroy_map = {0: [1], 1: [0]}

    def make_node(self, w, v, gradient, *numbers):
        w, v, gradient = map(pt.as_tensor_variable, (w, v, gradient))
        if len({(x.dtype, x.ndim) for x in (w, v, gradient)}) > 1:
            raise TypeError(f"weights, velocity and gradient differ: {w.type}, {v.type}, {gradient.type}")
        return Apply(self, [w, v, gradient, *(pt.cast(x, w.dtype) for x in numbers)], [v.type(), w.type()])

    def perform(self, node, inputs, output_storage):
        w, v, gradient, *numbers = inputs
        if not w.shape == v.shape == gradient.shape:
            raise ValueError(f"a gradient of shape {gradient.shape} at weights of shape {w.shape}")
        if not self.inplace:
            w, v = w.copy(), v.copy()
        arrays = [np.asarray(x, order="C") for x in (w, v, gradient, np.array(numbers))]
        parts = numba.config.NUMBA_NUM_THREADS
        _kernel(self.order, w.dtype.name, parts)(arrays, [w.size, parts], alone=w.size < PARALLEL)
        for old, new in zip((w, v), arrays, strict=False):
            if new is not old:  # whose numbers do not lie in order
                old[...] = new
        output_storage[0][0], output_storage[1][0] = v, w

    def infer_shape(self, *args):
        return [args[-1][1], args[-1][0]]


@node_rewriter([MomentumStep], inplace=True)
def overwrite(fgraph, node):
    """Parameters and velocities are replaced after every step: nobody needs the old ones."""
    inplace = MomentumStep(node.op.order, inplace=True)
    return None if node.op.inplace else inplace(*node.inputs, return_list=True)


@cache
def _kernel(order, dtype, parts):
    """``run(arrays, sizes)`` on weights and velocity, which are overwritten, a gradient and three numbers."""
    dtype, add_new = np.dtype(dtype), order == "new"

    def update(a, n):
        size, parts, numbers = a[4], a[5], array_at(a[3], (3,), dtype)
        w, v = array_at(a[0], (size,), dtype), array_at(a[1], (size,), dtype)
        g, rate, momentum, decay = array_at(a[2], (size,), dtype), numbers[0], numbers[1], numbers[2]
        # Unsigned: indices that may be negative, and so count from the end, are not vectorized.
        for t in range(np.uint64(n * size // parts), np.uint64((n + 1) * size // parts)):
            new = momentum * v[t] - decay * rate * w[t] - rate * g[t]
            w[t] += new if add_new else v[t]
            v[t] = new

    return in_parallel(update, parts, order, dtype)


def momentum_step(w, v, gradient, learning_rate, momentum, weight_decay, order="new"):
    """One update of a parameter and its velocity, Eq. (7)-(8), computed and rounded as `reference` says.

    Weights, velocity and gradient have one shape and type. Returns the new velocity and the new weights.
    """
    given = w, v, gradient, learning_rate, momentum, weight_decay
    return MomentumStep(order)(*given, return_list=True)
