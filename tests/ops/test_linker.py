"""The linker that compiles nodes: what it computes, and what it does not compile again."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numba.core import event
from pytensor.compile.mode import Mode

from pose3d.ops.activations import tanh
from pose3d.ops.conv_pool import conv_pool
from pose3d.ops.linker import NODES
from pose3d.ops.matmul import dot, norm

RNG = np.random.default_rng(0)


def graph():
    """A small layer, dense and convolution, with a cost and its gradients."""
    x, v = pt.tensor("x", dtype="float64", shape=(None, 8, 11, 2)), pt.matrix("v", dtype="float64")
    w, b = (
        pytensor.shared(RNG.normal(size=shape), name=name) for name, shape in (("w", (3, 2, 3, 3)), ("b", 3))
    )
    features = conv_pool(x, w, b, maps_in=2, maps_out=3, kernel=3).flatten(2)
    cost = (tanh(dot(features, v)) ** 2).mean(axis=1).sum()
    gradients = pytensor.grad(cost, [w, b])
    updates = {param: param - 0.1 * gradient for param, gradient in zip((w, b), gradients, strict=True)}
    return [x, v], [cost, norm(gradients), features.shape[1]], updates


def values():
    rng = np.random.default_rng(1)
    return rng.normal(size=(2, 8, 11, 2)), rng.normal(size=(36, 5))


def test_it_computes_what_plain_python_does():
    results = []
    for mode in (NODES, Mode(linker="py", optimizer="fast_compile")):
        inputs, outputs, updates = graph()
        for (param, _), start in zip(updates.items(), (np.full((3, 2, 3, 3), 0.1), np.zeros(3)), strict=True):
            param.set_value(start + np.arange(start.size).reshape(start.shape) / 50)
        function = pytensor.function(inputs, outputs, updates=updates, mode=mode)
        found = [function(*values()) for _ in range(3)]
        results.append([*np.ravel(found), *(param.get_value().ravel() for param in updates)])
    for mine, plain in zip(*results, strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-10)


def test_shapes_that_differ_are_refused_not_broadcast():
    x, y = pt.matrix("x", dtype="float64"), pt.matrix("y", dtype="float64")
    function = pytensor.function([x, y], x - y, mode=NODES)
    np.testing.assert_array_equal(function(np.ones((2, 3)), np.ones((2, 3))), np.zeros((2, 3)))
    for shape in ((1, 3), (2, 1), (3, 3)):
        with pytest.raises(ValueError, match="broadcast"):
            function(np.ones((2, 3)), np.ones(shape))


def test_overflow_says_nothing():
    x = pt.vector("x", dtype="float32")
    function = pytensor.function([x], pt.exp(x), mode=NODES)
    assert np.isinf(function(np.float32([1000])))


class Compilations(event.Listener):
    """Counts what numba compiles; what comes from a cache is not compiled."""

    count = 0

    def on_start(self, event):
        self.count += 1

    def on_end(self, event):
        pass


def test_what_two_graphs_share_is_compiled_once():
    x = pt.matrix("x", dtype="float64")
    first = pytensor.function([x], [dot(tanh(x), x)], mode=NODES)
    wanted = first(np.eye(3))
    listener = Compilations()
    with event.install_listener("numba:compile", listener):
        y = pt.matrix("another", dtype="float64")
        second = pytensor.function([y], [dot(tanh(y), y), y.sum()], mode=NODES)
        found, total = second(np.eye(3))
    assert listener.count == 0
    np.testing.assert_array_equal(found, wanted[0])
    assert total == 3


def test_random_numbers_advance_their_generator():
    rng = pytensor.shared(np.random.default_rng(3))
    after, drawn = pt.random.uniform(size=(4,), rng=rng, return_next_rng=True)
    function = pytensor.function([], drawn, updates={rng: after}, mode=NODES)
    one, two = function(), function()
    assert (one != two).all()
    rng.set_value(np.random.default_rng(3))
    np.testing.assert_array_equal(function(), one)
