"""The compiled kernels against the reference, for every tile, in both types."""

import os
import subprocess
import sys

import numpy as np
import pytest

from pose3d.ops import reference
from pose3d.ops.kernels import backward as gradients
from pose3d.ops.kernels import forward as kernels
from pose3d.ops.kernels.simd import Target, host_features, host_target
from pose3d.ops.kernels.tiling import Layer

# maps in, maps out, filter, rows, columns: no two alike; maps that fill no vector, or several; an image
# of one pooled row; one narrower than it is high; filter rows of one map, and of many; few maps and so many
# columns that these fill vectors.
CASES = [
    (1, 5, 5, 19, 24),
    (3, 37, 6, 21, 30),
    (32, 64, 5, 7, 46),
    (10, 15, 6, 29, 13),
    (1, 3, 5, 11, 75),
    (3, 6, 6, 11, 65),
]
TOLERANCE = {"float32": 3e-6, "float64": 1e-13}
HOST = host_target()
# Half the host's vectors with the registers of AVX2, on one thread.
HALF = Target(max(16, HOST.vector_bytes // 2), 16, 1)


def close(actual, expected, dtype):
    assert actual.dtype == expected.dtype == dtype
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * abs(expected).max())


def run_case(case, dtype, target, activation, images, known_width=True):
    maps_in, maps_out, k, rows, columns = case
    rng = np.random.RandomState(sum(case))
    x = rng.uniform(-1, 1, (images, rows, columns, maps_in)).astype(dtype)
    w = (rng.normal(size=(maps_out, maps_in, k, k)) / k / np.sqrt(maps_in)).astype(dtype)
    b = rng.normal(scale=0.1, size=maps_out).astype(dtype)
    width = (columns - k + 1) // 2 if known_width else 1
    layer = Layer(maps_in, maps_out, k, activation, dtype, width)
    y, winner = kernels.forward_kernel(layer, target)(x, w, b)
    expected, cells = reference.forward(x, w, b, activation)
    close(y, expected, dtype)
    assert (winner != cells).mean() < 1e-3  # rounding may turn a near tie
    gy = rng.normal(size=y.shape).astype(dtype)
    dw, db = gradients.grad_weights_kernel(layer, target)(x, y, winner, gy)
    expected_w, expected_b = reference.grad_weights(x, y, winner, gy, k, activation)
    close(dw, expected_w, dtype)
    close(db, expected_b, dtype)
    sides = np.array(rows), np.array(columns)
    dx = gradients.grad_input_kernel(layer, target)(w, y, winner, gy, *sides)
    close(dx, reference.grad_input(w, y, winner, gy, rows, columns, activation), dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_kernels_agree_with_the_reference(case, dtype):
    run_case(case, dtype, HOST, "tanh", images=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "dtype"), [(CASES[1], "float32"), (CASES[2], "float64"), (CASES[5], "float32")]
)
def test_narrower_vectors_and_fewer_registers_agree_as_well(case, dtype):
    run_case(case, dtype, HALF, "tanh", images=3)


@pytest.mark.slow
@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=["vectors of maps", "vectors of columns"])
def test_of_equal_cells_the_first_wins(case):
    """Under stripes, too: a window's cells are equal, and the image is not constant."""
    x, w, b = (np.nan_to_num(array) for array in with_nan(case, "float32"))
    layer = Layer(*case[:3], "tanh", "float32", (case[4] - case[2] + 1) // 2)
    for stripes in (x[:, :, :1], x[:, :1]):
        image = np.ascontiguousarray(np.broadcast_to(stripes, x.shape))
        _, winner = kernels.forward_kernel(layer, HOST)(image, w, b)
        assert winner.any()
        assert set(np.unique(winner)) <= ({0, 2} if stripes.shape[2] == 1 else {0, 1})


def with_nan(case, dtype):
    """An image, filters and biases with NaN in a pixel, which meets every cell of a window, and in a bias."""
    maps_in, maps_out, k, rows, columns = case
    rng = np.random.RandomState(3)
    x = rng.uniform(-1, 1, (2, rows, columns, maps_in)).astype(dtype)
    x[0, 5, 11, 0] = np.nan
    w = (rng.normal(size=(maps_out, maps_in, k, k)) / k).astype(dtype)
    b = rng.normal(scale=0.1, size=maps_out).astype(dtype)
    b[1] = np.nan
    return x, w, b


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=["vectors of maps", "vectors of columns"])
def test_nan_stays_nan(case, activation):
    """In any cell of a pooling window, and through the activation and its gradient."""
    x, w, b = with_nan(case, "float32")
    layer = Layer(*case[:3], activation, "float32", (case[4] - case[2] + 1) // 2)
    y, winner = kernels.forward_kernel(layer, HOST)(x, w, b)
    expected, cells = reference.forward(x, w, b, activation)
    lost = np.isnan(expected)
    assert set(cells[..., 0][lost[..., 0]]) == {0, 1, 2, 3}
    np.testing.assert_array_equal(np.isnan(y), lost)
    np.testing.assert_array_equal(winner[lost & (b == b)], cells[lost & (b == b)])
    gy = np.where(np.random.RandomState(4).uniform(size=y.shape) < 0.01, np.nan, 1).astype("float32")
    found = gradients.grad_weights_kernel(layer, HOST)(x[1:], y[1:], winner[1:], gy[1:])
    wanted = reference.grad_weights(x[1:], expected[1:], cells[1:], gy[1:], case[2], activation)
    for mine, slow in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(slow))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_parts_agrees(threads):
    run_case(CASES[0], "float32", Target(HOST.vector_bytes, HOST.registers, threads), "tanh", images=5)


