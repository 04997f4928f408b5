"""The vectorised functions against numpy's, their gradients against the derivative."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.ops.activations import softplus, tanh

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in logaddexp")  # of NaN
MODE = "NUMBA"
FUNCTIONS = {
    "tanh": (tanh, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "softplus": (softplus, lambda x: np.logaddexp(x, 0), lambda x: 0.5 + 0.5 * np.tanh(x / 2)),
}
# Several vectors and a rest; the steep part, the tails, what overflows an exponential, and no number.
POINTS = np.concatenate(
    [np.linspace(-20, 20, 4001), [0, -0.0, 1e-30, 88, -88, 1e4, -1e4, 3e38, -3e38, np.nan]]
)
TOLERANCE = {"float32": 6e-7, "float64": 1e-15}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient(name, dtype):
    op, expected, derivative = FUNCTIONS[name]
    x = pt.vector("x", dtype=dtype)
    y = op(x)
    f = pytensor.function([x], [y, pt.grad(y.sum(), x)], mode=MODE)
    points = POINTS.astype(dtype)
    value, gradient = f(points)
    assert value.dtype == gradient.dtype == dtype
    exact = expected(points.astype("float64"))
    # relative where the value is large, as a sum's rounding is
    np.testing.assert_allclose(value, exact, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    np.testing.assert_allclose(gradient, derivative(points.astype("float64")), atol=TOLERANCE[dtype])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_small_values_keep_their_relative_precision(name):
    op, expected, _ = FUNCTIONS[name]
    x = pt.vector("x", dtype="float32")
    numbers = [-80, -40, -17, -1e-3, 1e-6, 1e-3] if name == "softplus" else [1e-30, 1e-6, -1e-3, 0.1]
    points = np.array(numbers, "float32")
    value = pytensor.function([x], op(x), mode=MODE)(points)
    np.testing.assert_allclose(value, expected(points.astype("float64")), rtol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_python_mode_agrees(name):
    op, expected, _ = FUNCTIONS[name]
    x = pt.vector("x", dtype="float64")
    f = pytensor.function([x], op(x), mode="FAST_COMPILE")
    np.testing.assert_allclose(f(POINTS), expected(POINTS), atol=1e-15, rtol=1e-15)
