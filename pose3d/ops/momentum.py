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
SMALLEST_RMS = 1e-8  # of a gradient, as in Kingma & Ba 2015: a weight that has none stays where it is


def reference(w, v, gradient, learning_rate, momentum, weight_decay, order="new", squares=None, share=None):
    """`momentum_step` in plain arithmetic, of arrays or symbolic tensors: what the kernel is tested by."""
    if squares is not None:
        squares = squares + share * (gradient * gradient - squares)
        gradient = gradient / (squares**0.5 + SMALLEST_RMS)
    new = momentum * v - weight_decay * learning_rate * w - learning_rate * gradient  # Eq. (7)
    return [new, w + (new if order == "new" else v)] + ([] if squares is None else [squares])  # Eq. (8)


class MomentumStep(Op):
    """`reference` by a compiled kernel; `inplace` is for PyTensor to choose, when it optimises a graph.

    Its inputs are the gradient, the state and the numbers, its outputs the new state: velocity, weights and,
    if gradients are `scaled`, their mean squares.
    """

    __props__ = ("order", "scaled", "inplace")

    def __init__(self, order, scaled=False, inplace=False):
        if order not in ORDERS:
            raise ValueError(f"order {order!r} is none of {ORDERS}")
        self.order, self.scaled, self.inplace = order, scaled, inplace
        self.n_state = 3 if scaled else 2
        if inplace:
            self.destroy_map = {i: [1 + i] for i in range(self.n_state)}

    def make_node(self, *inputs):
        arrays = [pt.as_tensor_variable(x) for x in inputs[: 1 + self.n_state]]
        if len({(x.dtype, x.ndim) for x in arrays}) > 1:
            raise TypeError(f"gradient and state differ: {', '.join(str(x.type) for x in arrays)}")
        numbers = [pt.cast(x, arrays[0].dtype) for x in inputs[1 + self.n_state :]]
        return Apply(self, [*arrays, *numbers], [x.type() for x in arrays[1:]])

    def perform(self, node, inputs, output_storage):
        gradient, *state = inputs[: 1 + self.n_state]
        if {x.shape for x in state} != {gradient.shape}:
            raise ValueError(f"a gradient of shape {gradient.shape} at weights of shape {state[1].shape}")
        if not self.inplace:
            state = [x.copy() for x in state]
        numbers = np.array(inputs[1 + self.n_state :])
        arrays = [np.asarray(x, order="C") for x in (numbers, gradient, *state)]
        parts = numba.config.NUMBA_NUM_THREADS
        run = _kernel(self.order, self.scaled, numbers.dtype.name, parts)
        run(arrays, [gradient.size, parts], alone=gradient.size < PARALLEL)
        for old, new, output in zip(state, arrays[2:], output_storage, strict=True):
            if new is not old:  # whose numbers do not lie in order
                old[...] = new
            output[0] = old

    def infer_shape(self, *args):  # PyTensor 3.3 no longer gives the graph
        return args[-1][1 : 1 + self.n_state]


@node_rewriter([MomentumStep], inplace=True)
def overwrite(fgraph, node):
    """Parameters and velocities are replaced after every step: nobody needs the old ones."""
    inplace = MomentumStep(node.op.order, node.op.scaled, inplace=True)
    return None if node.op.inplace else inplace(*node.inputs, return_list=True)


@cache
def _kernel(order, scaled, dtype, parts):
    """``run(arrays, sizes)`` on numbers, a gradient, and the state, which is overwritten."""
    dtype, add_new, n_arrays = np.dtype(dtype), order == "new", 5 if scaled else 4
    smallest = dtype.type(SMALLEST_RMS)

    def update(a, n):
        numbers, size, parts = array_at(a[0], (4,), dtype), a[n_arrays], a[n_arrays + 1]
        rate, momentum, decay = numbers[0], numbers[1], numbers[2]
        g, v = array_at(a[1], (size,), dtype), array_at(a[2], (size,), dtype)
        w, s = array_at(a[3], (size,), dtype), array_at(a[n_arrays - 1], (size,), dtype)
        # Unsigned: indices that may be negative, and so count from the end, are not vectorized.
        for t in range(np.uint64(n * size // parts), np.uint64((n + 1) * size // parts)):
            slope = g[t]
            if scaled:
                s[t] += numbers[3] * (slope * slope - s[t])
                slope /= np.sqrt(s[t]) + smallest
            new = momentum * v[t] - decay * rate * w[t] - rate * slope
            w[t] += new if add_new else v[t]
            v[t] = new

    return in_parallel(update, parts, order, scaled, dtype)


def momentum_step(
    w, v, gradient, learning_rate, momentum, weight_decay, order="new", squares=None, share=None
):
    """One update of a parameter and its velocity, Eq. (7)-(8), computed and rounded as `reference` says.

    Weights, velocity, gradient and squares have one shape and type. If `squares` are given, the mean squares
    of the gradients, in which this one has the `share`, gradients are divided by their root, as in RMSprop
    and Adam (Kingma & Ba 2015): all weights move by steps of like size. Returns the new velocity, weights
    and, if they are given, squares.
    """
    scaled = squares is not None
    state, numbers = [v, w], [learning_rate, momentum, weight_decay]
    if scaled:
        state, numbers = [*state, squares], [*numbers, share]
    return MomentumStep(order, scaled)(gradient, *state, *numbers, return_list=True)
