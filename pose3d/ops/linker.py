"""Run a graph node by node: fused elementwise loops compiled, everything else by its ``perform``.

PyTensor's own numba linker compiles a whole graph as one function, which takes many times as long as its
kernels do and is done again for every graph. The graphs here have some 70 nodes, of which few take
time, so that calling one by one costs nothing; and what two graphs share is compiled once.
"""

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.basic import Container, PerformLinker
from pytensor.link.numba.dispatch.basic import numba_funcify_ensure_cache, numba_njit
from pytensor.link.numba.linker import NumbaLinker
from pytensor.link.utils import gc_helper, map_storage, streamline
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.random.op import RandomVariable

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


def _is_own_loop(node):
    """Whether a node is a loop over elements for which numpy has none."""
    if not isinstance(node.op, Elemwise) or not node.outputs[0].type.ndim:
        return False
    _, inputs, _ = node.op.nfunc_spec or (None, 0, 0)
    return inputs != len(node.inputs)


def _thunk(node, storage_map, compute_map):
    """A function without arguments that computes a node's outputs from its inputs, in their storage."""
    inputs, outputs = ([storage_map[v] for v in variables] for variables in (node.inputs, node.outputs))
    if not (_is_own_loop(node) or isinstance(node.op, COMPILED)):
        thunk = node.op.make_thunk(node, storage_map, compute_map, [], "py")
    else:
        function, key = numba_funcify_ensure_cache(node.op, node=node, storage_map=storage_map)
        call = numba_njit(function.py_func, final_function=True, cache=key is not None)

        if len(outputs) == 1:

            def thunk():
                outputs[0][0] = call(*[storage[0] for storage in inputs])
        else:

            def thunk():
                for storage, value in zip(outputs, call(*[storage[0] for storage in inputs]), strict=True):
                    storage[0] = value

    thunk.inputs, thunk.outputs, thunk.lazy = inputs, outputs, False
    return thunk


NODES = Mode(NodeLinker(), RewriteDatabaseQuery(include=["fast_run", "numba"]))
