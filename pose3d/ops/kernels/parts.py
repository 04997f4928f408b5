"""Kernels as C functions: compiled once, kept on disk, and called by their address from every graph.

numba would link a function into each graph that calls it, and optimise all of it again each time. So the
loops of a kernel are functions of their own, ``part(a, n)``: `a` holds addresses and sizes, and `n` says
which of as many equal parts of the work as there are threads to do.
"""

import hashlib
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numba.types as nt
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic
from pytensor.link.numba.cache import compile_numba_function_src

from pose3d.io.jit import njit
from pose3d.ops.kernels.simd import INT64

_PART = nt.void(nt.CPointer(nt.int64), nt.int64)
_PART_IR = ir.FunctionType(ir.VoidType(), [INT64.as_pointer(), INT64])
_RUN = nt.void(nt.int64, nt.int64, nt.int64)
_RUN_IR = ir.FunctionType(ir.VoidType(), [INT64] * 3)
_KEPT = {}  # symbol: its C function, which must live as long as the process


@cache
def source_hash():
    """A hash of the source of pose3d.ops: an edited kernel is never answered by an old binary."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def key(*parts):
    """A key in PyTensor's cache from all that compiled code depends on."""
    return hashlib.sha256(repr((*parts, source_hash(), numba.__version__)).encode()).hexdigest()


def _symbol(function, signature, key):
    """The name by which compiled code finds a C function, which is compiled here, or read from the cache."""
    name = f"pose3d_{key}"
    if name not in _KEPT:
        arguments = ", ".join(f"a{i}" for i in range(len(signature.args)))
        source = f"def kernel({arguments}):\n    body({arguments})\n"
        entry = compile_numba_function_src(
            source, "kernel", {"body": function, "__name__": __name__}, cache_key=key
        )
        _KEPT[name] = numba.cfunc(signature, cache=True, nopython=True)(entry)
        llvm.add_symbol(name, _KEPT[name].address)
    return name


@intrinsic
def _call(typingctx, function, arguments, part):
    def codegen(context, builder, signature, args):
        called = builder.inttoptr(args[0], _PART_IR.as_pointer())
        builder.call(called, [builder.inttoptr(args[1], INT64.as_pointer()), args[2]])
        return context.get_dummy_value()

    return _RUN, codegen


@njit(parallel=True)
def _all_parts(function, arguments, parts):
    for part in numba.prange(parts):
        _call(function, arguments, np.int64(part))


@intrinsic
def _pointer(typingctx, address):
    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return nt.voidptr(nt.int64), codegen


@njit
def array_at(address, shape, dtype):
    """The array of a known shape and type at an address."""
    return numba.carray(_pointer(address), shape, dtype)


def in_parallel(part, parts, *identity):
    """``run(arrays, sizes)``: call ``part(a, n)`` for every n below `parts`, on as many threads.

    Parameters
    ----------
    part : function for `njit`
        `a` points at int64 numbers: the addresses of the arrays, and the sizes. It returns nothing and must
        not raise, since nobody would see it: what may fail, such as large memory, is the caller's.
    identity : what the code of `part` depends on, beside this package's source
    """
    numba.get_num_threads()  # starts numba's threads: parallel code read from the cache does not, and crashes
    name = _symbol(njit(part), _PART, key(part.__qualname__, part.__module__, *identity))
    runner = _symbol(_all_parts, _RUN, key("all parts"))

    @intrinsic
    def run(typingctx, arrays, sizes):
        # That the arrays are arguments keeps them alive during the call.
        def codegen(context, builder, signature, args):
            numbers = []
            for i, kind in enumerate(arrays):
                array = context.make_array(kind)(context, builder, builder.extract_value(args[0], i))
                numbers.append(builder.ptrtoint(array.data, INT64))
            for i, kind in enumerate(sizes):
                size = builder.extract_value(args[1], i)
                numbers.append(context.cast(builder, size, kind, nt.int64))
            given = cgutils.alloca_once(builder, INT64, size=len(numbers))
            for i, number in enumerate(numbers):
                builder.store(number, builder.gep(given, [INT64(i)]))
            function = cgutils.get_or_insert_function(builder.module, _PART_IR, name)
            run = cgutils.get_or_insert_function(builder.module, _RUN_IR, runner)
            addresses = [builder.ptrtoint(pointer, INT64) for pointer in (function, given)]
            builder.call(run, [*addresses, INT64(parts)])
            return context.get_dummy_value()

        return nt.void(arrays, sizes), codegen

    return run
