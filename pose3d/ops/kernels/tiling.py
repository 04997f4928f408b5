"""How a layer is cut to fit registers and cache: sizes only, nothing is compiled here."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pose3d.ops.shapes import POOL

# Shares of a 48 KB L1 cache: image rows under a strip of cells, and filters of one block of taps (measured).
STRIP_BYTES = 40 * 1024
STRIP_CELLS = 48  # over which filling the registers and emptying them no longer counts
FILTER_BYTES = 44 * 1024
SMALL = 6 * 10**6  # products of a layer that take no longer than waking the threads (measured)


@dataclass(frozen=True)
class Layer:
    """All that a kernel is specialised on, but the target."""

    maps_in: int
    maps_out: int
    kernel: int
    activation: str
    dtype: str
    columns: int = 1  # pooled columns and rows that every image has at least (1 where that is not known)
    rows: int = 1

    @property
    def run(self):
        """Elements of the image that one filter row meets."""
        return self.kernel * self.maps_in

    def is_small(self, y):
        """Whether outputs `y`, an array, are computed sooner than threads are woken."""
        return POOL * POOL * y.size * self.kernel * self.run < SMALL


@dataclass(frozen=True)
class Tile:
    """Register tile of the forward kernel: 2 x 2 `columns` conv positions, `vectors` of output maps."""

    columns: int
    vectors: int
    lanes: int
    unrolled: bool

    @property
    def width(self):
        """Output maps of a tile."""
        return self.vectors * self.lanes


@dataclass(frozen=True)
class Block:
    """Register block of the gradients: `rows` rows of `vectors` vectors of filters' taps, or of pixels.

    `masked` says that a row is no whole number of blocks, so that the last one must not touch what lies
    behind it.
    """

    rows: int
    vectors: int
    lanes: int
    masked: bool

    @property
    def width(self):
        """Numbers of one row of the block, padding included."""
        return self.vectors * self.lanes

    @property
    def size(self):
        """Numbers of a block, padding included."""
        return self.rows * self.width

    def counts(self, rows, run):
        """Blocks that `rows` rows of `run` numbers need: next to each other, below each other."""
        return ceil_div(run, self.width), rows // self.rows

    @property
    def places(self):
        """(row, vector) of every accumulator."""
        return [(r, v) for r in range(self.rows) for v in range(self.vectors)]


def ceil_div(a, b):
    """`a` / `b`, rounded up."""
    return -(-a // b)


def forward_tile(layer, target):
    """The tile that fills the registers: accumulators, the filters of one tap, and one pixel.

    All taps of a filter row at once where it is short. Otherwise one or two vectors of maps,
    whichever loads less per multiplication: each tap takes two filters a vector and two pixels
    a column, for four multiplications a column and vector.
    """
    lanes = target.lanes(layer.dtype)
    unrolled = POOL * layer.run <= target.registers // 3
    held = POOL * (layer.run if unrolled else 1)  # filter vectors, for each vector of maps

    def columns(vectors):
        return max(1, (target.registers - 1 - held * vectors) // (POOL * POOL * vectors))

    def loads(vectors):
        return (POOL * vectors + POOL * columns(vectors)) / (vectors * columns(vectors))

    vectors = 1 if unrolled or layer.maps_out <= lanes else min((1, 2), key=loads)
    tiles = ceil_div(layer.columns, columns(vectors))
    return Tile(ceil_div(layer.columns, tiles), vectors, lanes, unrolled)


def columns_pay(layer, target):
    """Whether vectors of columns waste less than those of maps, and the registers hold a conv row's sums.

    By a tenth less, since rows are copied first and results shuffled (measured).
    """
    lanes = target.lanes(layer.dtype)

    def used(size):
        return size / (ceil_div(size, lanes) * lanes)

    fits = row_registers(layer, rows=1) <= target.registers
    return fits and lanes <= layer.columns and 1.1 * used(layer.maps_out) < used(layer.columns)


def row_registers(layer, rows):
    """Vectors that `rows` conv rows of all maps hold: two vectors of columns and a tap beside the sums."""
    return POOL * (rows * layer.maps_out + 1) + 1


def gradient_block(layer, target):
    """The block of taps that fills the register budget: all filter rows, as many vectors as fit."""
    return _block(layer, target, layer.kernel, layer.run)


def input_block(layer, target):
    """The block of the pixels that `reach` counts; of one row where the filters of all would not fit L1."""
    rows, run = reach(layer)
    block = _block(layer, target, rows, run)
    item = np.dtype(layer.dtype).itemsize
    if POOL * POOL * layer.maps_out * block.size * item <= FILTER_BYTES:
        return block
    most = FILTER_BYTES // (POOL * POOL * layer.maps_out * block.lanes * item)
    return _block(layer, target, 1, run, most)


def reach(layer):
    """Rows of pixels that the convolution outputs of a pooling window depend on, and the numbers of each."""
    return layer.kernel + POOL - 1, layer.run + (POOL - 1) * layer.maps_in


def _block(layer, target, rows, run, most=10**6):
    """A block of `rows` rows, or of one if they are too many, and of `most` vectors of the `run` of each."""
    lanes = target.lanes(layer.dtype)
    while lanes > 4 and lanes // 2 >= run:
        lanes //= 2  # a filter row of 5 pixels needs no 16 lanes
    budget = target.registers * 4 // 5  # 5 rows of 5 vectors still fit
    rows = rows if rows <= budget else 1
    vectors = ceil_div(run, lanes)
    vectors = ceil_div(vectors, ceil_div(vectors, max(1, min(most, budget // rows))))
    return Block(rows, vectors, lanes, run % (vectors * lanes) != 0)


@cache
def strip(layer, block, rows, columns):
    """(rows, columns) of pooled cells over which the filter gradient keeps a block in registers.

    As many as possible while the image under them, their gradients and their offsets stay in L1.
    """
    kernel, maps_in, item = layer.kernel, layer.maps_in, np.dtype(layer.dtype).itemsize
    best, shape = 0, (1, 1)
    for down in range(1, rows + 1):
        for strips in range(1, columns + 1):
            across = ceil_div(columns, strips)
            high, wide = POOL * down + kernel - 1, POOL * across * maps_in + block.width - maps_in
            size = high * wide * item + down * across * layer.maps_out * (item + 4)
            cells = min(down * across, STRIP_CELLS)
            if size <= STRIP_BYTES and (cells > best or (cells == best and across > shape[1])):
                best, shape = cells, (down, across)
    return shape
