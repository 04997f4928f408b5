import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.config import load
from pose3d.model import updates
from pose3d.model.detection import DetectionGraph
from pose3d.model.graph import HYPERPARAMETERS, MODE
from pose3d.ops.momentum import MomentumStep
from tests.small import SMALL

RATE, MOMENTUM, DECAY, SHARE = 0.25, 0.5, 0.125, 0.25  # exact in binary, so that the values by hand are, too


class Line:
    """cost = mean of (w x + b - y)^2 / 2 over the batch, with the rule of Eq. (7)-(8)."""

    def __init__(self, momentum=MOMENTUM, decay=DECAY, order="new", dtype="float64", scaled=False):
        x, y = pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
        w, b = (pytensor.shared(np.asarray(v, dtype), n) for n, v in (("w", 2.0), ("b", 1.0)))
        self.params = {"w": w, "b": b}
        self.hyper = {
            name: pytensor.shared(np.asarray(value, dtype), name)
            for name, value in zip(HYPERPARAMETERS, (RATE, momentum, decay, SHARE), strict=True)
        }
        self.velocity = updates.zeros_like(self.params, "velocity")
        self.squares = updates.zeros_like(self.params, "squares") if scaled else {}
        cost = ((w * x + b - y) ** 2).sum() / (2 * pt.cast(x.shape[0], dtype))
        gradients = pytensor.grad(cost, [w, b])
        state = self.params, self.velocity, self.squares
        self.rules = updates.momentum_decay(gradients, *state, **self.hyper, order=order)
        self._step = pytensor.function([x, y], cost, updates=self.rules, mode=MODE)
        self.dtype = dtype

    def step(self, x=(1.0,), y=(1.0,)):
        self._step(np.array(x, self.dtype), np.array(y, self.dtype))
        return [float(p.get_value()) for p in self.params.values()]


def test_two_steps_by_hand():
    """x = y = 1, so dcost/dw = dcost/db = w + b - 1.

    Step 1: g = 2; v_w = -1/4 * 1/8 * 2 - 1/4 * 2 = -0.5625, v_b = -1/32 * 1 - 0.5 = -0.53125.
    Step 2 from w = 1.4375, b = 0.46875: g = 0.90625;
    v_w = -0.28125 - 0.044921875 - 0.2265625, v_b = -0.265625 - 0.0146484375 - 0.2265625.
    """
    line = Line()
    assert line.step() == [1.4375, 0.46875]
    assert [float(v.get_value()) for v in line.velocity.values()] == [-0.5625, -0.53125]
    v_w, v_b = -0.28125 - 0.044921875 - 0.2265625, -0.265625 - 0.0146484375 - 0.2265625
    assert line.step() == [1.4375 + v_w, 0.46875 + v_b]


def test_the_originals_order_adds_the_old_velocity():
    line = Line(order="old")
    assert line.step() == [2, 1]  # the first velocity is zero
    assert line.step() == [1.4375, 0.46875]
    v_w = 0.5 * -0.5625 - 0.25 * 0.125 * 2 - 0.25 * 2  # the gradient was still that of the start
    assert line.step()[0] == 1.4375 + v_w


def test_without_momentum_and_decay_it_is_plain_gradient_descent():
    line = Line(momentum=0, decay=0)
    w, b = 2.0, 1.0
    for _ in range(3):
        g = w + b - 1
        w, b = w - RATE * g, b - RATE * g
        assert line.step() == [w, b]


def test_each_gradient_is_divided_by_its_own_root_mean_square():
    """From squares of 0, with x = 2, y = 1: dcost/dw is twice dcost/db, and both weights move alike.

    g = 2 (2 * 2 + 1 - 1) = 8 and 4, the mean squares are 64 / 4 and 16 / 4, so both are divided to 2.
    """
    line = Line(momentum=0, decay=0, scaled=True)
    assert line.step(x=[2.0]) == pytest.approx([2 - RATE * 2, 1 - RATE * 2], abs=1e-8)
    assert [float(s.get_value()) for s in line.squares.values()] == [16, 4]


def test_the_rate_can_be_changed_while_a_run_goes_on():
    line = Line(momentum=0, decay=0)
    w, b = line.step()
    line.hyper["learning_rate"].set_value(np.asarray(0.0625))
    assert line.step() == [w - 0.0625 * (w + b - 1), b - 0.0625 * (w + b - 1)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_is_kept(dtype):
    line = Line(dtype=dtype)
    for target, expression in line.rules.items():
        assert expression.dtype == target.dtype == dtype
    line.step()
    assert {p.get_value().dtype for p in [*line.params.values(), *line.velocity.values()]} == {
        np.dtype(dtype)
    }


@pytest.mark.parametrize("dropout", [0, 0.3])
def test_every_parameter_of_a_network_is_overwritten(dropout):
    """Whatever shape PyTensor knows of a parameter and its gradient, and whatever else is updated.

    conv1 has an axis of one map; dropout updates its generator.
    """
    settings = [*SMALL, f"network.dropout={dropout}"]
    graph = DetectionGraph(load("detection", None, settings))
    graph.step(np.zeros((2, 128, 128), np.uint8), np.zeros((2, 1700)))
    (function,) = graph._functions.values()
    held = [node.op for node in function.maker.fgraph.toposort() if isinstance(node.op, MomentumStep)]
    assert len(held) == len(graph.network.params)
    assert all(op.inplace for op in held)
