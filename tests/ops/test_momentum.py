"""The momentum Op: as its formula is written, on one thread's share and on all, in place and not."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.ops.linker import NODES
from pose3d.ops.momentum import ORDERS, PARALLEL, MomentumStep, momentum_step, reference

NUMBERS = 0.1, 0.9, 0.01
SHARE = 0.25


def steps(function):
    return [node.op for node in function.maker.fgraph.toposort() if isinstance(node.op, MomentumStep)]


def shared_step(w, v, squares=None, order="new", mode=NODES, rule=momentum_step):
    """Shared weights, velocity and perhaps squares, and the function of a gradient that updates them."""
    state = [pytensor.shared(x, borrow=True) for x in (v, w, *([] if squares is None else [squares]))]
    gradient = pt.tensor(dtype=w.dtype, shape=(None,) * w.ndim)
    numbers = [pytensor.shared(np.asarray(n, w.dtype)) for n in (*NUMBERS, SHARE)]
    new = rule(state[1], state[0], gradient, *numbers[:-1], order, *state[2:], share=numbers[-1])
    updates = dict(zip(state, new, strict=True))
    state[:2] = reversed(state[:2])
    return *state, pytensor.function([gradient], updates=updates, mode=mode)


@pytest.mark.parametrize("mode", [NODES, "FAST_COMPILE"], ids=["nodes", "py"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scaled", [False, True], ids=["", "scaled"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (PARALLEL // 8 + 1, 9), (2, 3, 5, 5)])
def test_every_element_is_updated_as_written(shape, scaled, order, dtype, mode):
    """PyTensor and LLVM may neither reorder its sums nor fuse its products."""
    rng = np.random.default_rng(5)
    w, v, g, squares = (np.asarray(rng.normal(size=shape), dtype) for _ in range(4))
    g.flat[1::3] = 0  # as of weights behind units that are off
    squares = [np.square(squares)] if scaled else []
    numbers = [np.asarray(n, dtype) for n in (*NUMBERS, SHARE)]
    copies = [x.copy() for x in (w, v, *squares)]
    *shared, step = shared_step(*copies, order=order, mode=mode)
    for _ in range(2):
        v, w, *squares = reference(w, v, g, *numbers[:-1], order, *squares, share=numbers[-1])
        step(g)
    for found, wanted in zip(shared, (w, v, *squares), strict=True):
        np.testing.assert_array_equal(found.get_value(), wanted)
        assert found.get_value().dtype == dtype
    assert [op.inplace for op in steps(step)] == [mode is NODES]


def test_the_symbolic_reference_is_the_same_rule():
    rng = np.random.default_rng(6)
    w, v, g = (rng.normal(size=(3, 4)) for _ in range(3))
    found = []
    for rule in (momentum_step, reference):
        shared_w, shared_v, step = shared_step(w.copy(), v.copy(), rule=rule)
        step(g)
        found.append((shared_w.get_value(), shared_v.get_value()))
    np.testing.assert_allclose(*found, rtol=1e-14)


def test_parameters_are_overwritten_in_a_step_and_nothing_else_is():
    w, v = np.ones(3), np.ones(3)
    shared_w, shared_v, step = shared_step(w, v)
    step(np.ones(3))
    assert shared_w.get_value(borrow=True) is w
    assert shared_v.get_value(borrow=True) is v
    w[:] = v[:] = 1
    look = pytensor.function([], momentum_step(shared_w, shared_v, pt.ones(3), *NUMBERS), mode=NODES)
    look()
    np.testing.assert_array_equal([w, v], np.ones((2, 3)))


@pytest.mark.parametrize("flipped", range(3), ids=["weights", "velocity", "gradient"])
def test_numbers_that_do_not_lie_in_order(flipped):
    arrays = [np.arange(6.0).reshape(3, 2) + n for n in range(3)]
    new_v, new_w = reference(*arrays, *NUMBERS)
    arrays[flipped] = np.asfortranarray(arrays[flipped])
    shared_w, shared_v, step = shared_step(*arrays[:2])
    step(arrays[2])
    np.testing.assert_array_equal(shared_w.get_value(), new_w)
    np.testing.assert_array_equal(shared_v.get_value(), new_v)


def test_what_does_not_fit_is_refused():
    _, _, step = shared_step(np.ones((2, 3)), np.ones((2, 3)))
    for shape in ((2, 2), (3, 2), (1, 3)):
        with pytest.raises(ValueError, match="shape"):
            step(np.ones(shape))
    with pytest.raises(TypeError, match="differ"):
        momentum_step(np.ones(3), np.ones(3), np.ones(3, np.float32), *NUMBERS)
    with pytest.raises(ValueError, match="'next' is none of"):
        momentum_step(np.ones(3), np.ones(3), np.ones(3), *NUMBERS, order="next")


@pytest.mark.parametrize("mode", ["FAST_RUN", "NUMBA"])
def test_a_users_own_updates_stay_their_own(mode):
    """Importing pose3d changes nothing in PyTensor's optimisations."""
    w, v, g = pytensor.shared(np.ones(5)), pytensor.shared(np.ones(5)), pt.dvector()
    new_v, new_w = reference(w, v, g, *NUMBERS)
    step = pytensor.function([g], updates={v: new_v, w: new_w}, mode=mode)
    assert {type(node.op).__module__.split(".")[0] for node in step.maker.fgraph.toposort()} == {"pytensor"}
    step(np.ones(5))
    np.testing.assert_allclose(v.get_value(), 0.9 - 0.001 - 0.1)
