"""Minimal filtering: the forward kernel of a layer with many maps.

A tile of 4 x 4 outputs, which is 2 x 2 pooling windows, depends on kernel + 3 pixels each way. A transform
takes these pixels to as many points; at every point a small matrix product over the maps takes the place of
the convolution; a transform takes the products to the outputs. See `cook_toom` for the arithmetic.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pose3d.io.jit import njit
from pose3d.ops.kernels import winograd_microkernels as micro
from pose3d.ops.kernels.cook_toom import filter_matrix, output_matrix, signal_matrix
from pose3d.ops.kernels.forward import aligned_empty, pooled_outputs
from pose3d.ops.kernels.parts import array_at, in_parallel
from pose3d.ops.kernels.simd import Target
from pose3d.ops.kernels.tiling import Layer, ceil_div
from pose3d.ops.shapes import POOL

SIDE = 4  # outputs of a tile, each way
CELLS = SIDE // POOL
TILES = 24  # of a block, whose points stay in the L2 cache
GAP = 16  # numbers between two points: without it they meet in a few lines of the L1 cache (measured)
LARGEST = 9  # points each way; more lose too many digits


@dataclass(frozen=True)
class Plan:
    """Sizes of a layer's blocks.

    Attributes
    ----------
    layer : Layer
    target : Target
    """

    layer: Layer
    target: Target

    @property
    def n(self):
        """Points of a tile, each way."""
        return self.layer.kernel + SIDE - 1

    @property
    def lanes(self):
        return self.target.lanes(self.layer.dtype)

    @property
    def vectors(self):
        """Vectors of maps that a product holds in registers."""
        return 2

    def pitch(self, maps):
        """Numbers from point to point of a block with so many maps."""
        return TILES * maps + GAP

    def transform(self, matrix, *steps):
        return micro.tile_transform(self.layer.dtype, self.lanes, matrix, *steps)

    def to_points(self, matrix, maps):
        """The transform of a tile's pixels, (row, column, map), to a block's points, (point, tile, map)."""
        return self.transform(matrix, maps, self.n * self.pitch(maps), self.pitch(maps))


def worth_while(layer, target):
    """Whether minimal filtering is possible, and there are maps enough to pay for the transforms.

    Parameters
    ----------
    layer : Layer, whose rows and columns are those of all images
    """
    plan, fewest = Plan(layer, target), min(layer.maps_in, layer.maps_out)
    whole = all(m % (plan.vectors * plan.lanes) == 0 for m in (layer.maps_in, layer.maps_out))
    return whole and fewest >= 16 and plan.n <= LARGEST and min(layer.rows, layer.columns) >= CELLS


def input_worth_while(layer, target):
    """Whether the gradient at the input takes fewer products than one for each winner and tap."""
    sides = [POOL * cells + layer.kernel - 1 for cells in (layer.rows, layer.columns)]
    tiles = ceil_div(sides[0], SIDE) * ceil_div(sides[1], SIDE)
    direct = layer.kernel**2 * layer.rows * layer.columns
    return worth_while(layer, target) and Plan(layer, target).n ** 2 * tiles < direct


def products(plan, terms, results):
    """``multiply(points, filters, found, count)``: the matrix products at all points of a block of tiles.

    Parameters
    ----------
    terms, results : int, maps that are summed over, and maps of what is found
    """
    item, points, lanes = np.dtype(plan.layer.dtype).itemsize, plan.n**2, plan.lanes
    rows, width = (12 if plan.target.registers >= 32 else 6), plan.vectors * lanes
    given, found_pitch = plan.pitch(terms), plan.pitch(results)
    one = micro.product(
        plan.layer.dtype, lanes, rows, plan.vectors, (terms, 1, results, results), accumulate=False
    )

    @njit
    def multiply(signal, filters, found, count):
        for p in range(points):
            for first in range(0, results, width):
                for t in range(0, count, rows):
                    one(
                        signal.ctypes.data + (p * given + t * terms) * item,
                        filters.ctypes.data + (p * terms * results + first) * item,
                        found.ctypes.data + (p * found_pitch + t * results + first) * item, terms,
                    )  # fmt: skip

    return multiply


def filter_points(plan, flip):
    """``points(w, found)``: filters at points, (n, n, map in map out); unflipped (n, n, map out map in)."""
    layer, n = plan.layer, plan.n
    kernel, maps_in, maps_out, dtype = layer.kernel, layer.maps_in, layer.maps_out, np.dtype(layer.dtype)
    matrix = filter_matrix(n, kernel).astype(dtype)
    size = maps_in * maps_out

    @njit
    def points(w, found):
        taps = np.empty((kernel, kernel, size), dtype)
        for r in range(kernel):
            for c in range(kernel):
                for i in range(maps_in):
                    for o in range(maps_out):
                        if flip:
                            taps[r, c, i * maps_out + o] = w[o, i, kernel - 1 - r, kernel - 1 - c]
                        else:
                            taps[r, c, o * maps_in + i] = w[o, i, r, c]
        half = np.zeros((n, kernel, size), dtype)
        found[:] = 0
        for a in range(n):
            for c in range(kernel):
                for r in range(kernel):
                    for s in range(size):
                        half[a, c, s] += matrix[a, r] * taps[r, c, s]
            for b in range(n):
                for c in range(kernel):
                    for s in range(size):
                        found[a, b, s] += matrix[b, c] * half[a, c, s]

    return points


def constant_regions(layer, lanes):
    """``constant(pixel, row_stride, side)``: whether a square's pixels, the first at `pixel`, are equal."""
    same, step = micro.same_maps(layer, lanes), layer.maps_in * np.dtype(layer.dtype).itemsize

    @njit
    def constant(pixel, row_stride, side):
        for r in range(side):
            for c in range(side):
                if not same(pixel, pixel + r * row_stride + c * step):
                    return False
        return True

    return constant


