import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.model.graph import MODE
from pose3d.model.layers import ConvPoolLayer, DenseLayer, dropout, glorot
from pose3d.ops import reference


def evaluate(layer, x):
    images = pt.tensor("x", dtype=x.dtype, shape=(None, *x.shape[1:]))
    return pytensor.function([images], layer(images), mode=MODE)(x)


def test_glorot_fills_its_bounds():
    w = glorot(np.random.RandomState(0), (50, 40), 50, 40, "float32")
    bound = np.sqrt(6 / 90)
    assert w.dtype == "float32"
    assert 0.99 * bound < w.max() <= bound
    assert -bound <= w.min() < -0.99 * bound


def test_a_convolution_layers_parameters_and_their_bounds():
    layer = ConvPoolLayer(np.random.RandomState(0), "conv2", 2, 3, 5)
    assert list(layer.params) == ["conv2.W", "conv2.b"]
    assert [p.name for p in layer.params.values()] == ["conv2.W", "conv2.b"]
    assert layer.W.get_value().shape == (3, 2, 5, 5)
    assert layer.b.get_value().tolist() == [0, 0, 0]
    assert {p.dtype for p in layer.params.values()} == {"float32"}
    bound = np.sqrt(6 / (2 * 25 + 3 * 25 / 4))  # the pooling takes three of four outputs away
    assert 0.97 * bound < abs(layer.W.get_value()).max() <= bound


def test_a_dense_layers_parameters():
    layer = DenseLayer(np.random.RandomState(0), "fc1", 7, 4, dtype="float64")
    assert {name: p.get_value().shape for name, p in layer.params.items()} == {"fc1.W": (7, 4), "fc1.b": (4,)}
    assert {p.dtype for p in layer.params.values()} == {"float64"}


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_convolution_layer_is_the_reference(activation):
    layer = ConvPoolLayer(np.random.RandomState(0), "conv1", 2, 3, 5, activation, "float64")
    layer.b.set_value(np.array([0.5, -0.5, 0.1]))
    x = np.random.RandomState(1).normal(size=(4, 11, 14, 2))
    expected, _ = reference.forward(x, layer.W.get_value(), layer.b.get_value(), activation)
    assert expected.shape == (4, 3, 5, 3)
    np.testing.assert_allclose(evaluate(layer, x), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("activation", "function"),
    [("identity", lambda z: z), ("tanh", np.tanh), ("relu", lambda z: np.maximum(z, 0))],
)
def test_a_dense_layer(activation, function):
    layer = DenseLayer(np.random.RandomState(0), "fc1", 7, 4, activation, "float64")
    layer.b.set_value(np.array([0.5, -0.5, 0.1, -3]))
    x = np.random.RandomState(1).normal(size=(3, 7))
    expected = function(x @ layer.W.get_value() + layer.b.get_value())
    np.testing.assert_allclose(evaluate(layer, x), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_relu_and_its_gradient_which_is_zero_at_zero(dtype):
    x = pt.vector("x", dtype=dtype)
    layer = DenseLayer(np.random.RandomState(0), "fc1", 1, 1, "relu", dtype)
    layer.W.set_value(np.ones((1, 1), dtype))
    y = layer(x.reshape((-1, 1)))
    function = pytensor.function([x], [y, pytensor.grad(y.sum(), x)], mode=MODE)
    values, gradients = function(np.array([-np.inf, -1, 0, 2, np.inf, np.nan], dtype))
    assert values.dtype == gradients.dtype == dtype
    np.testing.assert_array_equal(values.ravel(), [0, 0, 0, 2, np.inf, np.nan])
    assert gradients[:5].tolist() == [0, 0, 0, 1, 1]


@pytest.fixture(scope="module")
def dropped():
    """A function of x -> x with a quarter dropped, whose generator starts anew with a seed."""
    rng = pytensor.shared(np.random.default_rng(0), "rng")
    x = pt.matrix("x", dtype="float32")
    value, after = dropout(x, 0.25, rng)
    function = pytensor.function([x], value, updates={rng: after}, mode=MODE)

    def call(x, seed=None):
        if seed is not None:
            rng.set_value(np.random.default_rng(seed))
        return function(x)

    return call


def test_dropout_drops_its_share_and_scales_the_rest(dropped):
    x = np.full((200, 500), 3, "float32")
    y = dropped(x, seed=1)
    assert y.dtype == "float32"
    assert set(np.unique(y)) == {np.float32(0), np.float32(3 * np.float32(1 / 0.75))}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert y.mean() == pytest.approx(3, rel=0.02)


def test_dropout_draws_anew_at_every_call_and_repeats_with_the_seed(dropped):
    x = np.ones((20, 50), "float32")
    first, second = dropped(x, seed=1), dropped(x)
    assert (first != second).any()
    np.testing.assert_array_equal(dropped(x, seed=1), first)
    np.testing.assert_array_equal(dropped(x), second)
    assert (dropped(x, seed=2) != first).any()
