"""Kernels as C functions: compiled once, kept on disk, and called by their address.

The loops of a kernel are a function of their own, ``part(a, n)``: `a` holds addresses and sizes, and `n`
says which of as many equal parts of the work as there are threads to do. Whatever surrounds the loops, such
as making room for the results, is plain Python, which numba need not compile.
"""

import ctypes
import hashlib
import os
from functools import cache
from pathlib import Path

import numba
import numba.types as nt
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic
from pytensor.configdefaults import config
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

from pose3d.errors import UserError
from pose3d.ops import jit
from pose3d.ops.jit import inlined, njit
from pose3d.ops.kernels.simd import INT64

CACHE_LINE = 64

_PART_IR = ir.FunctionType(ir.VoidType(), [INT64.as_pointer(), INT64])
_WITH_THREADS = []  # the id of the process that has started numba's threads
_KEPT = {}  # key: its C function, which must live as long as the process


@cache
def source_hash():
    """A hash of all source that decides about kernels: an edited one is never answered by an old binary."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def key(*parts):
    """A key in the cache on disk from all that compiled code depends on."""
    return hashlib.sha256(repr((*parts, source_hash(), numba.__version__)).encode()).hexdigest()


class _ByKey(jit.Cache):
    """numba's cache of one function, found by a key; its own would hash all that a closure holds."""

    def _index_key(self, sig, codegen):
        return sig, codegen.magic_tuple()


def _address(function, signature, key):
    """The address of a C function, which is compiled here, or read from the cache."""
    if key not in _KEPT:
        compiled = CFunc(function, (signature.args, signature.return_type), {}, {"nopython": True})
        if config.numba__cache:
            CACHED_SRC_FUNCTIONS[function] = key  # files in PyTensor's folder are named after it
            compiled._cache = _ByKey(function)
        compiled.compile()
        _KEPT[key] = compiled
    return _KEPT[key].address


@intrinsic
def _call(typingctx, function, arguments, part):
    def codegen(context, builder, signature, args):
        called = builder.inttoptr(args[0], _PART_IR.as_pointer())
        builder.call(called, [builder.inttoptr(args[1], INT64.as_pointer()), args[2]])
        return context.get_dummy_value()

    return nt.void(nt.int64, nt.int64, nt.int64), codegen


@njit(parallel=True)
def _on_all_threads(function, arguments, parts):
    for part in numba.prange(parts):
        _call(function, arguments, np.int64(part))


def _all_parts(function, arguments, parts):
    _on_all_threads(function, arguments, parts)


@cache
def _runner():
    """``run(function, arguments, parts)`` with addresses; it holds Python's lock, as compiled code does."""
    _WITH_THREADS.append(os.getpid())
    numba.get_num_threads()  # starts numba's threads: parallel code read from the cache does not, and crashes
    address = _address(_all_parts, nt.void(nt.int64, nt.int64, nt.int64), key("all parts"))
    return ctypes.PYFUNCTYPE(None, *[ctypes.c_int64] * 3)(address)


def refuse_fork():
    """Raise a `UserError` in a forked child of a process with threads, which would wait for them for ever."""
    if _WITH_THREADS and os.getpid() not in _WITH_THREADS:
        raise UserError(
            "this process was forked after a network had run, whose threads it lacks; start it with "
            'multiprocessing.get_context("spawn"), or load and call networks in the children alone'
        )


@intrinsic
def _pointer(typingctx, address):
    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return nt.voidptr(nt.int64), codegen


@inlined
def array_at(address, shape, dtype):
    """The array of a known shape and type at an address."""
    return numba.carray(_pointer(address), shape, dtype)


def aligned_empty(size, dtype):
    """An array whose first element starts a cache line, which numpy's and numba's own need not.

    A vector that crosses a cache line costs two loads; the gradients live on loads.
    """
    raw = np.empty(size + CACHE_LINE, dtype)
    shift = (-raw.ctypes.data) % CACHE_LINE // raw.itemsize
    return raw[shift : shift + size]


empty = inlined(aligned_empty)  # within kernels


def room(shape, dtype):
    """An array for a kernel's results, aligned likewise."""
    return aligned_empty(int(np.prod(shape)), dtype).reshape(shape)


def in_parallel(part, parts, *identity):
    """``run(arrays, sizes, alone)``: call ``part(a, n)`` for every n below `parts`, on as many threads.

    Or one after the other on this thread, if `alone`: waking the others takes 0.2 ms. For `part`, `a` points
    at int64 numbers: the addresses of the arrays, and the sizes. It returns nothing and must not raise, since
    nobody would see it: what may fail, such as large memory, is the caller's. `identity` is what the code of
    `part` depends on, beside this package's source.
    """
    signature = nt.void(nt.CPointer(nt.int64), nt.int64)
    address = _address(part, signature, key(part.__qualname__, part.__module__, *identity))
    here, on_threads = ctypes.PYFUNCTYPE(None, *[ctypes.c_int64] * 2)(address), _runner()

    def run(arrays, sizes=(), alone=False):
        refuse_fork()
        given = np.array([*(array.ctypes.data for array in arrays), *sizes], np.int64)
        if alone or parts == 1:
            for n in range(parts):
                here(given.ctypes.data, n)
        else:
            on_threads(address, given.ctypes.data, parts)

    return run
