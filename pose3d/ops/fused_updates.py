"""Updates of shared variables as one parallel, in-place pass over memory.

PyTensor compiles elementwise expressions to loops on one thread, and may reorder their sums. Over all
weights of the network that loop was half of a training step on one image. So before PyTensor simplifies a
graph, the arithmetic of its updates is collected: the expressions of all updates that share a tensor, such as
a parameter and its velocity, become one `FusedUpdate`. It computes them exactly as they are written.
"""

from functools import lru_cache

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.compile.mode import optdb
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import GraphRewriter, dfs_rewriter, node_rewriter
from pytensor.scalar.basic import Add, Mul, Neg, Sub, TrueDiv
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.type import TensorType

from pose3d.io.cpu import keep_freed_memory
from pose3d.io.jit import inlined
from pose3d.ops.kernels.parts import array_at, in_parallel

# An update with any other operation stays PyTensor's own.
OPERATORS = {Add: " + ", Sub: " - ", Mul: " * ", TrueDiv: " / ", Neg: "-"}
# Below this many elements, waking the threads costs more than they save.
PARALLEL = 2**15


class FusedUpdate(Op):
    """Several elementwise results of equally shaped tensors and of scalars.

    Parameters
    ----------
    tensors, scalars : int
        How many inputs of each kind there are; the tensors come first.
    source : str
        Python statements that set element `t` of every result, ``y0[t] = ...``, from ``x[0][t]`` and so on
        of the tensors and ``s[0]`` and so on of the scalars.
    targets : tuple of int
        For each result, the tensor that it replaces.
    inplace : bool
        Overwrite these tensors. PyTensor allows that when it optimises a graph, not before.
    """

    __props__ = ("tensors", "scalars", "source", "targets", "inplace")

    def __init__(self, tensors, scalars, source, targets, inplace=False):
        self.tensors, self.scalars, self.source = tensors, scalars, source
        self.targets, self.inplace = targets, inplace
        if inplace:
            self.destroy_map = {result: [target] for result, target in enumerate(targets)}

    def make_node(self, *inputs):
        inputs = [pt.as_tensor_variable(x) for x in inputs]
        sides = zip(*(x.type.shape for x in inputs[: self.tensors]), strict=True)
        shape = [next((side for side in known if side is not None), None) for known in sides]
        return Apply(self, inputs, [pt.tensor(dtype=inputs[0].dtype, shape=shape) for _ in self.targets])

    def perform(self, node, inputs, output_storage):
        tensors, dtype = inputs[: self.tensors], node.outputs[0].type.dtype
        if any(tensor.shape != tensors[0].shape for tensor in tensors):
            raise ValueError("a gradient has another shape than its parameter")
        flat = [np.ascontiguousarray(tensor) for tensor in tensors]
        results = [flat[i] if self.inplace else np.empty_like(flat[i]) for i in self.targets]
        numbers = [np.asarray(number, dtype) for number in inputs[self.tensors :]]
        size, parts = tensors[0].size, numba.config.NUMBA_NUM_THREADS
        arrays = [*flat, *([] if self.inplace else results), *numbers]
        _compiled(self, dtype, parts)(arrays, [size, parts], alone=size < PARALLEL)
        for storage, result, i in zip(output_storage, results, self.targets, strict=True):
            if self.inplace and result is not tensors[i]:  # whose numbers do not lie in order
                tensors[i][...] = result
                result = tensors[i]
            storage[0] = result

    def infer_shape(self, *args):
        return [args[-1][target] for target in self.targets]


class FuseUpdates(GraphRewriter):
    """Replace the arithmetic of a function's updates by `FusedUpdate`."""

    def add_requirements(self, fgraph):
        pass

    def apply(self, fgraph):
        groups = []  # lists of `_Expression` that share a tensor
        for output, variable in (fgraph.update_mapping or {}).items():
            expression = _Expression(fgraph.outputs[output], fgraph.inputs[variable])
            if expression.fits:
                related = [group for group in groups if any(expression.shares(other) for other in group)]
                groups = [group for group in groups if group not in related]
                groups.append([*(other for group in related for other in group), expression])
        for group in groups:
            _replace(fgraph, group)


class _Expression:
    """The elementwise arithmetic behind one update.

    Attributes
    ----------
    nodes : list of Apply, each behind those that it needs
    tensors, scalars : lists of variables that the nodes start from
    fits : bool, whether there is anything to fuse, and nothing but equally shaped tensors and scalars
    """

    def __init__(self, result, target):
        self.result, self.target = result, target
        self.nodes, self.tensors, self.scalars = [], [target], []
        # A random generator is updated, too, and is no tensor.
        is_array = isinstance(target.type, TensorType) and target.ndim > 0
        self.fits = is_array and target.type.is_super(result.type) and self._is_arithmetic(result)
        if self.fits:
            self._follow(result)

    def _follow(self, variable):
        variable = _unbroadcast(variable)
        if self._is_arithmetic(variable):
            if variable.owner not in self.nodes:
                for source in variable.owner.inputs:
                    self._follow(source)
                self.nodes.append(variable.owner)
            return
        leaves = self.tensors if variable.ndim else self.scalars
        if variable not in leaves:
            leaves.append(variable)
        self.fits &= not variable.ndim or (
            (variable.dtype, variable.type.broadcastable)
            == (self.target.dtype, self.target.type.broadcastable)
        )

    def _is_arithmetic(self, variable):
        op = variable.owner and variable.owner.op
        known = isinstance(op, Elemwise) and type(op.scalar_op) in OPERATORS
        return known and variable.dtype == self.target.dtype

    def shares(self, other):
        return any(tensor in other.tensors for tensor in self.tensors)


