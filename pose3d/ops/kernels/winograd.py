"""Minimal filtering: the forward kernel of a layer with many maps.

A tile of 4 x 4 outputs, which is 2 x 2 pooling windows, depends on kernel + 3 pixels each way. A transform
takes these pixels to as many points; at every point a small matrix product over the maps takes the place of
the convolution; a transform takes the products to the outputs. See `cook_toom` for the arithmetic.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pose3d.ops import blas
from pose3d.ops.jit import inlined
from pose3d.ops.kernels import winograd_microkernels as micro
from pose3d.ops.kernels.cook_toom import filter_matrix, output_matrix, signal_matrix
from pose3d.ops.kernels.forward import pooled
from pose3d.ops.kernels.parts import array_at, empty, in_parallel, room
from pose3d.ops.kernels.simd import Target
from pose3d.ops.kernels.tiling import Layer
from pose3d.ops.shapes import POOL

SIDE = 4  # outputs of a tile, each way
CELLS = SIDE // POOL
TILES = 24  # of a block, whose points stay in the L2 cache
GAP = 16  # numbers between two points: without it they meet in a few lines of the L1 cache (measured)
LARGEST = 9  # points each way; more lose too many digits


@dataclass(frozen=True)
class Plan:
    """Sizes of a layer's blocks."""

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

    The rows and columns of `layer` are those of all images.
    """
    plan, fewest = Plan(layer, target), min(layer.maps_in, layer.maps_out)
    whole = all(m % (plan.vectors * plan.lanes) == 0 for m in (layer.maps_in, layer.maps_out))
    return whole and fewest >= 16 and plan.n <= LARGEST and min(layer.rows, layer.columns) >= CELLS


def products(plan, terms, results):
    """``multiply(signal, filters, found, count)``: the matrix products at all points of a block of tiles.

    `terms` maps are summed over, and `results` maps found.
    """
    item, points, lanes = np.dtype(plan.layer.dtype).itemsize, plan.n**2, plan.lanes
    rows, width = (12 if plan.target.registers >= 32 else 6), plan.vectors * lanes
    given, found_pitch = plan.pitch(terms), plan.pitch(results)
    one = micro.product(plan.layer.dtype, lanes, rows, plan.vectors, accumulate=False)

    @inlined
    def multiply(signal, filters, found, count):
        for p in range(points):
            for first in range(0, results, width):
                for t in range(0, count, rows):
                    one(
                        signal + (p * given + t * terms) * item,
                        filters + (p * terms * results + first) * item,
                        found + (p * found_pitch + t * results + first) * item,
                        terms, terms, 1, results, results,
                    )  # fmt: skip

    return multiply


def both_ways(matrix, tiles):
    """Tiles (row, column, ...) times a matrix, row by row and column by column."""
    flat = blas.multiply(matrix, tiles.reshape(len(tiles), -1))
    found = room((len(matrix), len(matrix), *tiles.shape[2:]), flat.dtype)
    for row, result in zip(flat.reshape(len(matrix), tiles.shape[1], -1), found, strict=True):
        result[:] = blas.multiply(matrix, row).reshape(result.shape)
    return found


def filter_points(plan, w):
    """Filters (a, b, row, column) at points, (n, n, a, b)."""
    matrix = filter_matrix(plan.n, plan.layer.kernel).astype(plan.layer.dtype)
    return both_ways(matrix, w.transpose(2, 3, 0, 1))


def constant_regions(layer, lanes):
    """``constant(pixel, row_stride, side)``: whether a square's pixels, the first at `pixel`, are equal."""
    same, step = micro.same_maps(layer, lanes), layer.maps_in * np.dtype(layer.dtype).itemsize

    @inlined
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
    from the filters' sums; tiles that are constant as a whole are not transformed at all. Of outputs that
    would be equal for another reason, such as stripes in the image, rounding chooses the winner.
    """
    plan = Plan(layer, target)
    kernel, maps_in, maps_out, n, lanes = layer.kernel, layer.maps_in, layer.maps_out, plan.n, plan.lanes
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, in_pitch, out_pitch = dtype.itemsize, plan.pitch(maps_in), plan.pitch(maps_out)
    to_points, multiply = plan.to_points(signal_matrix(n), maps_in), products(plan, maps_in, maps_out)
    from_points = plan.transform(output_matrix(n, SIDE), out_pitch, SIDE * lanes, lanes)
    pool = micro.pool_tile(layer, lanes, SIDE)
    constant = constant_regions(layer, lanes)

    @inlined
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

    @inlined
    def fill(conv, place, z, v):
        for lane in range(lanes):
            conv[place, lane] = z[v + lane]

    def some_rows(a, part):
        x, u, bias, y, winner, images, height = a[0], a[1], a[3], a[4], a[5], a[6], a[7]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        pixels = array_at(x, (images * height * stride,), dtype)
        sums = array_at(a[2], (maps_in, maps_out), dtype)
        signal, found = empty(n * n * in_pitch, dtype), empty(n * n * out_pitch, dtype)
        signal[:] = 0
        conv = empty(SIDE * SIDE * lanes, dtype).reshape((SIDE * SIDE, lanes))
        pixel, z = np.full(maps_in, np.nan, dtype), np.empty(maps_out, dtype)
        tiles, count, whole = np.empty((TILES, 3), np.int64), 0, rows // CELLS
        stop = (part + 1) * images * whole // parts
        for row in range(part * images * whole // parts, stop):
            image, top = row // whole, CELLS * (row % whole)
            # An odd row and column are in a tile that overlaps the one before, on the same thread.
            last = rows - CELLS if row % whole == whole - 1 else top
            for i in range(top, last + 1):
                for j in range(0, columns, CELLS):
                    j = min(j, columns - CELLS)
                    corner = (image * height + POOL * i) * stride + POOL * j * maps_in
                    cell = ((image * rows + i) * columns + j) * maps_out
                    first = x + corner * item
                    if constant(first, stride * item, n):
                        flat(pixels, corner, sums, pixel, z)
                        for v in range(0, maps_out, lanes):
                            for place in range(SIDE * SIDE):
                                fill(conv, place, z, v)
                            pool(
                                conv.ctypes.data, bias + v * item, y + (cell + v) * item, winner + cell + v,
                                columns * maps_out,
                            )  # fmt: skip
                    else:
                        flats = 0
                        for k in range(CELLS * CELLS):
                            shift = POOL * (k // CELLS * stride + k % CELLS * maps_in)
                            flats |= constant(first + shift * item, stride * item, kernel + 1) << k
                        for v in range(0, maps_in, lanes):
                            home = signal.ctypes.data + (count * maps_in + v) * item
                            to_points(first + v * item, stride, home, 0)
                        tiles[count, 0], tiles[count, 1], tiles[count, 2] = corner, cell, flats
                        count += 1
                    if count < TILES and (row < stop - 1 or i < last or j < columns - CELLS):
                        continue
                    multiply(signal.ctypes.data, u, found.ctypes.data, count)
                    for t in range(count):
                        corner, cell, flats = tiles[t, 0], tiles[t, 1], tiles[t, 2]
                        for v in range(0, maps_out, lanes):
                            points = found.ctypes.data + (t * maps_out + v) * item
                            from_points(points, n * out_pitch, conv.ctypes.data, 0)
                            for k in range(CELLS * CELLS):
                                if flats >> k & 1:
                                    down, right = POOL * (k // CELLS), POOL * (k % CELLS)
                                    flat(pixels, corner + down * stride + right * maps_in, sums, pixel, z)
                                    for r in range(down, down + POOL):
                                        for c in range(right, right + POOL):
                                            fill(conv, r * SIDE + c, z, v)
                            pool(
                                conv.ctypes.data, bias + v * item, y + (cell + v) * item, winner + cell + v,
                                columns * maps_out,
                            )  # fmt: skip
                    count = 0

    all_rows = in_parallel(some_rows, parts, layer, target)

    def forward(x, w, b):
        x, b, sums = np.ascontiguousarray(x), np.ascontiguousarray(b), w.sum(axis=(2, 3)).T.copy()
        y, winner = pooled(layer, x)
        u = filter_points(plan, w[:, :, ::-1, ::-1].swapaxes(0, 1))
        all_rows((x, u, sums, b, y, winner), (*x.shape[:3], *y.shape[1:3]))
        return y, winner

    return forward