AVX2 = "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt"


@pytest.mark.slow
@pytest.mark.skipif("avx2" not in host_features(), reason="this processor has no AVX2")
def test_a_processor_with_avx2_alone():
    code = """
from tests.ops.kernels import test_kernels as t
from tests.ops.kernels import test_winograd as v
assert (t.HOST.vector_bytes, t.HOST.registers) == (32, 16), t.HOST
for case in (t.CASES[1], t.CASES[2], t.CASES[5]):
    for dtype in ("float32", "float64"):
        t.run_case(case, dtype, t.HOST, "tanh", images=3)
v.run_case(v.CASES[2], "float32", t.HOST, 2)
"""
    settings = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": AVX2}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, 2])
def test_relu_few_images_and_a_width_unknown_when_compiling(images):
    run_case((4, 7, 5, 12, 15), "float32", HOST, "relu", images, known_width=False)


def test_ties_of_a_constant_background_go_to_the_first_cell():
    layer = Layer(1, 3, 5, "tanh", "float32", 5)
    x = np.zeros((1, 14, 14, 1), "float32")
    x[0, 4, 4] = 1
    w = np.random.RandomState(0).normal(size=(3, 1, 5, 5)).astype("float32")
    y, winner = kernels.forward_kernel(layer, HOST)(x, w, np.zeros(3, "float32"))
    assert (winner[:, 3:, 3:] == 0).all()
    np.testing.assert_array_equal(winner, reference.forward(x, w, np.zeros(3, "float32"))[1])


def test_float32_tanh_is_within_a_few_units_of_rounding():
    layer = Layer(1, 1, 1, "tanh", "float32", 1)
    z = np.concatenate([np.linspace(-12, 12, 4001), [0, -0.0, 1e-30, 50, -3e38, np.inf]]).astype("float32")
    x = np.repeat(np.repeat(z, 2)[None, None, :, None], 2, axis=1)  # each value fills one pooling window
    y, _ = kernels.forward_kernel(layer, HOST)(x, np.ones((1, 1, 1, 1), "float32"), np.zeros(1, "float32"))
    exact = np.tanh(z.astype("float64"))
    assert abs(y[0, 0, :, 0] - exact).max() < 4e-7
    assert abs(y).max() <= 1


def test_results_do_not_depend_on_chance():
    layer = Layer(5, 10, 5, "tanh", "float32", 7)
    rng = np.random.RandomState(1)
    x = rng.normal(size=(7, 19, 18, 5)).astype("float32")
    w, b = rng.normal(size=(10, 5, 5, 5)).astype("float32"), np.zeros(10, "float32")
    y, winner = kernels.forward_kernel(layer, HOST)(x, w, b)
    gradient = gradients.grad_weights_kernel(layer, HOST)
    first = gradient(x, y, winner, y)[0]
    for _ in range(5):
        np.testing.assert_array_equal(gradient(x, y, winner, y)[0], first)
