"""Minimal filtering: the gradients of a layer with many maps.

Behind the pool three of four outputs have gradient zero, which these kernels do not skip: at the points
nothing is zero, and there is less to multiply all the same.
"""

from functools import lru_cache

import numpy as np

from pose3d.ops.jit import inlined
from pose3d.ops.kernels.backward import by_parts
from pose3d.ops.kernels.microkernels import matrix_block
from pose3d.ops.kernels.parts import array_at, empty, in_parallel, room
from pose3d.ops.kernels.winograd import tile_transforms
from pose3d.ops.kernels.winograd.blocks import (
    CELLS,
    SIDE,
    Plan,
    both_ways,
    filter_points,
    filtering,
    in_blocks,
    tile_at,
    tiles,
    tiles_of_images,
)
from pose3d.ops.kernels.winograd.cook_toom import filter_matrix, output_matrix, signal_matrix
from pose3d.ops.shapes import POOL


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`."""
    plan, parts, dtype = Plan(layer, target), target.threads, np.dtype(layer.dtype)
    maps_in, maps_out, lanes, item = layer.maps_in, layer.maps_out, plan.lanes, dtype.itemsize
    pad, g_rows = layer.kernel - 1, POOL * _pooled_rows(plan)
    to_points = plan.to_points(signal_matrix(plan.n), maps_out)
    from_points = plan.transform(output_matrix(plan.n, SIDE), plan.pitch(maps_in), None, maps_in)
    unpool, row_of_points = _unpool_rows(plan), plan.n * plan.pitch(maps_in)

    @inlined
    def share(a, part):
        return tiles_of_images(part, parts, a[5], tiles(a[6], SIDE) * tiles(a[7], SIDE))

    @inlined
    def arrays(a):
        g = empty(g_rows * (a[7] + pad) * maps_out, dtype)
        g[:] = 0
        return g

    @inlined
    def gather(a, number, notes, home, g):
        height, width, pitch = a[6], a[7], (a[7] + pad) * maps_out
        image, i, j = tile_at(number, tiles(height, SIDE), tiles(width, SIDE))
        is_first = j == 0
        i, j = min(i * SIDE, height - SIDE), min(j * SIDE, width - SIDE)
        above = (i - pad) // POOL
        if is_first:
            unpool(a, image, above, g)
        notes[0] = a[4] + ((image * height + i) * width + j) * maps_in * item
        first = (i - pad - POOL * above) * pitch + j * maps_out
        for v in range(0, maps_out, lanes):
            to_points(g.ctypes.data + (first + v) * item, pitch, home + v * item, 0)
        return 1

    @inlined
    def scatter(a, notes, points, g):
        for v in range(0, maps_in, lanes):
            from_points(points + v * item, row_of_points, notes[0] + v * item, a[7] * maps_in)

    some_tiles = filtering(plan, maps_out, maps_in, share, arrays, gather, scatter)
    all_tiles = in_parallel(some_tiles, parts, "gradient at the input", layer, target)

    def grad_input(w, y, winner, gy, height, width):
        y, winner, gy = map(np.ascontiguousarray, (y, winner, gy))
        dx = room((len(y), height, width, maps_in), dtype)
        all_tiles((filter_points(plan, w), y, winner, gy, dx), (len(y), height, width, *y.shape[1:3]))
        return dx

    return grad_input


def _unpool_rows(plan):
    """``unpool(a, image, above, g)``: the gradient at the outputs of pooled rows from `above`, 0 outside."""
    layer, maps_out, item = plan.layer, plan.layer.maps_out, np.dtype(plan.layer.dtype).itemsize
    spread, pooled_rows, pad = tile_transforms.unpool(layer, plan.lanes), _pooled_rows(plan), layer.kernel - 1

    @inlined
    def unpool(a, image, above, g):
        rows, columns, pitch = a[8], a[9], (a[7] + pad) * maps_out
        for r in range(pooled_rows):
            home = POOL * r * pitch
            if 0 <= above + r < rows:
                place, row = (image * rows + above + r) * columns * maps_out, home + pad * maps_out
                y, winner, gy = a[1] + place * item, a[2] + place, a[3] + place * item
                spread(y, winner, gy, columns, g.ctypes.data + row * item, pitch)
            else:
                g[home : home + POOL * pitch] = 0

    return unpool


def _pooled_rows(plan):
    """Pooled rows that a tile's pixels can meet."""
    return plan.n // POOL + 1


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    plan, parts, dtype = Plan(layer, target), target.threads, np.dtype(layer.dtype)
    n, maps_in, maps_out, lanes, item = plan.n, layer.maps_in, layer.maps_out, plan.lanes, dtype.itemsize
    size, matrix = n * n * maps_in * maps_out, filter_matrix(n, SIDE)
    signal_points, gradient_points = (
        plan.to_points(each, maps) for each, maps in ((signal_matrix(n), maps_in), (matrix, maps_out))
    )
    unpool, back = _unpool(plan), output_matrix(n, layer.kernel).astype(dtype)
    numbers_in, numbers_out = (n * n * plan.pitch(maps) for maps in (maps_in, maps_out))

    @inlined
    def share(a, part):
        return tiles_of_images(part, parts, a[6], tiles(a[9], CELLS) * tiles(a[10], CELLS))

    @inlined
    def arrays(a, part):
        dw = array_at(a[4] + part * size * item, (size,), dtype)
        db = array_at(a[5] + part * maps_out * item, (maps_out,), dtype)
        g = empty(SIDE * tiles(a[10], CELLS) * SIDE * maps_out, dtype)
        dw[:] = 0
        db[:] = 0
        g[:] = 0
        return empty(numbers_in, dtype), empty(numbers_out, dtype), g, dw, db

    @inlined
    def gather(a, number, count, own):
        signal, gradient, g = own[0], own[1], own[2]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        across = tiles(columns, CELLS)
        image, ti, tj = tile_at(number, tiles(rows, CELLS), across)
        if tj == 0:
            unpool(a, image, ti, g)
        i, j = min(ti * CELLS, rows - CELLS), min(tj * CELLS, columns - CELLS)
        pixels = a[0] + ((image * a[7] + POOL * i) * stride + POOL * j * maps_in) * item
        for v in range(0, maps_in, lanes):
            home = signal.ctypes.data + (count * maps_in + v) * item
            signal_points(pixels + v * item, stride, home, 0)
        for v in range(0, maps_out, lanes):
            home = gradient.ctypes.data + (count * maps_out + v) * item
            outputs = g.ctypes.data + (tj * SIDE * maps_out + v) * item
            gradient_points(outputs, across * SIDE * maps_out, home, 0)
        return 1

    def filters(points):
        # from points back to taps, which are flipped
        taps = both_ways(back, points.reshape(n, n, maps_in, maps_out))
        return taps.transpose(3, 2, 0, 1)[:, :, ::-1, ::-1]

    some_tiles = in_blocks(share, arrays, gather, _add_products(plan))
    all_tiles = in_parallel(some_tiles, parts, "gradient at the filters", layer, target)
    return by_parts(layer, parts, size, all_tiles, filters, dtype.type(matrix[1, 0] ** 2))


def _unpool(plan):
    """``unpool(a, image, row, g)``: the gradient at the outputs under a row of tiles.

    Where the last tile overlaps the one before, its gradient is zero.
    """
    layer, maps_out, item = plan.layer, plan.layer.maps_out, np.dtype(plan.layer.dtype).itemsize
    spread = tile_transforms.unpool(layer, plan.lanes)

    @inlined
    def spread_at(a, place, count, home, pitch):
        spread(a[1] + place * item, a[2] + place, a[3] + place * item, count, home, pitch)

    @inlined
    def unpool(a, image, row, g):
        rows, columns = a[9], a[10]
        pitch, whole = tiles(columns, CELLS) * SIDE * maps_out, columns // CELLS * CELLS
        i = min(row * CELLS, rows - CELLS)
        for r in range(CELLS):
            first = POOL * r * pitch
            if i + r < row * CELLS:
                g[first : first + POOL * pitch] = 0
                continue
            place, home = (image * rows + i + r) * columns * maps_out, g.ctypes.data + first * item
            spread_at(a, place, whole, home, pitch)
            if whole < columns:
                last = home + (pitch - POOL * maps_out) * item
                spread_at(a, place + (columns - 1) * maps_out, 1, last, pitch)

    return unpool


def _add_products(plan):
    """``finish(a, count, own)``: add what a block of tiles gives to the gradients."""
    layer, n, lanes, dtype = plan.layer, plan.n, plan.lanes, np.dtype(plan.layer.dtype)
    maps_in, maps_out, item = layer.maps_in, layer.maps_out, dtype.itemsize
    in_pitch, out_pitch, size = plan.pitch(maps_in), plan.pitch(maps_out), maps_in * maps_out
    maps_at_once, width = (8 if plan.target.registers >= 32 else 4), plan.vectors * lanes
    multiply = matrix_block(layer.dtype, lanes, maps_at_once, plan.vectors, accumulate=True)
    ones = n + 1  # at the point 1, both ways, stands the weighted sum of a tile

    @inlined
    def finish(a, count, own):
        signal, gradient, _, dw, db = own
        for p in range(n * n):
            for k in range(0, maps_in, maps_at_once):
                for o in range(0, maps_out, width):
                    multiply(
                        signal.ctypes.data + (p * in_pitch + k) * item,
                        gradient.ctypes.data + (p * out_pitch + o) * item,
                        dw.ctypes.data + (p * size + k * maps_out + o) * item,
                        count, 1, maps_in, maps_out, maps_out,
                    )  # fmt: skip
        for t in range(count):
            for o in range(maps_out):
                db[o] += gradient[ones * out_pitch + t * maps_out + o]

    return finish
