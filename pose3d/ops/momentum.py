"""The update of a parameter and its velocity, element by element, in place and on all threads.

PyTensor's own elementwise loops run on one thread; over all weights of the network that
was half of a training step on one image.
"""

from functools import lru_cache

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.compile.mode import optdb
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter

from pose3d.ops.kernels.jit import njit

# Below this many elements, waking the threads costs more than they save.
PARALLEL = 2**15


class Update(Op):
    """``w, v = rule(w, v, g, rate, momentum, decay)`` for every element.

    Parameters
    ----------
    rule : function
        Of three elements and three numbers, in arithmetic that numba compiles; returns two
        elements. PyTensor's "py" modes call it as it stands, on whole arrays.
    inplace : bool
        Overwrite `w` and `v`. PyTensor allows that when it optimises a graph, not before.
    """

    __props__ = ("rule", "inplace")

    def __init__(self, rule, inplace=False):
        self.rule, self.inplace = rule, inplace
        if inplace:
            self.destroy_map = {0: [0], 1: [1]}

    def make_node(self, w, v, g, rate, momentum, decay):
        inputs = [pt.as_tensor_variable(x) for x in (w, v, g, rate, momentum, decay)]
        w, v, g, *numbers = inputs
        if not w.ndim == v.ndim == g.ndim:
            raise ValueError(f"w, v and g differ in axes: {w.ndim}, {v.ndim}, {g.ndim}")
        if any(number.ndim for number in numbers):
            raise ValueError("rate, momentum and decay must be numbers")
        if len({x.dtype for x in inputs}) > 1:
            raise TypeError(f"the inputs differ in dtype: {', '.join(x.dtype for x in inputs)}")
        return Apply(self, inputs, [w.type(), v.type()])

    def perform(self, node, inputs, output_storage):
        w, v = self.rule(*inputs)
        output_storage[0][0], output_storage[1][0] = np.asarray(w), np.asarray(v)

    def infer_shape(self, *args):
        return list(args[-1][:2])


@node_rewriter([Update], inplace=True)
def overwrite(fgraph, node):
    """Parameters and velocities are replaced after every step: nobody needs the old ones."""
    if node.op.inplace:
        return None
    return Update(node.op.rule, inplace=True)(*node.inputs, return_list=True)


# Where PyTensor's own random variables become inplace, too: after its Elemwise rewrites.
optdb.register("update_inplace", dfs_rewriter(overwrite), "fast_run", "inplace", position=99)


@lru_cache(None)
def compiled(rule, inplace, parts):
    """``update(w, v, g, rate, momentum, decay) -> (w, v)`` of a rule, in `parts` equal parts."""
    rule = njit(rule)

    @njit(error_model="numpy")
    def some(w, v, g, rate, momentum, decay):
        for t in range(w.size):
            w[t], v[t] = rule(w[t], v[t], g[t], rate, momentum, decay)

    @njit(parallel=True)
    def all_parts(w, v, g, rate, momentum, decay):
        for part in numba.prange(parts):
            chosen = slice(part * w.size // parts, (part + 1) * w.size // parts)
            some(w[chosen], v[chosen], g[chosen], rate, momentum, decay)

    @njit
    def update(w, v, g, rate, momentum, decay):
        if not inplace:
            w, v = w.copy(), v.copy()
        flat = w.reshape(w.size), v.reshape(v.size), np.ascontiguousarray(g).reshape(g.size)
        numbers = rate.item(), momentum.item(), decay.item()
        if w.size < PARALLEL:
            some(*flat, *numbers)
        else:
            all_parts(*flat, *numbers)
        return w, v

    return update
