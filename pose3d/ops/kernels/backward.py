"""The compiled gradient kernels of one layer, made as the forward one is.

Behind a 2 x 2 pool only one of four convolution outputs has a gradient: with the stored
winner, both kernels do a quarter of the usual work. Partial sums are per part and
added in order, so that the same seed and thread count give the same bits.
"""

from functools import lru_cache

import numpy as np

from pose3d.ops.jit import inlined
from pose3d.ops.kernels import microkernels
from pose3d.ops.kernels.forward import packed_filters, tap_places
from pose3d.ops.kernels.parts import array_at, in_parallel, room
from pose3d.ops.kernels.tiling import gradient_block, input_block, reach, strip
from pose3d.ops.shapes import POOL

# Pooled rows done at a time: a block of filters is fetched once for all of them (measured).
PACKED_ROWS = 3


def block_places(layer, block, repeats, copy=0, copies=1):
    """`tap_places` of filters as (block, repeat, map out, copy, row, number), each block whole.

    `repeats` blocks stand below each other. Of `copies` of the filters, number `copy` is moved to that place
    of the window.
    """
    rows, width = block.rows, block.width
    down, right = divmod(copy, POOL)

    def place(o, r, t):
        r, t = r + down, t + right * layer.maps_in
        home = ((t // width * repeats + r // rows) * layer.maps_out + o) * copies + copy
        return (home * rows + r % rows) * width + t % width

    return tap_places(layer, place)


def by_parts(layer, parts, size, all_images, filters, share=1, more=lambda rows, columns: ()):
    """``grad_weights(x, y, winner, gy) -> (dw, db)`` from each part's `size` sums: `filters` for dw, then db.

    The sums for db are too large by `share`. ``more(rows, columns)`` of y is what else `all_images` needs.
    """

    def grad_weights(x, y, winner, gy):
        x, y, winner, gy = map(np.ascontiguousarray, (x, y, winner, gy))
        partial_w, partial_b = room((parts, size), layer.dtype), room((parts, layer.maps_out), layer.dtype)
        sizes = (*x.shape[:3], *y.shape[1:3], *more(*y.shape[1:3]))
        all_images((x, y, winner, gy, partial_w, partial_b), sizes, layer.is_small(y))
        return np.ascontiguousarray(filters(partial_w.sum(axis=0))), partial_b.sum(axis=0) / share

    return grad_weights


def _add_strip(layer, block):
    """``add_strip(a, image, cells, room_of_strip, dw, db)``: what a strip's cells give to the gradients."""
    maps_in, maps_out, item = layer.maps_in, layer.maps_out, np.dtype(layer.dtype).itemsize
    block_rows, width, size = block.rows, block.width, block.size
    blocks, repeats = block.counts(layer.kernel, layer.run)
    accumulate, run = microkernels.weights_block(layer, block), layer.run

    @inlined
    def add_strip(a, image, cells, room_of_strip, dw, db):
        _, g, offsets = room_of_strip
        stride = a[8] * maps_in
        for cell in range(cells):
            for o in range(maps_out):
                db[o] += g[cell, o]
        for b in range(blocks):
            for r in range(repeats):
                origin = image + (r * block_rows * stride + b * width) * item
                for o in range(maps_out):
                    home = ((b * repeats + r) * maps_out + o) * size
                    accumulate(
                        origin, stride, offsets.ctypes.data + o * 4, g.ctypes.data + o * item,
                        cells, dw.ctypes.data + home * item, run - b * width,
                    )  # fmt: skip

    return add_strip


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    maps_in, maps_out, dtype, parts = layer.maps_in, layer.maps_out, np.dtype(layer.dtype), target.threads
    item, block = dtype.itemsize, gradient_block(layer, target)
    blocks, repeats = block.counts(layer.kernel, layer.run)
    filters = blocks * repeats * maps_out * block.size
    add_strip = _add_strip(layer, block)
    home = block_places(layer, block, repeats)
    pack = microkernels.winner_offsets(layer, target.lanes(layer.dtype), maps_in)

    @inlined
    def pack_strip(a, n, top, left, room_of_strip):
        """The gradients and offsets of a strip's cells, from a row and a column on; how many cells."""
        corners, g, offsets = room_of_strip
        stride, columns, cells = a[8] * maps_in, a[10], 0
        count = min(columns, left + a[12]) - left
        for row in range(top, min(a[9], top + a[11])):
            start = ((n * a[9] + row) * columns + left) * maps_out
            pack(
                a[1] + start * item, a[2] + start, a[3] + start * item, corners.ctypes.data,
                count * maps_out, POOL * (row * stride + left * maps_in), stride,
                g[cells:].ctypes.data, offsets[cells:].ctypes.data,
            )  # fmt: skip
            cells += count
        return cells

    def images(a, part):
        n_images, rows, columns, down, across = a[6], a[9], a[10], a[11], a[12]
        dw = array_at(a[4] + part * filters * item, (filters,), dtype)
        db = array_at(a[5] + part * maps_out * item, (maps_out,), dtype)
        dw[:] = 0
        db[:] = 0
        corners = np.empty((across, maps_out), np.int32)
        for j in range(across):
            corners[j] = POOL * j * maps_in
        shape = down * across, maps_out
        room_of_strip = corners, np.empty(shape, dtype), np.empty(shape, np.int32)
        for n in range(part * n_images // parts, (part + 1) * n_images // parts):
            image = a[0] + n * a[7] * a[8] * maps_in * item
            for top in range(0, rows, down):
                for left in range(0, columns, across):
                    cells = pack_strip(a, n, top, left, room_of_strip)
                    add_strip(a, image, cells, room_of_strip, dw, db)

    all_images = in_parallel(images, parts, layer, target)

    def strips(rows, columns):
        return strip(layer, block, rows, columns)

    return by_parts(layer, parts, filters, all_images, lambda total: total[home], more=strips)


def _scatter_rows(layer, block):
    """``scatter_rows(a, corner, cells, offsets, g)``: what rows of cells, from that at `corner`, add."""
    maps_in, maps_out, item = layer.maps_in, layer.maps_out, np.dtype(layer.dtype).itemsize
    (reach_rows, reach_run), copies = reach(layer), POOL * POOL
    block_rows, width, size = block.rows, block.width, block.size
    blocks, repeats = block.counts(reach_rows, reach_run)
    scatter = microkernels.input_block(layer, block)

    @inlined
    def scatter_rows(a, corner, cells, offsets, g):
        stride, columns = a[7] * maps_in, a[9]
        for b in range(blocks):
            for r in range(repeats):
                taps = a[0] + (b * repeats + r) * maps_out * copies * size * item
                origin = corner + (r * block_rows * stride + b * width) * item
                for cell in range(cells):
                    shift = POOL * (cell // columns * stride + cell % columns * maps_in)
                    scatter(
                        taps, offsets.ctypes.data + cell * maps_out * 4,
                        g.ctypes.data + cell * maps_out * item,
                        origin + shift * item, stride, reach_run - b * width,
                    )  # fmt: skip

    return scatter_rows


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`.

    A pooled cell adds to all pixels under its window at once: every map's filter is kept at the four
    places of the window, and the winner chooses which of them is added. No branch depends on a winner.
    """
    maps_in, maps_out, copies = layer.maps_in, layer.maps_out, POOL * POOL
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, block = dtype.itemsize, input_block(layer, target)
    blocks, repeats = block.counts(*reach(layer))
    size, scatter_rows = block.size, _scatter_rows(layer, block)
    home = np.stack([block_places(layer, block, repeats, copy, copies) for copy in range(copies)])
    pack = microkernels.winner_offsets(layer, target.lanes(layer.dtype), size)

    def images(a, part):
        y, winner, gy, dx, n_images, height = a[1], a[2], a[3], a[4], a[5], a[6]
        stride, rows, columns = a[7] * maps_in, a[8], a[9]
        down = min(rows, PACKED_ROWS)
        shape = down * columns, maps_out
        corners, offsets, g = np.empty(shape, np.int32), np.empty(shape, np.int32), np.empty(shape, dtype)
        for cell in range(down * columns):
            for o in range(maps_out):
                corners[cell, o] = copies * o * size
        for n in range(part * n_images // parts, (part + 1) * n_images // parts):
            image = dx + n * height * stride * item
            array_at(image, (height * stride,), dtype)[:] = 0
            for top in range(0, rows, down):
                cells, start = min(down, rows - top) * columns, (n * rows + top) * columns * maps_out
                pack(
                    y + start * item, winner + start, gy + start * item, corners.ctypes.data,
                    cells * maps_out, 0, POOL * size, g.ctypes.data, offsets.ctypes.data,
                )  # fmt: skip
                scatter_rows(a, image + POOL * top * stride * item, cells, offsets, g)

    all_images = in_parallel(images, parts, layer, target)

    def grad_input(w, y, winner, gy, height, width):
        y, winner, gy = map(np.ascontiguousarray, (y, winner, gy))
        packed = packed_filters(home, w, blocks * repeats * maps_out * copies * size)
        dx = room((len(y), height, width, maps_in), dtype)
        sizes = len(y), height, width, *y.shape[1:3]
        all_images((packed, y, winner, gy, dx), sizes, layer.is_small(y))
        return dx

    return grad_input
