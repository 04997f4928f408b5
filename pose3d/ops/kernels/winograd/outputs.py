"""Minimal filtering: the forward kernel of a layer with many maps.

Where the image is constant under a pooling window, as a masked background is, the four outputs must be equal
to the last bit, so that the first wins. Transforms round them differently, so they are computed from the
filters' sums; tiles that are constant as a whole are not transformed at all. Of outputs that would be equal
for another reason, such as stripes in the image, rounding chooses the winner.
"""

from functools import lru_cache

import numpy as np

from pose3d.ops.jit import inlined
from pose3d.ops.kernels.forward import pooled
from pose3d.ops.kernels.parts import array_at, empty, in_parallel
from pose3d.ops.kernels.winograd import tile_transforms
from pose3d.ops.kernels.winograd.blocks import CELLS, SIDE, Plan, filter_points, filtering, tile_at, tiles
from pose3d.ops.kernels.winograd.cook_toom import output_matrix, signal_matrix
from pose3d.ops.shapes import POOL

WINDOWS = CELLS * CELLS  # pooling windows of a tile
ALL = (1 << WINDOWS) - 1  # a bit of each


@lru_cache(None)
def forward_kernel(layer, target):
    """Compile ``forward(x, w, b) -> (y, winner)`` for one layer; see `reference.forward`."""
    plan, parts = Plan(layer, target), target.threads
    maps_in, maps_out, lanes = layer.maps_in, layer.maps_out, plan.lanes
    dtype = np.dtype(layer.dtype)
    scatter = _scatter(plan)

    @inlined
    def share(a, part):
        images, rows, columns = a[6], a[9], a[10]
        down, across, whole = tiles(rows, CELLS), tiles(columns, CELLS), rows // CELLS
        first, stop = part * images * whole // parts, (part + 1) * images * whole // parts
        # An odd row of windows is in a tile that overlaps the one before, on the same thread.
        first = first // whole * down + first % whole
        return first * across, (stop // whole * down + stop % whole) * across

    @inlined
    def arrays(a):
        conv = empty(SIDE * SIDE * lanes, dtype).reshape((SIDE * SIDE, lanes))
        return conv, np.full(maps_in, np.nan, dtype), np.empty(maps_out, dtype)

    some_tiles = filtering(plan, maps_in, maps_out, share, arrays, _gather(plan, scatter), scatter)
    all_tiles = in_parallel(some_tiles, parts, "forward", layer, target)

    def forward(x, w, b):
        x, b, sums = np.ascontiguousarray(x), np.ascontiguousarray(b), w.sum(axis=(2, 3)).T.copy()
        y, winner = pooled(layer, x)
        u = filter_points(plan, w[:, :, ::-1, ::-1].swapaxes(0, 1))
        all_tiles((u, x, sums, b, y, winner), (*x.shape[:3], *y.shape[1:3]))
        return y, winner

    return forward


def _gather(plan, scatter):
    """``gather(a, number, notes, home, own)``: a tile to its points; one that is constant, to the outputs.

    Noted are the places of the tile in x and y, and which of its windows are constant.
    """
    maps_in, maps_out = plan.layer.maps_in, plan.layer.maps_out
    item, step = np.dtype(plan.layer.dtype).itemsize, plan.lanes
    to_points = plan.to_points(signal_matrix(plan.n), maps_in)
    constant_windows = _constant_windows(plan)

    @inlined
    def gather(a, number, notes, home, own):
        height, stride, rows, columns = a[7], a[8] * maps_in, a[9], a[10]
        image, i, j = tile_at(number, tiles(rows, CELLS), tiles(columns, CELLS))
        i, j = min(i * CELLS, rows - CELLS), min(j * CELLS, columns - CELLS)
        notes[0] = (image * height + POOL * i) * stride + POOL * j * maps_in
        notes[1] = ((image * rows + i) * columns + j) * maps_out
        pixels = a[1] + notes[0] * item
        notes[2] = constant_windows(pixels, stride * item)
        if notes[2] == ALL:
            scatter(a, notes, 0, own)
            return 0
        for v in range(0, maps_in, step):
            to_points(pixels + v * item, stride, home + v * item, 0)
        return 1

    return gather


def _scatter(plan):
    """``scatter(a, notes, points, own)``: a tile's products to outputs: pooled, plus bias, activated."""
    layer, lanes = plan.layer, plan.lanes
    maps_out, pitch, item = layer.maps_out, plan.pitch(layer.maps_out), np.dtype(layer.dtype).itemsize
    from_points = plan.transform(output_matrix(plan.n, SIDE), pitch, SIDE * lanes, lanes)
    pool, row = tile_transforms.pool_tile(layer, lanes, SIDE), plan.n * pitch
    fill_constant = _fill_constant(plan)

    @inlined
    def scatter(a, notes, points, own):
        conv, place = own[0].ctypes.data, notes[1]
        for v in range(0, maps_out, lanes):
            if notes[2] != ALL:
                from_points(points + v * item, row, conv, 0)
            fill_constant(a, notes, v, own)
            pool(conv, a[3] + v * item, a[4] + (place + v) * item, a[5] + place + v, a[10] * maps_out)

    return scatter


def _constant_windows(plan):
    """``constant_windows(pixels, row_stride)``: a bit of each of a tile's windows that is constant."""
    layer, side, n = plan.layer, plan.layer.kernel + POOL - 1, plan.n
    same, step = tile_transforms.same_maps(layer, plan.lanes), layer.maps_in * np.dtype(layer.dtype).itemsize

    @inlined
    def constant(pixel, row_stride, side):
        for r in range(side):
            for c in range(side):
                if not same(pixel, pixel + r * row_stride + c * step):
                    return False
        return True

    @inlined
    def constant_windows(pixels, row_stride):
        if constant(pixels, row_stride, n):
            return ALL
        found = 0
        for k in range(WINDOWS):
            shift = POOL * (k // CELLS * row_stride + k % CELLS * step)
            found |= constant(pixels + shift, row_stride, side) << k
        return found

    return constant_windows


def _fill_constant(plan):
    """``fill_constant(a, notes, v, own)``: the outputs, of maps from `v` on, of a tile's constant windows."""
    layer, lanes, dtype = plan.layer, plan.lanes, np.dtype(plan.layer.dtype)
    maps_in, maps_out, item = layer.maps_in, layer.maps_out, dtype.itemsize

    @inlined
    def update(a, place, pixel, z):
        # What the filters make of a constant region; kept for the next one of the same gray levels.
        given, sums = (
            array_at(a[1] + place * item, (maps_in,), dtype),
            array_at(a[2], (maps_in, maps_out), dtype),
        )
        changed = False
        for i in range(maps_in):
            changed |= pixel[i] != given[i]
            pixel[i] = given[i]
        if changed:
            z[:] = 0
            for i in range(maps_in):
                for o in range(maps_out):
                    z[o] += given[i] * sums[i, o]

    @inlined
    def fill(conv, first, z, v):
        for k in range(POOL * POOL):
            for lane in range(lanes):
                conv[first + k // POOL * SIDE + k % POOL, lane] = z[v + lane]

    @inlined
    def fill_constant(a, notes, v, own):
        conv, pixel, z = own
        for k in range(WINDOWS):
            if notes[2] >> k & 1:
                down, right = POOL * (k // CELLS), POOL * (k % CELLS)
                update(a, notes[0] + down * a[8] * maps_in + right * maps_in, pixel, z)
                fill(conv, down * SIDE + right, z, v)

    return fill_constant
