"""What the original's layers computed in Theano 1.0.5 (float64, kernels [5 10 15], 16 images), reproduced.

``data/theano_5_10_15.npz`` was made by the layer classes of the report's published
code; the inputs below are those it was made from. The original wrote its updates and
costs for batches of one; rows named ``report`` follow Eq. (5)-(8).
"""

from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d import config
from pose3d.model.detection import DetectionGraph
from pose3d.model.graph import MODE
from pose3d.model.regression import RegressionGraph, TargetScale

REFERENCE = np.load(Path(__file__).parents[1] / "data" / "theano_5_10_15.npz")
IMAGES = np.random.RandomState(7).uniform(0, 1, (16, 16384)).reshape(16, 128, 128)
LABELS = (np.random.RandomState(8).uniform(0, 1, (16, 1700)) < 0.03).astype(float)
_POSES = np.random.RandomState(9).normal(0, 300, (16, 17, 3))
POSES = (_POSES - _POSES[:, :1]).reshape(16, 51)  # mm
UNIT_SCALE = TargetScale(np.zeros(51), np.ones(51))
SGD = ("training.momentum=0.0", "training.weight_decay=0.0")

pytestmark = pytest.mark.slow


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return request.param


def detection(dtype, readout="sigmoid", *settings):
    return DetectionGraph(
        config.load("detection", None, [f"network.dtype={dtype}", f"detection.readout={readout}", *settings])
    )


def regression(dtype, *settings):
    settings = (f"network.dtype={dtype}", "regression.targets=mm", *settings)
    return RegressionGraph(config.load("regression", None, settings), UNIT_SCALE)


def agrees(actual, key, dtype):
    """To 1e-8 in float64 and 1e-3 in float32, relative to the largest entry."""
    expected = REFERENCE[key]
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    tolerance = {"float64": 1e-8, "float32": 1e-3}[dtype]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * abs(expected).max())


def gradient_norms(graph, images, targets):
    """L2 norm of the cost's gradient at every parameter, and conv1.W's gradient."""
    x = pt.tensor(dtype=graph.config.network.dtype, shape=(None, 128, 128))
    raw, _ = graph.network.output(x)
    cost = graph.cost(raw, graph.targets)
    gradients = pytensor.grad(cost, list(graph.network.params.values()))
    values = pytensor.function([x, graph.targets], gradients, mode=MODE)(
        images.astype(x.dtype), graph._as_targets(targets)
    )
    return [np.sqrt((g.astype("float64") ** 2).sum()) for g in values], values[0]


def test_initial_weights(dtype):
    for name, graph in (("detection", detection(dtype)), ("regression", regression(dtype))):
        weights = graph.network.get_weights()
        assert list(weights) == [
            f"{layer}.{kind}" for layer in ("conv1", "conv2", "conv3", "fc1", "fc2", "fc3") for kind in "Wb"
        ]
        agrees([abs(w.astype("float64")).sum() for w in weights.values()], f"{name}_param_abs_sums", dtype)
        agrees([w.flat[0] for w in weights.values()], f"{name}_param_first", dtype)


def test_every_layer_forward(dtype):
    network = detection(dtype).network
    images = network_input = pytensor.tensor.tensor("images", dtype=dtype, shape=(None, 128, 128))
    x, pooled = images.reshape((-1, 128, 128, 1)), []
    for layer in network.convolutions:
        x = layer(x)
        pooled.append(x.dimshuffle(0, 3, 1, 2))
    function = pytensor.function([network_input], [*pooled, network.output(images)[0]], mode=MODE)
    pool1, pool2, pool3, logits = function(IMAGES.astype(dtype))
    agrees(pool1[:2, :, ::5, ::3], "pool1", dtype)
    agrees(pool2[:2, :, ::3, ::2], "pool2", dtype)
    agrees(pool3[:2], "pool3", dtype)
    agrees(logits[:4], "detection_logits", dtype)
    agrees(regression(dtype).predict(IMAGES), "regression_output", dtype)


def test_detection_cost_and_gradient_of_one_image(dtype):
    graph = detection(dtype)
    _, cost = graph.evaluate(IMAGES[:1], LABELS[:1])
    agrees(2 * cost, "detection_cost_row0", dtype)  # the original had no half
    norms, conv1 = gradient_norms(graph, IMAGES[:1], LABELS[:1])
    agrees(2 * np.array(norms), "detection_grad_norms_row0", dtype)
    agrees(2 * conv1, "detection_grad_conv1_row0", dtype)


def test_plain_sgd_on_one_image(dtype):
    graph = detection(
        dtype, "sigmoid", *SGD, "training.learning_rate=0.002"
    )  # twice the rate for half the cost
    costs = [2 * graph.step(IMAGES[:1], LABELS[:1])[0] for _ in range(6)]
    agrees(costs, "detection_sgd_costs_row0", dtype)


def test_six_steps_of_the_reports_rule_on_detection(dtype):
    graph = detection(dtype)
    agrees([graph.step(IMAGES, LABELS)[0] for _ in range(6)], "detection_report_costs", dtype)
    agrees(graph.network.get_weights()["conv1.W"], "detection_report_conv1_after6", dtype)
    graph = detection(dtype, "tanh")
    agrees([graph.step(IMAGES, LABELS)[0] for _ in range(6)], "detection_report_costs_tanh", dtype)


def test_mpjpe_cost_and_the_originals_order_of_updates(dtype):
    graph = regression(dtype, "regression.cost=mpjpe", "training.order=old")
    agrees(graph.evaluate(IMAGES, POSES)[1], "regression_mpjpe", dtype)
    agrees(gradient_norms(graph, IMAGES, POSES)[0], "regression_mpjpe_grad_norms", dtype)
    agrees([graph.step(IMAGES, POSES)[0] for _ in range(6)], "regression_original_costs", dtype)


def test_six_steps_of_the_reports_rule_on_regression(dtype):
    graph = regression(dtype)
    costs = [graph.step(IMAGES, POSES / 1000)[0] for _ in range(6)]
    agrees(costs, "regression_report_costs_metres", dtype)
    agrees(graph.network.get_weights()["conv1.W"], "regression_report_conv1_after6_metres", dtype)
