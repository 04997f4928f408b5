"""The compiled gradient kernels of one layer, made as :mod:`pose3d.ops.kernels` makes the forward one.

Behind a 2 x 2 pool only one of four convolution outputs has a gradient: with the stored
winner, both kernels do a quarter of the usual work. Partial sums are per part and
added in order, so that the same seed and thread count give the same bits.
"""

from functools import lru_cache

import numba
import numpy as np

from pose3d.ops import microkernels
from pose3d.ops.kernels import aligned_empty
from pose3d.ops.shapes import POOL
from pose3d.ops.tiling import ceil_div, gradient_block, input_block, strip_columns

# Pooled cells over which the filter gradient keeps a register block, where the image is small.
STRIP_CELLS = 48


@numba.njit
def _before_activation(is_tanh, y, gy):
    """The gradient before the activation, from the output `y` and the gradient there."""
    if is_tanh:
        return gy * (1 - y * y)
    return gy if y > 0 else gy * 0


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, is_tanh, parts = np.dtype(layer.dtype), layer.activation == "tanh", target.threads
    item = dtype.itemsize
    block = gradient_block(layer, target)
    block_rows, width = block.rows, block.width
    blocks, repeats = ceil_div(run, width), kernel // block.rows
    widest = strip_columns(layer)
    accumulate, empty = microkernels.weights_block(layer, block), aligned_empty(dtype)

    @numba.njit
    def pack(y, winner, gy, n, top, bottom, left, right, stride, g, offsets, db):
        # per cell of the strip and map: the gradient and where its window starts
        cell = -1
        for i in range(top, bottom):
            for j in range(left, right):
                cell += 1
                corner = np.int32(POOL * (i * stride + j * maps_in))
                for o in range(maps_out):
                    gradient = _before_activation(is_tanh, y[n, i, j, o], gy[n, i, j, o])
                    which = np.int32(winner[n, i, j, o])
                    g[cell, o] = gradient
                    offsets[cell, o] = (
                        corner + (which >> 1) * np.int32(stride) + (which & 1) * np.int32(maps_in)
                    )
                    db[o] += gradient

    @numba.njit
    def images(x, y, winner, gy, dw, db, part):
        height, stride = x.shape[1], x.shape[2] * maps_in
        rows, columns = y.shape[1], y.shape[2]
        strips = -(-columns // widest)
        across = -(-columns // strips)  # strips of equal width
        down = max(1, min(rows, STRIP_CELLS // across)) if across == columns else 1
        g = np.empty((down * across, maps_out), dtype)
        offsets = np.empty((down * across, maps_out), np.int32)
        for n in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            image = x.ctypes.data + n * height * stride * item
            for top in range(0, rows, down):
                bottom = min(rows, top + down)
                for left in range(0, columns, across):
                    right = min(columns, left + across)
                    pack(y, winner, gy, n, top, bottom, left, right, stride, g, offsets, db)
                    cells = (bottom - top) * (right - left)
                    for o in range(maps_out):
                        places, values = offsets.ctypes.data + o * 4, g.ctypes.data + o * item
                        for b in range(blocks):
                            for r in range(repeats):
                                home = ((o * blocks + b) * repeats + r) * block_rows * width
                                origin = image + (r * block_rows * stride + b * width) * item
                                accumulate(
                                    origin, stride, places, values, cells, dw.ctypes.data + home * item,
                                    run - b * width,
                                )  # fmt: skip

    @numba.njit(parallel=True)
    def all_images(x, y, winner, gy, dw, db):
        for part in numba.prange(parts):
            images(x, y, winner, gy, dw[part], db[part], np.int64(part))

    @numba.njit
    def grad_weights(x, y, winner, gy):
        size = maps_out * blocks * kernel * width
        partial_w, partial_b = empty(parts * size).reshape((parts, size)), np.zeros((parts, maps_out), dtype)
        partial_w[:] = 0
        all_images(np.ascontiguousarray(x), y, winner, gy, partial_w, partial_b)
        dw, db = np.empty((maps_out, maps_in, kernel, kernel), dtype), np.zeros(maps_out, dtype)
        for o in range(maps_out):
            for part in range(parts):
                db[o] += partial_b[part, o]
            for r in range(kernel):
                for t in range(run):
                    home = ((o * blocks + t // width) * kernel + r) * width + t % width
                    total = dtype.type(0)
                    for part in range(parts):
                        total += partial_w[part, home]
                    dw[o, t % maps_in, kernel - 1 - r, kernel - 1 - t // maps_in] = total
        return dw, db

    return grad_weights


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, is_tanh, parts = np.dtype(layer.dtype), layer.activation == "tanh", target.threads
    item = dtype.itemsize
    block = input_block(layer, target)
    block_rows, width = block.rows, block.width
    blocks, repeats = ceil_div(run, width), kernel // block.rows
    scatter, empty = microkernels.input_block(layer, block), aligned_empty(dtype)

    @numba.njit
    def pack(w):
        # (block of taps, repeat, map out, row, width): filters flipped, the rest zero
        packed = empty(blocks * maps_out * kernel * width)
        packed[:] = 0
        for o in range(maps_out):
            for r in range(kernel):
                for t in range(run):
                    home = (t // width * repeats + r // block_rows) * maps_out + o
                    home = (home * block_rows + r % block_rows) * width + t % width
                    packed[home] = w[o, t % maps_in, kernel - 1 - r, kernel - 1 - t // maps_in]
        return packed

    @numba.njit
    def sort_by_winner(y, winner, gy, n, i, g, maps, starts):
        # per cell of a pooled row: its maps and their gradients in the order of the winners
        position = np.empty(POOL * POOL, np.int64)
        for j in range(y.shape[2]):
            starts[j] = 0
            for o in range(maps_out):
                starts[j, winner[n, i, j, o] + 1] += 1
            for which in range(POOL * POOL):
                position[which] = starts[j, which]
                starts[j, which + 1] += starts[j, which]
            for o in range(maps_out):
                which = winner[n, i, j, o]
                g[j, position[which]] = _before_activation(is_tanh, y[n, i, j, o], gy[n, i, j, o])
                maps[j, position[which]] = o
                position[which] += 1

    @numba.njit
    def images(packed, y, winner, gy, dx, part):
        height, stride = dx.shape[1], dx.shape[2] * maps_in
        rows, columns = y.shape[1], y.shape[2]
        g = np.empty((columns, maps_out), dtype)
        maps = np.empty((columns, maps_out), np.int64)
        starts = np.empty((columns, POOL * POOL + 1), np.int64)
        for n in range(part * y.shape[0] // parts, (part + 1) * y.shape[0] // parts):
            dx[n] = 0
            for i in range(rows):
                sort_by_winner(y, winner, gy, n, i, g, maps, starts)
                corner = dx.ctypes.data + (n * height + POOL * i) * stride * item
                for b in range(blocks):
                    for r in range(repeats):
                        taps = packed.ctypes.data + (b * repeats + r) * maps_out * block_rows * width * item
                        origin = corner + (r * block_rows * stride + b * width) * item
                        for j in range(columns):
                            for which in range(POOL * POOL):
                                start, stop = starts[j, which], starts[j, which + 1]
                                if start < stop:
                                    shift = (which >> 1) * stride + (POOL * j + (which & 1)) * maps_in
                                    place = j * maps_out + start
                                    scatter(
                                        taps, maps.ctypes.data + place * 8, g.ctypes.data + place * item,
                                        stop - start, origin + shift * item, stride, run - b * width,
                                    )  # fmt: skip

    @numba.njit(parallel=True)
    def all_images(packed, y, winner, gy, dx):
        for part in numba.prange(parts):
            images(packed, y, winner, gy, dx, np.int64(part))

    @numba.njit
    def grad_input(w, y, winner, gy, height, width):
        shape = (y.shape[0], height.item(), width.item(), maps_in)
        dx = empty(shape[0] * shape[1] * shape[2] * maps_in).reshape(shape)
        all_images(pack(w), y, winner, gy, dx)
        return dx

    return grad_input