def _unbroadcast(variable):
    """The scalar that a variable is, if it is one given the axes of a tensor."""
    node = variable.owner
    if node is not None and isinstance(node.op, DimShuffle) and not node.inputs[0].ndim:
        return node.inputs[0]
    return variable


def _replace(fgraph, group):
    def merged(kind):
        return list(dict.fromkeys(item for expression in group for item in getattr(expression, kind)))

    tensors, scalars, nodes = merged("tensors"), merged("scalars"), merged("nodes")
    names = {tensor: f"x[{i}][t]" for i, tensor in enumerate(tensors)}
    names |= {scalar: f"s[{i}]" for i, scalar in enumerate(scalars)}
    lines = []
    for node in nodes:
        operator = OPERATORS[type(node.op.scalar_op)]
        operands = [names[_unbroadcast(source)] for source in node.inputs]
        names[node.outputs[0]] = name = f"v{len(lines)}"
        lines.append(
            f"{name} = " + (operator.join(operands) if len(operands) > 1 else operator + operands[0])
        )
    lines += [f"y{i}[t] = {names[expression.result]}" for i, expression in enumerate(group)]
    targets = tuple(tensors.index(expression.target) for expression in group)
    fused = FusedUpdate(len(tensors), len(scalars), "\n".join(lines), targets)
    numbers = [pt.cast(scalar, tensors[0].dtype) for scalar in scalars]
    results = fused(*tensors, *numbers, return_list=True)
    pairs = [(expression.result, result) for expression, result in zip(group, results, strict=True)]
    fgraph.replace_all(pairs, reason="fuse_updates")


@node_rewriter([FusedUpdate], inplace=True)
def overwrite(fgraph, node):
    """Parameters and velocities are replaced after every step: nobody needs the old ones."""
    op = node.op
    if op.inplace:
        return None
    inplace = FusedUpdate(op.tensors, op.scalars, op.source, op.targets, inplace=True)
    return inplace(*node.inputs, return_list=True)


# Before PyTensor's first simplification, which would reorder the sums.
optdb.register("fuse_updates", FuseUpdates(), "fast_run", "fast_compile", position=0.5)
# Where PyTensor's own random variables become inplace, too: after its Elemwise rewrites.
optdb.register("update_inplace", dfs_rewriter(overwrite), "fast_run", "inplace", position=99)

# What depends on how many inputs there are.
_PART = """
def update_part(a, n):
    size, parts = a[{inputs}], a[{inputs} + 1]
    x = ({arrays},)
    s = ({numbers})
    # Unsigned: indices that may be negative, and so count from the end, are not vectorized.
    for t in range(np.uint64(n * size // parts), np.uint64((n + 1) * size // parts)):
        rule(x, s, t)
"""


@lru_cache(None)
def _compiled(op, dtype, parts):
    """``run(arrays, sizes)`` of a `FusedUpdate`; the arrays are tensors, new results, and scalars."""
    keep_freed_memory()
    dtype, arrays = np.dtype(dtype), op.tensors + (0 if op.inplace else len(op.targets))
    text = _PART.format(
        inputs=arrays + op.scalars,
        arrays=", ".join(f"array_at(a[{i}], (size,), dtype)" for i in range(arrays)),
        numbers="".join(f"array_at(a[{arrays + i}], (1,), dtype)[0], " for i in range(op.scalars)),
    )
    names = {"np": np, "rule": inlined(_rule(op)), "array_at": array_at, "dtype": dtype, "__name__": __name__}
    return in_parallel(_function(text, "update_part", **names), parts, op, op._props_dict(), dtype)


def _rule(op):
    """``rule(x, s, t)``: the source of a `FusedUpdate` as a function; t is a number, or ... for all."""
    source = op.source
    for result, place in enumerate(_places(op)):
        source = source.replace(f"y{result}[t] =", f"x[{place}][t] =")
    return _function(f"def rule(x, s, t):\n    {source.replace(chr(10), chr(10) + '    ')}\n", "rule")


def _places(op):
    """For each result, its place in the tuple of arrays: that of the tensor it overwrites, or behind all.

    No tensor is in the tuple twice: LLVM would take it for two arrays, whose overlap forbids vector code.
    """
    return op.targets if op.inplace else range(op.tensors, op.tensors + len(op.targets))


def _function(text, name, **names):
    exec(text, names)
    return names[name]
