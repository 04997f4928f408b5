"""Fused updates: exactly as written, on one thread's share and on all, in place and not."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.ops import NODES
from pose3d.ops.fused_updates import PARALLEL, FusedUpdate


def rule(w, v, g, rate, momentum, decay):
    v = momentum * v - decay * rate * w - rate * g
    return w + v, v


def nesterov(w, v, g, rate, momentum, decay):
    """Another rule around the first: the step looks ahead along the new velocity."""
    _, v = rule(w, v, g, rate, momentum, decay)
    return w + momentum * v - rate * g, v


NUMBERS = 0.1, 0.9, 0.01


def fused(function):
    return [node for node in function.maker.fgraph.toposort() if isinstance(node.op, FusedUpdate)]


@pytest.mark.parametrize("mode", [NODES, "FAST_COMPILE"], ids=["nodes", "py"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [rule, nesterov])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (PARALLEL // 8 + 1, 9), (2, 3, 5, 5)])
def test_every_element_is_updated_as_written(shape, rule, dtype, mode):
    rng = np.random.default_rng(5)
    w, v, g = (rng.normal(size=shape).astype(dtype) for _ in range(3))
    shared_w, shared_v = pytensor.shared(w.copy()), pytensor.shared(v.copy())
    numbers = [np.asarray(n, dtype) for n in NUMBERS]
    gradient = pt.tensor(dtype=dtype, shape=(None,) * len(shape))
    new_w, new_v = rule(shared_w, shared_v, gradient, *map(pytensor.shared, numbers))
    step = pytensor.function([gradient], updates={shared_w: new_w, shared_v: new_v}, mode=mode)
    assert len(fused(step)) == 1
    for _ in range(2):
        w, v = rule(w, v, g, *numbers)
        step(g)
    np.testing.assert_array_equal(shared_w.get_value(), w)
    np.testing.assert_array_equal(shared_v.get_value(), v)
    assert shared_w.get_value().dtype == dtype


def test_parameters_are_overwritten_in_a_step_and_nothing_else_is():
    w, v = pytensor.shared(np.ones(3)), pytensor.shared(np.ones(3))
    x = pt.dvector()
    new_w, new_v = rule(w, v, x, *NUMBERS)
    step = pytensor.function([x], updates={w: new_w, v: new_v}, mode=NODES)
    assert [node.op.inplace for node in fused(step)] == [True]
    look = pytensor.function([x], [new_w, new_v], mode=NODES)
    look(np.ones(3))
    np.testing.assert_array_equal(w.get_value(), np.ones(3))
    np.testing.assert_array_equal(v.get_value(), np.ones(3))


def test_a_gradient_that_is_not_contiguous():
    w, x = pytensor.shared(np.zeros((3, 2))), pt.dmatrix()
    step = pytensor.function([x], updates={w: w - 0.1 * x.T}, mode=NODES)
    g = np.arange(6.0).reshape(2, 3)
    step(g)
    np.testing.assert_array_equal(w.get_value(), -0.1 * g.T)


def test_a_parameter_whose_numbers_lie_in_another_order():
    w, x = pytensor.shared(np.asfortranarray(np.zeros((3, 2))), borrow=True), pt.dmatrix()
    step = pytensor.function([x], updates={w: w - 0.1 * x}, mode=NODES)
    g = np.arange(6.0).reshape(3, 2)
    step(g)
    np.testing.assert_array_equal(w.get_value(), -0.1 * g)


def test_parameters_that_share_nothing_are_updated_apart():
    a, b = pytensor.shared(np.ones((2, 3))), pytensor.shared(np.ones((3, 2)))
    step = pytensor.function([], updates={a: 2 * a, b: b - 1}, mode=NODES)
    step()
    assert len(fused(step)) == 2
    np.testing.assert_array_equal(a.get_value(), np.full((2, 3), 2.0))
    np.testing.assert_array_equal(b.get_value(), np.zeros((3, 2)))


def test_a_gradient_of_which_more_is_known_than_of_its_parameter():
    w, v = pytensor.shared(np.ones((2, 3))), pytensor.shared(np.ones((2, 3)))
    x = pt.tensor(dtype="float64", shape=(2, None))
    new_w, new_v = rule(w, v, x, *NUMBERS)
    step = pytensor.function([x], updates={w: new_w, v: new_v}, mode=NODES)
    assert [type(node.op) for node in step.maker.fgraph.toposort()].count(FusedUpdate) == 1
    step(np.zeros((2, 3)))
    np.testing.assert_array_equal(v.get_value(), np.full((2, 3), 0.9 - 0.01 * 0.1))


@pytest.mark.parametrize(
    "update",
    [
        lambda w, x: w - pt.sqrt(x),
        lambda w, x: w - x.sum(axis=0, keepdims=True),
        lambda w, x: w - pt.cast(x, "float32") * 2,
    ],
    ids=["another operation", "a broadcast row", "another type"],
)
def test_what_does_not_fit_stays_pytensors_own_and_gives_the_same(update):
    w, x = pytensor.shared(np.ones((2, 3))), pt.dmatrix()
    step = pytensor.function([x], updates={w: update(w, x)}, mode=NODES)
    wanted = pytensor.function([x], update(w, x), mode="FAST_COMPILE")(np.full((2, 3), 4.0))
    step(np.full((2, 3), 4.0))
    np.testing.assert_allclose(w.get_value(), wanted)


def test_a_gradient_of_another_shape_is_refused():
    w, x = pytensor.shared(np.ones((2, 3))), pt.dmatrix()
    step = pytensor.function([x], updates={w: w - x}, mode=NODES)
    for shape in ((2, 2), (3, 2)):
        with pytest.raises(ValueError, match="another shape"):
            step(np.ones(shape))
