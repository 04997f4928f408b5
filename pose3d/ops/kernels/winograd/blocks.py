"""Minimal filtering: what the kernels of a layer with many maps share.

A tile of 4 x 4 outputs, which is 2 x 2 pooling windows, depends on kernel + 3 pixels each way. A transform
takes these pixels to as many points; at every point a small matrix product over the maps takes the place of
the convolution; a transform takes the products to the outputs. See `cook_toom` for the arithmetic.

Every kernel gathers tiles at their points until a block is full, multiplies, and scatters what was found.
"""

from dataclasses import dataclass

import numpy as np

from pose3d.ops import blas
from pose3d.ops.jit import inlined
from pose3d.ops.kernels.microkernels import matrix_block
from pose3d.ops.kernels.parts import empty, room
from pose3d.ops.kernels.simd import Target
from pose3d.ops.kernels.tiling import Layer, ceil_div
from pose3d.ops.kernels.winograd import tile_transforms
from pose3d.ops.kernels.winograd.cook_toom import filter_matrix
from pose3d.ops.shapes import POOL

SIDE = 4  # outputs of a tile, each way
CELLS = SIDE // POOL
TILES = 24  # of a block, whose points stay in the L2 cache
GAP = 16  # numbers between two points: without it they meet in a few lines of the L1 cache (measured)
LARGEST = 9  # points each way; more lose too many digits
NOTES = 3  # numbers that are kept of a tile until it is scattered


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
        return tile_transforms.tile_transform(self.layer.dtype, self.lanes, matrix, *steps)

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


tiles = inlined(ceil_div)  # of so many windows or pixels; the last may overlap the one before


@inlined
def tiles_of_images(part, parts, images, tiles):
    """The first tile of a part's images, and the one behind its last; an image has so many tiles."""
    return part * images // parts * tiles, (part + 1) * images // parts * tiles


@inlined
def tile_at(number, down, across):
    """Image, row and column of a tile of a number, of `down` rows of `across` tiles an image."""
    row = number // across
    return row // down, row % down, number % across


def in_blocks(share, arrays, gather, finish):
    """``some_tiles(a, part)``: gather the tiles of a part until a block is full, and finish it.

    ``share(a, part)`` are the first tile and the one behind the last; ``arrays(a, part)`` makes what
    ``gather(a, tile, count, arrays)`` and ``finish(a, count, arrays)`` work in. `gather` is 1, or 0 where
    there is nothing to finish.
    """

    def some_tiles(a, part):
        start, stop = share(a, part)
        own, count = arrays(a, part), 0
        for tile in range(start, stop):
            count += gather(a, tile, count, own)
            if count == TILES or tile == stop - 1:
                finish(a, count, own)
                count = 0

    return some_tiles


def filtering(plan, terms, results, share, arrays, gather, scatter):
    """`in_blocks` for filters at points, the address ``a[0]``, which multiply tiles of `terms` maps.

    ``gather(a, tile, notes, home, own)`` takes a tile to the points at the address `home`, and
    ``scatter(a, notes, points, own)`` takes its products, of `results` maps, to where they belong. The
    `NOTES` numbers that are noted of a tile are kept in between; ``arrays(a)`` makes `own`.
    """
    dtype, multiply = np.dtype(plan.layer.dtype), at_points(plan, terms, results)
    item, count_in, count_out = dtype.itemsize, plan.n**2 * plan.pitch(terms), plan.n**2 * plan.pitch(results)

    @inlined
    def block(a, part):
        signal, found = empty(count_in, dtype), empty(count_out, dtype)
        signal[:] = 0
        return signal, found, np.empty((TILES, NOTES), np.int64), arrays(a)

    @inlined
    def collect(a, tile, count, block):
        signal, _, notes, own = block
        return gather(a, tile, notes[count], signal.ctypes.data + count * terms * item, own)

    @inlined
    def finish(a, count, block):
        signal, found, notes, own = block
        multiply(signal.ctypes.data, a[0], found.ctypes.data, count)
        for t in range(count):
            scatter(a, notes[t], found.ctypes.data + t * results * item, own)

    return in_blocks(share, block, collect, finish)


def at_points(plan, terms, results):
    """``multiply(signal, filters, found, count)``: the matrix products at all points of a block of tiles.

    `terms` maps are summed over, and `results` maps found.
    """
    item, points, lanes = np.dtype(plan.layer.dtype).itemsize, plan.n**2, plan.lanes
    rows, width = (12 if plan.target.registers >= 32 else 6), plan.vectors * lanes
    given, found_pitch = plan.pitch(terms), plan.pitch(results)
    one = matrix_block(plan.layer.dtype, lanes, rows, plan.vectors, accumulate=False)

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
