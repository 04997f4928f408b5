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
    assert (reach_rows, reach_run) == (layer.kernel + 1, (layer.kernel + 1) * layer.maps_in)
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


def test_a_strip_fits_its_share_of_the_cache(layer, target):
    block, item = gradient_block(layer, target), {"float32": 4, "float64": 8}[layer.dtype]
    rows, width = layer.columns, block.width
    down, across = strip(layer, block, rows, layer.columns)
    assert 1 <= down <= rows
    assert 1 <= across <= layer.columns
    image = (POOL * down + layer.kernel - 1) * (POOL * across * layer.maps_in + width - layer.maps_in) * item
    assert (down, across) == (1, 1) or image + down * across * layer.maps_out * (item + 4) <= STRIP_BYTES


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
