"""The compiled gradient kernels of one layer, made as the forward one is.

Behind a 2 x 2 pool only one of four convolution outputs has a gradient: with the stored
winner, both kernels do a quarter of the usual work. Partial sums are per part and
added in order, so that the same seed and thread count give the same bits.
"""

from functools import lru_cache

import numpy as np

from pose3d.io.jit import njit
from pose3d.ops.kernels import microkernels
from pose3d.ops.kernels.forward import CACHE_LINE, aligned_empty
from pose3d.ops.kernels.parts import array_at, in_parallel
from pose3d.ops.kernels.tiling import ceil_div, gradient_block, input_block, strip
from pose3d.ops.shapes import POOL

# Pooled rows whose sorted maps are kept: a block of filters is fetched once for all of them (measured).
SORTED_ROWS = 3

shape_of_strip = njit(strip)


def block_places(layer, block):
    """``place(o, r, t)``: where tap `t` of filter row `r` of map `o` stands among filters cut into blocks.

    Both gradients keep filters as (block of taps, repeat, map out, row, tap), each block whole.
    """
    maps_out, rows, width = layer.maps_out, block.rows, block.width
    repeats = layer.kernel // rows

    @njit
    def place(o, r, t):
        home = (t // width * repeats + r // rows) * maps_out + o
        return (home * rows + r % rows) * width + t % width

    return place


def by_parts(layer, parts, filters, all_images, total):
    """``grad_weights(x, y, winner, gy) -> (dw, db)`` from each part's sum of `filters` numbers."""
    dtype, maps_out, empty = np.dtype(layer.dtype), layer.maps_out, aligned_empty(np.dtype(layer.dtype))
    shape = maps_out, layer.maps_in, layer.kernel, layer.kernel

    @njit
    def grad_weights(x, y, winner, gy):
        x, gy = np.ascontiguousarray(x), np.ascontiguousarray(gy)
        partial_w, partial_b = empty(parts * filters), empty(parts * maps_out)
        sizes = (x.shape[0], x.shape[1], x.shape[2], y.shape[1], y.shape[2])
        all_images((x, y, winner, gy, partial_w, partial_b), sizes)
        dw, db = np.empty(shape, dtype), np.empty(maps_out, dtype)
        total((partial_w, partial_b, dw, db), ())
        return dw, db

    return grad_weights


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, parts = np.dtype(layer.dtype), target.threads
    item = dtype.itemsize
    block = gradient_block(layer, target)
    block_rows, width, size = block.rows, block.width, block.size
    blocks, repeats = ceil_div(run, width), kernel // block.rows
    filters = blocks * repeats * maps_out * size
    layer_sizes = kernel, maps_in, maps_out, width, item
    accumulate = microkernels.weights_block(layer, block)
    place = block_places(layer, block)
    pack = microkernels.window_starts(layer, target.lanes(layer.dtype))

    def images(a, part):
        x, y, winner, gy, n_images, height = a[0], a[1], a[2], a[3], a[6], a[7]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        dw = array_at(a[4] + part * filters * item, (filters,), dtype)
        db = array_at(a[5] + part * maps_out * item, (maps_out,), dtype)
        dw[:] = 0
        db[:] = 0
        down, across = shape_of_strip(layer_sizes, rows, columns)
        corners = np.empty((across, maps_out), np.int32)
        for j in range(across):
            corners[j] = POOL * j * maps_in
        g, offsets = np.empty((down * across, maps_out), dtype), np.empty((down * across, maps_out), np.int32)
        for n in range(part * n_images // parts, (part + 1) * n_images // parts):
            image = x + n * height * stride * item
            for top in range(0, rows, down):
                bottom = min(rows, top + down)
                for left in range(0, columns, across):
                    right = min(columns, left + across)
                    cells = 0
                    for i in range(top, bottom):
                        start = ((n * rows + i) * columns + left) * maps_out
                        pack(
                            y + start * item, winner + start, gy + start * item, corners.ctypes.data,
                            (right - left) * maps_out, POOL * (i * stride + left * maps_in), stride,
                            g[cells:].ctypes.data, offsets[cells:].ctypes.data,
                        )  # fmt: skip
                        cells += right - left
                    for cell in range(cells):
                        db += g[cell]
                    for b in range(blocks):
                        for r in range(repeats):
                            origin = image + (r * block_rows * stride + b * width) * item
                            for o in range(maps_out):
                                home = ((b * repeats + r) * maps_out + o) * size
                                accumulate(
                                    origin, stride, offsets.ctypes.data + o * 4, g.ctypes.data + o * item,
                                    cells, dw.ctypes.data + home * item, run - b * width,
                                )  # fmt: skip

    def add_parts(a, _):
        partial_w = array_at(a[0], (parts, filters), dtype)
        partial_b = array_at(a[1], (parts, maps_out), dtype)
        dw = array_at(a[2], (maps_out, maps_in, kernel, kernel), dtype)
        db = array_at(a[3], (maps_out,), dtype)
        for o in range(maps_out):
            db[o] = partial_b[:, o].sum()
            for r in range(kernel):
                for t in range(run):
                    tap = partial_w[:, place(o, r, t)].sum()
                    dw[o, t % maps_in, kernel - 1 - r, kernel - 1 - t // maps_in] = tap

    all_images = in_parallel(images, parts, layer, target)
    total = in_parallel(add_parts, 1, layer, target)

    return by_parts(layer, parts, filters, all_images, total)


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, parts = np.dtype(layer.dtype), target.threads
    item = dtype.itemsize
    block = input_block(layer, target)
    block_rows, width, size = block.rows, block.width, block.size
    blocks, repeats = ceil_div(run, width), kernel // block.rows
    scatter, empty = microkernels.input_block(layer, block), aligned_empty(dtype)
    place = block_places(layer, block)
    sort = microkernels.winner_lists(layer, block, target.lanes(layer.dtype))

    @njit
    def pack(w):
        # filters flipped, the rest zero
        packed = empty(blocks * repeats * maps_out * size)
        packed[:] = 0
        for o in range(maps_out):
            for r in range(kernel):
                for t in range(run):
                    packed[place(o, r, t)] = w[o, t % maps_in, kernel - 1 - r, kernel - 1 - t // maps_in]
        return packed

    def images(a, part):
        y, winner, gy, dx, n_images, height = a[1], a[2], a[3], a[4], a[5], a[6]
        stride, rows, columns = a[7] * maps_in, a[8], a[9]
        packed = pack(array_at(a[0], (maps_out, maps_in, kernel, kernel), dtype))
        down = min(rows, SORTED_ROWS)
        g = np.empty(down * columns * maps_out + CACHE_LINE, dtype)
        filters = np.empty(down * columns * maps_out + CACHE_LINE, np.int32)
        starts = np.empty((down * columns, POOL * POOL + 1), np.int64)
        for n in range(part * n_images // parts, (part + 1) * n_images // parts):
            image = dx + n * height * stride * item
            array_at(image, (height * stride,), dtype)[:] = 0
            for top in range(0, rows, down):
                cells = min(down, rows - top) * columns
                for cell in range(cells):
                    start = ((n * rows + top) * columns + cell) * maps_out
                    sort(
                        y + start * item, winner + start, gy + start * item,
                        g[cell * maps_out :].ctypes.data, filters[cell * maps_out :].ctypes.data,
                        starts[cell].ctypes.data,
                    )  # fmt: skip
                corner = image + POOL * top * stride * item
                for b in range(blocks):
                    for r in range(repeats):
                        taps = packed.ctypes.data + (b * repeats + r) * maps_out * size * item
                        origin = corner + (r * block_rows * stride + b * width) * item
                        for cell in range(cells):
                            i, j = POOL * (cell // columns), POOL * (cell % columns)
                            for which in range(POOL * POOL):
                                start, stop = starts[cell, which], starts[cell, which + 1]
                                if start < stop:
                                    shift = (i + (which >> 1)) * stride + (j + (which & 1)) * maps_in
                                    first = cell * maps_out + start
                                    scatter(
                                        taps, filters.ctypes.data + first * 4, g.ctypes.data + first * item,
                                        stop - start, origin + shift * item, stride, run - b * width,
                                    )  # fmt: skip

    all_images = in_parallel(images, parts, layer, target)

    @njit
    def grad_input(w, y, winner, gy, height, width):
        w, gy = np.ascontiguousarray(w), np.ascontiguousarray(gy)
        shape = (y.shape[0], height.item(), width.item(), maps_in)
        dx = empty(shape[0] * shape[1] * shape[2] * maps_in).reshape(shape)
        all_images((w, y, winner, gy, dx), (shape[0], shape[1], shape[2], y.shape[1], y.shape[2]))
        return dx

    return grad_input
