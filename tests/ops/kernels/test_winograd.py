"""Minimal filtering: its arithmetic, and its kernels against the reference."""

import numpy as np
import pytest

from pose3d.ops import reference
from pose3d.ops.kernels import winograd
from pose3d.ops.kernels.simd import Target
from pose3d.ops.kernels.tiling import Layer
from pose3d.ops.kernels.winograd import cook_toom
from tests.ops.kernels.test_kernels import HALF, HOST

WIDE = max(16, 2 * HOST.lanes("float32"))
# maps in, maps out, filter, rows, columns: an odd and an even number of pooling windows each way; more
# tiles than a block has, and fewer; an image with a row and a column that no window covers.
CASES = [(WIDE, 2 * WIDE, 5, 14, 31), (2 * WIDE, WIDE, 6, 12, 13), (WIDE, WIDE, 3, 14, 13)]
# As the host, with more parts than the tests have images.
MORE_PARTS = Target(HOST.vector_bytes, HOST.registers, max(3, HOST.threads + 1))
# Of the largest number; the transforms lose more digits than a sum does.
TOLERANCE = {"float32": 5e-4, "float64": 1e-11}


@pytest.mark.parametrize(("outputs", "taps"), [(4, 5), (4, 6), (4, 3), (2, 5)])
def test_the_matrices_filter_and_find_the_filters_gradient(outputs, taps):
    n, rng = outputs + taps - 1, np.random.default_rng(0)
    signal, points = rng.normal(size=n), cook_toom.signal_matrix(n)
    for length in (outputs, taps):  # the filter's gradient is a correlation with the outputs' gradient
        other = rng.normal(size=n + 1 - length)
        found = cook_toom.filter_matrix(n, len(other)) @ other * (points @ signal)
        found = cook_toom.output_matrix(n, length) @ found
        np.testing.assert_allclose(found, np.correlate(signal, other, "valid"), atol=1e-13)


def samples(case, dtype, images):
    maps_in, maps_out, k, rows, columns = case
    rng = np.random.RandomState(sum(case))
    x = rng.uniform(-1, 1, (images, rows, columns, maps_in)).astype(dtype)
    w = (rng.normal(size=(maps_out, maps_in, k, k)) / k / np.sqrt(maps_in)).astype(dtype)
    return x, w, rng.normal(scale=0.1, size=maps_out).astype(dtype), rng


def layer_of(case, dtype, activation="tanh"):
    maps_in, maps_out, k, rows, columns = case
    return Layer(maps_in, maps_out, k, activation, dtype, (columns - k + 1) // 2, (rows - k + 1) // 2)


def run_case(case, dtype, target, images, activation="tanh"):
    x, w, b, rng = samples(case, dtype, images)
    k, layer = case[2], layer_of(case, dtype, activation)
    assert winograd.worth_while(layer, target)

    def close(actual, expected):
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * abs(expected).max())

    y, winner = winograd.forward_kernel(layer, target)(x, w, b)
    expected, cells = reference.forward(x, w, b, activation)
    close(y, expected)
    assert (winner != cells).mean() < 1e-3  # rounding may turn a near tie
    gy = rng.normal(size=y.shape).astype(dtype)
    dw, db = winograd.grad_weights_kernel(layer, target)(x, y, winner, gy)
    expected_w, expected_b = reference.grad_weights(x, y, winner, gy, k, activation)
    close(dw, expected_w)
    close(db, expected_b)
    sides = np.array(x.shape[1]), np.array(x.shape[2])
    dx = winograd.grad_input_kernel(layer, target)(w, y, winner, gy, *sides)
    close(dx, reference.grad_input(w, y, winner, gy, *x.shape[1:3], activation))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "dtype"), [(CASES[0], "float32"), (CASES[1], "float64"), (CASES[2], "float32")]
)
def test_kernels_agree_with_the_reference(case, dtype):
    run_case(case, dtype, HOST, images=3)


@pytest.mark.slow
def test_narrower_vectors_one_thread_and_relu():
    run_case(CASES[1], "float32", HALF, 2, "relu")


@pytest.mark.slow
def test_nan_stays_nan():
    """A transform spreads it over its tile: there may be more of it than there should be, never less."""
    case = CASES[1]
    x, w, b, _ = samples(case, "float32", 2)
    x[0, 3, 4, 5] = np.nan
    w[7, 0, 2, 1] = np.nan
    y, _ = winograd.forward_kernel(layer_of(case, "float32", "relu"), HALF)(x, w, b)
    expected = np.isnan(reference.forward(x, w, b, "relu")[0])
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(np.isnan(y[1]), expected[1])
    assert np.isnan(y[0])[expected[0]].all()


@pytest.mark.slow
def test_more_parts_than_images():
    run_case(CASES[2], "float32", MORE_PARTS, 2)


def test_outputs_do_not_depend_on_the_number_of_parts():
    case = CASES[2]  # 6 x 5 pooling windows: tiles overlap
    x, w, b, _ = samples(case, "float32", 1)
    kernels = (winograd.forward_kernel(layer_of(case, "float32"), target) for target in (HOST, MORE_PARTS))
    first, other = (kernel(x, w, b) for kernel in kernels)
    np.testing.assert_array_equal(other[0], first[0])
    np.testing.assert_array_equal(other[1], first[1])


def test_a_constant_region_gives_constant_outputs_and_its_ties_go_to_the_first_cell():
    case = (WIDE, WIDE, 3, 22, 40)
    x, w, b, _ = samples(case, "float32", 3)
    x[0] = x[0, 0, 0]  # all of an image
    x[1, :, :23] = x[0, 0, 0]  # part of one, the same gray levels
    x[2, 9:] = x[2, 0, 0]  # and others
    y, winner = winograd.forward_kernel(layer_of(case, "float32"), HOST)(x, w, b)
    flat = y[0, 0, 0]
    for region in (y[0], y[1, :, :10]):
        np.testing.assert_array_equal(region, np.broadcast_to(flat, region.shape))
    np.testing.assert_array_equal(y[2, 5:], np.broadcast_to(y[2, 5, 0], y[2, 5:].shape))
    assert not winner[0].any()
    assert not winner[1, :, :10].any()
    assert not winner[2, 5:].any()
    expected, cells = reference.forward(x, w, b)
    np.testing.assert_allclose(y, expected, atol=1e-4)
    assert winner[2, :4].any()
    assert (winner[2, :4] != cells[2, :4]).mean() < 1e-3


def test_few_maps_odd_maps_and_large_filters_are_left_to_the_direct_kernels():
    def worth_while(*case):
        return winograd.worth_while(layer_of(case, "float32"), HOST)

    assert worth_while(WIDE, WIDE, 6, 30, 30)
    assert not worth_while(WIDE, WIDE, 7, 30, 30)
    assert not worth_while(WIDE, WIDE + 1, 5, 30, 30)
    assert not worth_while(5, 10, 5, 30, 30)
    assert not worth_while(WIDE, WIDE, 5, 30, 7)  # one pooling window


def test_results_do_not_depend_on_chance():
    x, w, b, _ = samples(CASES[2], "float32", 4)
    layer = layer_of(CASES[2], "float32")
    y, winner = winograd.forward_kernel(layer, HOST)(x, w, b)
    gradient = winograd.grad_weights_kernel(layer, HOST)
    first = gradient(x, y, winner, y)[0]
    for _ in range(3):
        np.testing.assert_array_equal(gradient(x, y, winner, y)[0], first)
