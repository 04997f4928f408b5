"""The sizes that a layer is cut into: registers and cache that the target has, whatever the layer."""

import numpy as np
import pytest

from pose3d.ops.kernels.simd import Target
from pose3d.ops.kernels.tiling import (
    STRIP_BYTES,
    Layer,
    columns_pay,
    forward_tile,
    gradient_block,
    input_block,
    reach,
    strip,
)
from pose3d.ops.shapes import POOL

TARGETS = {
    "AVX-512": Target(64, 32, 2),
    "AVX2": Target(32, 16, 2),
    "NEON": Target(16, 32, 2),
    "SSE": Target(16, 16, 2),
}
LAYERS = [(1, 5, 5, 62), (5, 10, 5, 29), (10, 15, 6, 12), (1, 32, 5, 62), (32, 64, 5, 29), (64, 64, 6, 12)]


@pytest.fixture(params=TARGETS)
def target(request):
    return TARGETS[request.param]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=LAYERS, ids=str)
def layer(request, dtype):
    maps_in, maps_out, kernel, columns = request.param
    return Layer(maps_in, maps_out, kernel, "tanh", dtype, columns)


def test_no_tile_spills(layer, target):
    tile = forward_tile(layer, target)
    accumulators = POOL * POOL * tile.columns * tile.vectors
    filters = POOL * tile.vectors * (layer.run if tile.unrolled else 1)
    assert accumulators + filters + 1 <= target.registers
    assert tile.columns <= layer.columns
    reach_rows, reach_run = reach(layer)
    assert (reach_rows, reach_run) == touched(layer, 1, 1, layer.run).shape
    blocks = (gradient_block(layer, target), layer.kernel), (input_block(layer, target), reach_rows)
    for block, rows in blocks:
        assert block.rows * block.vectors + 1 < target.registers
        assert rows % block.rows == 0


def test_tiles_are_known_by_hand():
    """conv2 of [32 64 64]: 24 accumulators of 2 x 6 positions with AVX-512, 12 with AVX2."""
    layer = Layer(32, 64, 5, "tanh", "float32", 29)
    wide, narrow = (forward_tile(layer, TARGETS[name]) for name in ("AVX-512", "AVX2"))
    assert (wide.columns, wide.vectors, wide.lanes) == (3, 2, 16)
    assert (narrow.columns, narrow.vectors, narrow.lanes) == (3, 1, 8)
    assert forward_tile(Layer(1, 5, 5, "tanh", "float32", 62), TARGETS["AVX-512"]).unrolled


def touched(layer, down, across, width):
    """What so many rows and columns of pooled cells read of an image: (rows, numbers of a row) bool array.

    At each position the filter reads its rows, and of each the first `width` numbers.
    """
    rows, columns = POOL * down, POOL * across
    image = np.zeros((rows + layer.kernel - 1, (columns - 1) * layer.maps_in + width), bool)
    for row, column in np.ndindex(rows, columns):
        start = column * layer.maps_in
        image[row : row + layer.kernel, start : start + width] = True
    return image


def test_a_strip_fits_its_share_of_the_cache(layer, target):
    """With its cells' gradients, and the numbers, of 4 bytes, of the pixels that these go to."""
    block, item = gradient_block(layer, target), np.dtype(layer.dtype).itemsize
    down, across = strip(layer, block, layer.columns, layer.columns)
    assert 1 <= down <= layer.columns
    assert 1 <= across <= layer.columns
    read = touched(layer, down, across, block.width).sum() * item
    assert (down, across) == (1, 1) or read + down * across * layer.maps_out * (item + 4) <= STRIP_BYTES


@pytest.mark.parametrize(
    ("maps", "target", "expected"),
    [
        ((1, 5, 5, 62), "AVX-512", (1, 62)),
        ((10, 15, 6, 12), "AVX2", (4, 12)),
        ((32, 64, 5, 29), "AVX-512", (8, 4)),
    ],
)
def test_strips_are_known_by_hand(maps, target, expected):
    """The most cells that fit, 48 at most or a row: of the last, 32 in 40,704 of 40,960 bytes."""
    layer = Layer(*maps[:3], "tanh", "float32", maps[3])
    assert strip(layer, gradient_block(layer, TARGETS[target]), maps[3], maps[3]) == expected


def test_columns_fill_vectors_where_maps_do_not():
    def pays(target, maps_in, maps_out, columns, dtype="float32"):
        return columns_pay(Layer(maps_in, maps_out, 5, "tanh", dtype, columns), TARGETS[target])

    assert pays("AVX-512", 1, 5, 62)
    assert not pays("AVX-512", 1, 32, 62)  # maps do
    assert pays("AVX-512", 5, 10, 29)
    assert not pays("AVX-512", 5, 10, 18)  # 18 columns leave as much of two vectors empty as 10 maps of one
    assert not pays("AVX-512", 10, 15, 48)  # 30 sums and what they are made of do not fit 32 registers
    assert not pays("AVX-512", 1, 5, 15)  # no row of a whole vector
    assert pays("AVX-512", 1, 5, 8, "float64")
    assert pays("AVX2", 1, 5, 62)
    assert not pays("AVX2", 1, 7, 62)


def test_one_image_of_few_maps_is_small_and_a_minibatch_is_not():
    few, many = Layer(1, 5, 5, "tanh", "float32"), Layer(32, 64, 5, "tanh", "float32")
    assert few.is_small(np.empty((1, 62, 62, 5)))
    assert not few.is_small(np.empty((128, 62, 62, 5)))
    assert not many.is_small(np.empty((1, 29, 29, 64)))