@lru_cache(None)
def forward_kernel(layer, target):
    """Compile ``forward(x, w, b) -> (y, winner)`` for one layer; see `reference.forward`.

    Where the image is constant under a pooling window, as a masked background is, the four outputs must be
    equal to the last bit, so that the first wins. Transforms round them differently, so they are computed
    from the filters' sums; tiles that are constant as a whole are not transformed at all.
    """
    plan = Plan(layer, target)
    kernel, maps_in, maps_out, n, lanes = layer.kernel, layer.maps_in, layer.maps_out, plan.n, plan.lanes
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, in_pitch, out_pitch = dtype.itemsize, plan.pitch(maps_in), plan.pitch(maps_out)
    empty, filters = aligned_empty(dtype), filter_points(plan, flip=True)
    to_points, multiply = plan.to_points(signal_matrix(n), maps_in), products(plan, maps_in, maps_out)
    from_points = plan.transform(output_matrix(n, SIDE), out_pitch, SIDE * lanes, lanes)
    pool = micro.pool_tile(layer, lanes, SIDE)
    constant = constant_regions(layer, lanes)

    @njit
    def flat(x, place, sums, pixel, z):
        # what a filter makes of a constant region, kept for the next one of the same gray levels
        changed = False
        for i in range(maps_in):
            changed |= pixel[i] != x[place + i]
            pixel[i] = x[place + i]
        if changed:
            z[:] = 0
            for i in range(maps_in):
                for o in range(maps_out):
                    z[o] += pixel[i] * sums[i, o]

    @njit
    def finish(x, signal, u, found, bias, y, winner, tiles, count, stride, columns, sums, pixel, z, conv):
        multiply(signal, u, found, count)
        for t in range(count):
            corner, cell, flats = tiles[t]
            for v in range(0, maps_out, lanes):
                from_points(found.ctypes.data + (t * maps_out + v) * item, n * out_pitch, conv.ctypes.data, 0)
                for k in range(CELLS * CELLS):
                    if flats >> k & 1:
                        i, j = POOL * (k // CELLS), POOL * (k % CELLS)
                        flat(x, corner + i * stride + j * maps_in, sums, pixel, z)
                        for r in range(POOL):
                            for c in range(POOL):
                                conv[(i + r) * SIDE + j + c] = z[v : v + lanes]
                pool(
                    conv.ctypes.data, bias.ctypes.data + v * item, y + (cell + v) * item, winner + cell + v,
                    columns * maps_out,
                )  # fmt: skip

    def some_images(a, part):
        x, y, winner, images, height = a[0], a[4], a[5], a[6], a[7]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        u, sums = (
            array_at(a[1], (n * n, maps_in * maps_out), dtype),
            array_at(a[2], (maps_in, maps_out), dtype),
        )
        bias = array_at(a[3], (maps_out,), dtype)
        signal, found = empty(n * n * in_pitch), empty(n * n * out_pitch)
        signal[:] = 0
        conv = empty(SIDE * SIDE * lanes).reshape((SIDE * SIDE, lanes))
        pixel, z = np.full(maps_in, np.nan, dtype), np.empty(maps_out, dtype)
        tiles, count = np.empty((TILES, 3), np.int64), 0
        pixels = array_at(x, (images * height * stride,), dtype)
        for image in range(part * images // parts, (part + 1) * images // parts):
            for i in range(0, rows, CELLS):
                i = min(i, rows - CELLS)
                for j in range(0, columns, CELLS):
                    j = min(j, columns - CELLS)
                    corner = (image * height + POOL * i) * stride + POOL * j * maps_in
                    cell = ((image * rows + i) * columns + j) * maps_out
                    first = x + corner * item
                    if constant(first, stride * item, n):
                        flat(pixels, corner, sums, pixel, z)
                        for v in range(0, maps_out, lanes):
                            conv[:] = z[v : v + lanes]
                            pool(
                                conv.ctypes.data, bias.ctypes.data + v * item, y + (cell + v) * item,
                                winner + cell + v, columns * maps_out,
                            )  # fmt: skip
                        continue
                    flats = 0
                    for k in range(CELLS * CELLS):
                        shift = POOL * (k // CELLS * stride + k % CELLS * maps_in)
                        flats |= constant(first + shift * item, stride * item, kernel + 1) << k
                    for v in range(0, maps_in, lanes):
                        to_points(
                            first + v * item, stride, signal.ctypes.data + (count * maps_in + v) * item, 0
                        )
                    tiles[count] = corner, cell, flats
                    count += 1
                    if count == TILES:
                        finish(
                            pixels, signal, u, found, bias, y, winner, tiles, count, stride, columns, sums,
                            pixel, z, conv,
                        )  # fmt: skip
                        count = 0
        finish(pixels, signal, u, found, bias, y, winner, tiles, count, stride, columns, sums, pixel, z, conv)

    def transform_filters(a, _):
        w = array_at(a[0], (maps_out, maps_in, kernel, kernel), dtype)
        sums = array_at(a[2], (maps_in, maps_out), dtype)
        for i in range(maps_in):
            for o in range(maps_out):
                sums[i, o] = w[o, i].sum()
        filters(w, array_at(a[1], (n, n, maps_in * maps_out), dtype))

    all_images = in_parallel(some_images, parts, layer, target)
    all_filters = in_parallel(transform_filters, 1, layer, target)
    outputs = pooled_outputs(layer)

    @njit
    def forward(x, w, b):
        x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
        y, winner = outputs(x)
        u, sums = empty(n * n * maps_in * maps_out), np.empty((maps_in, maps_out), dtype)
        all_filters((w, u, sums), ())
        all_images((x, u, sums, b, y, winner), (x.shape[0], x.shape[1], x.shape[2], y.shape[1], y.shape[2]))
        return y, winner

    return forward
