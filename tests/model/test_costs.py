import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.model import costs
from pose3d.model.graph import MODE

RNG = np.random.RandomState
LOGITS = RNG(0).normal(0, 2, (3, 1700))
LABELS = (RNG(1).uniform(size=(3, 1700)) < 0.03).astype(float)
OUTPUTS, TARGETS = RNG(2).normal(0, 300, (2, 3, 51))


def compiled(cost, dtype="float64"):
    """A function of two matrices -> the cost, and its gradient at the first."""
    a, b = pt.matrix("a", dtype=dtype), pt.matrix("b", dtype=dtype)
    value = cost(a, b)
    return pytensor.function([a, b], [value, pytensor.grad(value, a)], mode=MODE)


COSTS = {
    "tanh": lambda a, b: costs.detection_cost(a, b, "tanh"),
    "sigmoid": lambda a, b: costs.detection_cost(a, b, "sigmoid"),
    "squared": costs.squared_cost,
    "mpjpe": costs.mpjpe_cost,
}


@pytest.fixture(scope="module")
def functions():
    return {name: compiled(cost) for name, cost in COSTS.items()}


def test_cross_entropies_by_hand():
    """sigmoid: at z = 0 both labels cost log 2; at z = log 3 h is 3/4. tanh reads z as twice as much."""
    z, h = np.array([[0.0, 0.0, np.log(3), np.log(3)]]), np.array([[0.0, 1.0, 1.0, 0.0]])
    expected = [[np.log(2), np.log(2), np.log(4 / 3), np.log(4)]]
    a, b = pt.matrix("a"), pt.matrix("b")
    outputs = [costs.cross_entropies(a, b, "sigmoid"), costs.cross_entropies(a / 2, b, "tanh")]
    outputs += [costs.window_probabilities(a, "sigmoid"), costs.window_probabilities(a / 2, "tanh")]
    sigmoid, tanh, p, q = pytensor.function([a, b], outputs, mode=MODE)(z, h)
    np.testing.assert_allclose(sigmoid, expected, rtol=1e-12)
    np.testing.assert_allclose(tanh, expected, rtol=1e-12)
    np.testing.assert_allclose(p, [[0.5, 0.5, 0.75, 0.75]], rtol=1e-12)
    np.testing.assert_allclose(q, [[0.5, 0.5, 0.75, 0.75]], rtol=1e-12)


@pytest.mark.parametrize(
    ("readout", "h"), [("sigmoid", 1 / (1 + np.exp(-LOGITS))), ("tanh", (1 + np.tanh(LOGITS)) / 2)]
)
def test_detection_cost_is_eq_4_and_5_over_the_minibatch(functions, readout, h):
    cost, gradient = functions[readout](LOGITS, LABELS)
    entropies = -LABELS * np.log(h) - (1 - LABELS) * np.log(1 - h)
    np.testing.assert_allclose(cost, entropies.sum() / (2 * 3), rtol=1e-9)
    gain = {"sigmoid": 1, "tanh": 2}[readout]
    np.testing.assert_allclose(gradient, gain * (h - LABELS) / (2 * 3), rtol=1e-7, atol=1e-12)


def test_the_tanh_readout_is_the_logistic_of_twice_the_logit(functions):
    assert functions["tanh"](LOGITS, LABELS)[0] == pytest.approx(
        functions["sigmoid"](2 * LOGITS, LABELS)[0], rel=1e-12
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("readout", ["tanh", "sigmoid"])
def test_huge_logits_cost_a_finite_sum(functions, readout, dtype):
    """Right at +-1e4 costs nothing; wrong costs gain * 1e4 per window, and the gradient is the gain."""
    function = functions[readout] if dtype == "float64" else compiled(COSTS[readout], dtype)
    z, h = np.array([[1e4, -1e4, 1e4, -1e4]], dtype), np.array([[1, 0, 0, 1]], dtype)
    gain = costs.READOUT_GAINS[readout]
    cost, gradient = function(z, h)
    assert cost == pytest.approx(gain * 2e4 / 2, rel=1e-6)
    np.testing.assert_allclose(gradient, [[0, 0, gain / 2, -gain / 2]], atol=1e-12)


def test_squared_cost_by_hand(functions):
    outputs, targets = np.zeros((2, 51)), np.zeros((2, 51))
    outputs[0, 3:6] = 1, 2, 2
    targets[1, 50] = 4
    cost, gradient = functions["squared"](outputs, targets)
    assert cost == (9 + 16) / (2 * 2)
    assert gradient[1, 50] == -4 / 2
    assert list(gradient[0, 3:6]) == [0.5, 1, 1]


def test_mpjpe_by_hand_and_its_gradient_at_zero_distance(functions):
    outputs, targets = np.zeros((2, 51)), np.zeros((2, 51))
    outputs[0, 3:6] = 1, 2, 2  # 3 mm at the second joint
    targets[1, 48:51] = 0, 4, 3  # 5 mm at the last one
    cost, gradient = functions["mpjpe"](outputs, targets)
    assert cost == pytest.approx((3 + 5) / (2 * 17), rel=1e-12)
    expected = np.zeros((2, 51))
    expected[0, 3:6] = np.array([1, 2, 2]) / 3 / 34
    expected[1, 48:51] = np.array([0, -4, -3]) / 5 / 34
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)  # zero, not NaN, at the other 32 joints


@pytest.mark.parametrize("name", list(COSTS))
def test_gradients_by_finite_differences(functions, name):
    """Along random directions, in float64."""
    x, y = (LOGITS, LABELS) if name in costs.READOUT_GAINS else (OUTPUTS, TARGETS)
    _, gradient = functions[name](x, y)
    for seed in range(3):
        direction = RNG(seed).normal(size=x.shape)
        step = 1e-5 * np.abs(x).mean()
        ahead, behind = (functions[name](x + sign * step * direction, y)[0] for sign in (1, -1))
        assert (ahead - behind) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6)


@pytest.mark.parametrize("name", list(COSTS))
def test_float32_stays_float32_all_the_way(name):
    a, b = pt.matrix("a", dtype="float32"), pt.matrix("b", dtype="float32")
    with pytensor.config.change_flags(warn_float64="raise"):
        cost = COSTS[name](a, b)
    gradient = pytensor.grad(cost, a)  # whose making passes through float64 within PyTensor itself
    function = pytensor.function([a, b], [cost, gradient], mode=MODE)
    assert cost.dtype == gradient.dtype == "float32"
    for node in function.maker.fgraph.toposort():
        assert "float64" not in [v.type.dtype for v in node.outputs], node
