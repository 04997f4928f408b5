"""Matrix products of the dense layers, where a matrix library is slow: one side is a minibatch.

Before it multiplies, a library brings both sides together in the order in which they are read. With a
minibatch of 128 that takes as long as the products. Here only what is read again is brought together.
"""

from functools import lru_cache

import numba.types as nt
import numpy as np
from numba.extending import intrinsic

from pose3d.ops.jit import inlined
from pose3d.ops.kernels.microkernels import matrix_block
from pose3d.ops.kernels.parts import array_at, empty, in_parallel, room
from pose3d.ops.kernels.simd import INT64, Emitter
from pose3d.ops.kernels.tiling import ceil_div

ROWS, VECTORS = 8, 2  # of the block of sums that is held in registers
TERMS = 256  # of a panel, so many rows of as many columns as the block has, which then stays in the L1 cache
# Sizes of minibatches and of layers for which these kernels gained a tenth or more (measured with AVX-512).
FEWEST, MOST, MOST_OF_A_GRADIENT, NARROWEST = 16, 256, 128, 256


def worth_while(a, b, left, right, target):
    """Whether these kernels take the product of a minibatch `a` (N, M) and `b`, either of them transposed."""
    fits = FEWEST <= len(a) <= (MOST_OF_A_GRADIENT if left else MOST)
    wide = min(a.shape[1], b.shape[1]) >= NARROWEST
    return fits and wide and not right and (target.vector_bytes, target.registers) == (64, 32)


def gather(dtype, lanes):
    """``copy(b, step, panel, count)``: `count` rows of a panel, each a run of `b`, `step` apart."""

    def codegen(context, builder, signature, args):
        e = Emitter(builder, dtype, lanes)
        b, panel = e.pointer(args[0]), e.pointer(args[2])

        def row(t, carried):
            source = e.at(b, builder.mul(t, args[1]))
            home = e.at(panel, builder.mul(t, INT64(VECTORS * lanes)))
            for v in range(VECTORS):
                e.store(e.load(e.at(source, v * lanes)), e.at(home, v * lanes))
            return carried

        e.loop(args[3], [], row)
        return context.get_dummy_value()

    @intrinsic
    def copy(typingctx, b, step, panel, count):
        return nt.void(*[nt.int64] * 4), codegen

    return copy


@lru_cache(None)
def forward_product(dtype, target):
    """Compile ``multiply(a, b) -> a . b`` for few rows of `a`: every panel of `b` is read once.

    The threads share the columns.
    """
    name, dtype, parts, lanes = dtype, np.dtype(dtype), target.threads, target.lanes(dtype)
    item, width = dtype.itemsize, VECTORS * lanes
    copy = gather(name, lanes)
    add = matrix_block(name, lanes, ROWS, VECTORS, accumulate=True)

    @inlined
    def add_new(tile, c, rows, columns, r, new):
        """Of a block that overlaps others, add what is new: rows from `r`, columns from `new`."""
        result = array_at(c, (rows, columns), dtype)
        start, first = min(r, rows - ROWS), min(new, columns - width)
        for i in range(r, min(r + ROWS, rows)):
            for s in range(new, first + width):
                result[i, s] += tile[i - start, s - first]

    def some_panels(a, part):
        left, right, c, rows, columns, terms = a[0], a[1], a[2], a[3], a[4], a[5]
        panel = empty(TERMS * width, dtype)
        tile = empty(ROWS * width, dtype).reshape((ROWS, width))
        panels = (columns + width - 1) // width
        for number in range(part * panels // parts, (part + 1) * panels // parts):
            new = number * width  # the last panel begins before it, in the one before
            first = min(new, columns - width)
            for t in range(0, terms, TERMS):
                count = min(TERMS, terms - t)
                copy(right + (t * columns + first) * item, columns, panel.ctypes.data, count)
                for r in range(0, rows, ROWS):
                    start = min(r, rows - ROWS)
                    block, home = left + (start * terms + t) * item, c + (start * columns + first) * item
                    if start == r and first == new:
                        add(block, panel.ctypes.data, home, count, terms, 1, width, columns)
                        continue
                    tile[:] = 0
                    add(block, panel.ctypes.data, tile.ctypes.data, count, terms, 1, width, width)
                    add_new(tile, c, rows, columns, r, new)

    run = in_parallel(some_panels, parts, name, target)

    def multiply(a, b):
        found = room((len(a), b.shape[1]), dtype)
        found[:] = 0
        run((a, b, found), (*found.shape, len(b)))
        return found

    return multiply


@lru_cache(None)
def gradient_product(dtype, target):
    """Compile ``multiply(a, b) -> a.T . b`` for few rows of both: all panels of `b` stay in the L2 cache.

    The threads share the rows of what is found, which is written in order.
    """
    name, dtype, parts, lanes = dtype, np.dtype(dtype), target.threads, target.lanes(dtype)
    item, width = dtype.itemsize, VECTORS * lanes
    begin = matrix_block(name, lanes, ROWS, VECTORS, accumulate=False)

    def some_rows(a, part):
        left, right, c, rows, columns, terms, panels = a[0], a[1], a[2], a[3], a[4], a[5], a[6]
        given = array_at(left, (terms, rows), dtype)
        block = empty(terms * ROWS, dtype).reshape((terms, ROWS))
        groups = (rows + ROWS - 1) // ROWS
        for group in range(part * groups // parts, (part + 1) * groups // parts):
            start = min(group * ROWS, rows - ROWS)
            for t in range(terms):
                for i in range(ROWS):
                    block[t, i] = given[t, start + i]
            for number in range(panels):
                first = min(number * width, columns - width)
                panel = right + number * terms * width * item
                home = c + (start * columns + first) * item
                begin(block.ctypes.data, panel, home, terms, 1, ROWS, width, columns)

    run = in_parallel(some_rows, parts, name, target)

    def multiply(a, b):
        terms, columns = b.shape
        panels, found = ceil_div(columns, width), room((a.shape[1], columns), dtype)
        gathered = room((panels, terms, width), dtype)
        whole = columns // width
        gathered[:whole] = b[:, : whole * width].reshape(terms, whole, width).swapaxes(0, 1)
        gathered[whole:] = b[:, columns - width :]  # where columns remain
        run((a, gathered, found), (a.shape[1], columns, terms, panels))
        return found

    return multiply
