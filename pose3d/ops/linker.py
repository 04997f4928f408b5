"""Run a graph node by node: fused elementwise loops compiled, numpy's own called, the rest by ``perform``.

PyTensor's own numba linker compiles a whole graph as one function, which takes many times as long as its
kernels do and is done again for every graph. The graphs here have some 70 nodes, of which few take
time, so that calling one by one costs nothing; and what two graphs share is compiled once.
"""

from functools import partial

import numpy as np
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.basic import Container, PerformLinker
from pytensor.link.numba.dispatch.basic import numba_funcify_ensure_cache, numba_njit
from pytensor.link.numba.linker import NumbaLinker
from pytensor.link.utils import gc_helper, map_storage, streamline
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.random.op import RandomVariable

from pose3d.ops.jit import cached
from pose3d.ops.momentum import overwrite

# Ops whose nodes are compiled, beside loops over elements.
COMPILED = (RandomVariable, OpFromGraph)


class NodeLinker(PerformLinker):
    """A linker that compiles nodes, not graphs."""

    required_rewrites = NumbaLinker.required_rewrites
    incompatible_rewrites = NumbaLinker.incompatible_rewrites

    def make_all(self, input_storage=None, output_storage=None, storage_map=None):
        fgraph = self.fgraph
        order = self.schedule(fgraph)
        storages = map_storage(fgraph, order, input_storage, output_storage, storage_map)
        input_storage, output_storage, storage_map = storages
        compute_map = {variable: [variable.owner is None] for variable in storage_map}
        thunks = [_thunk(node, storage_map, compute_map) for node in order]
        computed, last_user = gc_helper(order)
        done_with = [
            [
                storage_map[variable]
                for variable in node.inputs
                if variable in computed and variable not in fgraph.outputs and node is last_user[variable]
            ]
            for node in order
        ]
        kept = [storage_map[variable] for variable in self.no_recycling if variable not in fgraph.inputs]
        run = streamline(
            fgraph, thunks, order,
            post_thunk_old_storage=done_with, no_recycling=kept, output_storage=output_storage,
        )  # fmt: skip
        run.allow_gc, run.storage_map = True, storage_map  # PyTensor's functions look here
        given, found = (
            [Container(variable, storage) for variable, storage in zip(variables, storages, strict=True)]
            for variables, storages in ((fgraph.inputs, input_storage), (fgraph.outputs, output_storage))
        )
        return run, given, found, thunks, order


def _thunk(node, storage_map, compute_map):
    """A function without arguments that computes a node's outputs from its inputs, in their storage."""
    inputs, outputs = ([storage_map[v] for v in variables] for variables in (node.inputs, node.outputs))
    by_python = partial(node.op.make_thunk, node, storage_map, compute_map, [], "py")
    is_loop = isinstance(node.op, Elemwise)
    if is_loop and _has_ufunc(node):
        thunk = _ufunc_call(node, inputs, outputs[0], by_python())
    elif isinstance(node.op, COMPILED) or (is_loop and node.outputs[0].type.ndim):
        thunk = _compiled_call(node, inputs, outputs, storage_map)
    else:
        thunk = by_python()
    thunk.inputs, thunk.outputs, thunk.lazy = inputs, outputs, False
    return thunk


def _has_ufunc(node):
    """Whether a node is a loop over elements that numpy has a function for."""
    _, inputs, outputs = node.op.nfunc_spec or (None, 0, 0)
    return inputs == len(node.inputs) and outputs == len(node.outputs) == 1


def _ufunc_call(node, inputs, output, perform):
    """Call numpy's function; `Elemwise.perform` does too, after asking for 50 us what is asked here once."""
    ufunc, dtype = node.op.nfunc, node.outputs[0].type.dtype
    signature = {"sig": node.tag.sig} if hasattr(node.tag, "sig") else {}
    target = node.op.inplace_pattern.get(0)
    axes = []  # with the inputs whose sides there must be equal
    for axis, ones in enumerate(zip(*(x.type.broadcastable for x in node.inputs), strict=True)):
        which = [i for i, one in enumerate(ones) if not one]
        if len(which) > 1:
            axes.append((axis, which))

    def thunk():
        values = [storage[0] for storage in inputs]
        if any(len({values[i].shape[axis] for i in which}) > 1 for axis, which in axes):
            perform()  # which says what is wrong
        with np.errstate(all="ignore"):
            result = ufunc(*values, **signature)
        if target is None:
            output[0] = np.asarray(result, dtype)
        else:
            values[target][...] = result
            output[0] = values[target]

    return thunk


def _compiled_call(node, inputs, outputs, storage_map):
    """Call what numba makes of a node."""
    function, key = numba_funcify_ensure_cache(node.op, node=node, storage_map=storage_map)
    call = numba_njit(function.py_func, final_function=True)
    if key is not None:
        call = cached(call)

    def one():
        outputs[0][0] = call(*[storage[0] for storage in inputs])

    def several():
        for storage, value in zip(outputs, call(*[storage[0] for storage in inputs]), strict=True):
            storage[0] = value

    return one if len(outputs) == 1 else several


# Steps overwrite where PyTensor's own random variables do: after its rewrites of Elemwise.
INPLACE = dfs_rewriter(overwrite), 99
NODES = Mode(NodeLinker(), RewriteDatabaseQuery(include=["fast_run", "numba"], extra_rewrites=[INPLACE]))
