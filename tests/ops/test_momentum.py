"""The update Op against its rule, on one thread's share and on all, in place and not."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.ops import Update
from pose3d.ops.momentum import PARALLEL


def rule(w, v, g, rate, momentum, decay):
    v = momentum * v - (decay * rate) * w - rate * g
    return w + v, v


NUMBERS = 0.1, 0.9, 0.01


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (PARALLEL // 8 + 1, 9), (2, 3, 5, 5)])
def test_the_rule_is_applied_to_every_element(shape, dtype, mode):
    rng = np.random.default_rng(5)
    w, v, g = (rng.normal(size=shape).astype(dtype) for _ in range(3))
    shared_w, shared_v = pytensor.shared(w.copy()), pytensor.shared(v.copy())
    numbers = [np.asarray(n, dtype) for n in NUMBERS]
    gradient = pt.tensor(dtype=dtype, shape=(None,) * len(shape))
    new_w, new_v = Update(rule)(shared_w, shared_v, gradient, *numbers)
    step = pytensor.function([gradient], updates={shared_w: new_w, shared_v: new_v}, mode=mode)
    for _ in range(2):
        w, v = rule(w, v, g, *numbers)
        step(g)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(shared_w.get_value(), w, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(shared_v.get_value(), v, rtol=tolerance, atol=tolerance)
    assert shared_w.get_value().dtype == dtype


def test_parameters_are_overwritten_in_a_step_and_nothing_else_is():
    w, v = pytensor.shared(np.ones(3)), pytensor.shared(np.ones(3))
    x = pt.dvector()
    new_w, new_v = Update(rule)(w, v, x, *NUMBERS)
    step = pytensor.function([x], updates={w: new_w, v: new_v}, mode="NUMBA")
    assert [node.op.inplace for node in step.maker.fgraph.toposort() if isinstance(node.op, Update)] == [True]
    look = pytensor.function([x], [new_w, new_v], mode="NUMBA")
    look(np.ones(3))
    np.testing.assert_array_equal(w.get_value(), np.ones(3))
    np.testing.assert_array_equal(v.get_value(), np.ones(3))


def test_a_gradient_that_is_not_contiguous():
    w, v, x = pytensor.shared(np.zeros((3, 2))), pytensor.shared(np.zeros((3, 2))), pt.dmatrix()
    new_w, _ = Update(rule)(w, v, x.T, *NUMBERS)
    g = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(pytensor.function([x], new_w, mode="NUMBA")(g), -0.1 * g.T)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="axes"):
        Update(rule)(pt.dmatrix(), pt.dmatrix(), pt.dvector(), *NUMBERS)
    with pytest.raises(ValueError, match="numbers"):
        Update(rule)(pt.dvector(), pt.dvector(), pt.dvector(), pt.dvector(), 0.9, 0.1)
    with pytest.raises(TypeError, match="dtype"):
        Update(rule)(pt.dvector(), pt.fvector(), pt.dvector(), *NUMBERS)
