"""The compiled kernels of one layer: packing, loops over images and threads, gradients.

A factory per kernel returns a numba function specialised on the layer and on a
:class:`pose3d.ops.simd.Target`. The work is divided into as many equal parts as
there are threads; partial sums are per part and added in order, so that the same
seed and thread count give the same bits.

Only the loop over the parts is compiled as a parallel region: numba makes a region
of every array expression it meets in such a function, and each costs a second.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from pose3d.ops import microkernels
from pose3d.ops.microkernels import Block, Tile
from pose3d.ops.shapes import POOL

CACHE_LINE = 64
# Pooled cells over which the filter gradient keeps a register block, where the image is small.
STRIP_CELLS = 48
# Shares of a 48 KB L1 cache: image rows under a strip of cells, and filters of one block of taps (measured).
STRIP_BYTES = 32 * 1024
FILTER_BYTES = 44 * 1024


@dataclass(frozen=True)
class Layer:
    """All that a kernel is specialised on, but the target.

    Attributes
    ----------
    columns : int
        Pooled columns that every image has at least (1 where that is not known).
    """

    maps_in: int
    maps_out: int
    kernel: int
    activation: str
    dtype: str
    columns: int = 1

    @property
    def run(self):
        """Elements of the image that one filter row meets."""
        return self.kernel * self.maps_in


@numba.njit
def _ceil(a, b):
    return -(-a // b)


def forward_tile(layer, target):
    """The tile whose accumulators fill the register budget: two vectors of maps where one is too few."""
    lanes = target.lanes(layer.dtype)
    vectors = 1 if layer.maps_out <= lanes else 2
    columns = target.accumulators // (POOL * POOL * vectors)
    return Tile(min(columns, layer.columns), vectors, lanes)


def gradient_block(layer, target):
    """The block of taps that fills the register budget: all filter rows, as many vectors as fit."""
    lanes = target.lanes(layer.dtype)
    while lanes > 4 and lanes // 2 >= layer.run:
        lanes //= 2  # a filter row of 5 pixels needs no 16 lanes
    rows = layer.kernel if layer.kernel <= target.accumulators else 1
    vectors = _ceil(layer.run, lanes)
    most = max(1, (target.accumulators + 1) // rows)  # 5 rows of 5 vectors still fit
    vectors = _ceil(vectors, _ceil(vectors, most))
    return Block(rows, vectors, lanes, layer.run % (vectors * lanes) != 0)


def input_block(layer, target):
    """As `gradient_block`, but of one filter row where that keeps the filters of all maps in the L1 cache."""
    block = gradient_block(layer, target)
    item = np.dtype(layer.dtype).itemsize
    if layer.maps_out * block.rows * block.width * item <= FILTER_BYTES:
        return block
    vectors = _ceil(layer.run, block.lanes)
    most = max(1, min(target.accumulators, FILTER_BYTES // (layer.maps_out * block.lanes * item)))
    vectors = _ceil(vectors, _ceil(vectors, most))
    return Block(1, vectors, block.lanes, layer.run % (vectors * block.lanes) != 0)


def aligned_empty(dtype):
    """``empty(size)`` whose first element starts a cache line, which numba's own arrays need not.

    A vector that crosses a cache line costs two loads; the gradients live on loads.
    """
    item = dtype.itemsize

    @numba.njit
    def empty(size):
        raw = np.empty(size + CACHE_LINE // item, dtype)
        shift = (-raw.ctypes.data) % CACHE_LINE // item
        return raw[shift : shift + size]

    return empty


@numba.njit
def _before_activation(is_tanh, y, gy):
    """The gradient before the activation, from the output `y` and the gradient there."""
    if is_tanh:
        return gy * (1 - y * y)
    return gy if y > 0 else gy * 0


@lru_cache(None)
def forward_kernel(layer, target):
    """Compile ``forward(x, w, b) -> (y, winner)`` for one layer; see `reference.forward`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, parts = np.dtype(layer.dtype), target.threads
    item = dtype.itemsize
    tile = forward_tile(layer, target)
    columns, width = tile.columns, tile.width
    groups = _ceil(maps_out, width)
    compute, empty = microkernels.forward_tile(layer, tile), aligned_empty(dtype)

    @numba.njit
    def pack(w):
        # (group, kernel, run, width): filters flipped, maps that fill up the last group zero
        packed = empty(groups * kernel * run * width)
        packed[:] = 0
        for o in range(maps_out):
            base = o // width * kernel * run * width + o % width
            for c in range(maps_in):
                for i in range(kernel):
                    for j in range(kernel):
                        tap = (kernel - 1 - i) * run + (kernel - 1 - j) * maps_in + c
                        packed[base + tap * width] = w[o, c, i, j]
        return packed

    @numba.njit
    def some_rows(x, packed, bias, y, winner, part):
        height, stride = x.shape[1], x.shape[2] * maps_in
        pooled_rows, pooled_columns = y.shape[1], y.shape[2]
        total = x.shape[0] * pooled_rows
        for flat in range(part * total // parts, (part + 1) * total // parts):
            n, i = flat // pooled_rows, flat % pooled_rows
            x_row = x.ctypes.data + (n * height + POOL * i) * stride * item
            for group in range(groups):
                w = packed.ctypes.data + group * kernel * run * width * item
                first = group * width
                for j in range(0, pooled_columns, columns):
                    j = min(j, pooled_columns - columns)  # the last tile overlaps the one before
                    cell = (flat * pooled_columns + j) * maps_out + first
                    compute(
                        x_row + j * POOL * maps_in * item, stride, w, bias.ctypes.data + first * item,
                        y.ctypes.data + cell * item, winner.ctypes.data + cell, maps_out - first,
                    )  # fmt: skip

    @numba.njit(parallel=True)
    def all_rows(x, packed, bias, y, winner):
        for part in numba.prange(parts):
            some_rows(x, packed, bias, y, winner, np.int64(part))

    @numba.njit
    def forward(x, w, b):
        x = np.ascontiguousarray(x)
        rows, columns = (x.shape[1] - kernel + 1) // POOL, (x.shape[2] - kernel + 1) // POOL
        shape = (x.shape[0], rows, columns, maps_out)
        y = empty(x.shape[0] * rows * columns * maps_out).reshape(shape)
        winner = np.empty(shape, np.uint8)
        bias = np.zeros(groups * width, dtype)
        for o in range(maps_out):
            bias[o] = b[o]
        all_rows(x, pack(w), bias, y, winner)
        return y, winner

    return forward


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, is_tanh, parts = np.dtype(layer.dtype), layer.activation == "tanh", target.threads
    item = dtype.itemsize
    block = gradient_block(layer, target)
    block_rows, width = block.rows, block.width
    blocks, repeats = _ceil(run, width), kernel // block.rows
    # columns of a strip whose image rows fill a share of the L1 cache
    widest = max(1, (STRIP_BYTES // ((kernel + 1) * maps_in * item) - kernel) // POOL)
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
        across = _ceil(columns, _ceil(columns, widest))  # strips of equal width
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
    blocks, repeats = _ceil(run, width), kernel // block.rows
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
