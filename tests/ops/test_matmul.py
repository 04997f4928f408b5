"""The matrix products, both sides plain and transposed, against numpy's."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad

from pose3d.ops.linker import NODES
from pose3d.ops.matmul import Product, dot, norm

SIDES = [(left, right) for left in (False, True) for right in (False, True)]


def matrices(left, right, dtype="float64", n=5, k=7, m=3):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(n, k)), rng.normal(size=(k, m))
    return np.ascontiguousarray(a.T if left else a, dtype), np.ascontiguousarray(b.T if right else b, dtype)


@pytest.mark.parametrize("mode", [NODES, "FAST_COMPILE"], ids=["nodes", "py"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("left", "right"), SIDES)
def test_the_product(left, right, dtype, mode):
    a, b = pt.matrix(dtype=dtype), pt.matrix(dtype=dtype)
    f = pytensor.function([a, b], Product(left, right)(a, b), mode=mode)
    for n in (5, 1):  # one row, too: a batch of one image
        x, y = matrices(left, right, dtype, n=n)
        value = f(x, y)
        assert value.dtype == dtype
        expected = (x.T if left else x) @ (y.T if right else y)
        np.testing.assert_allclose(value, expected, rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize(("left", "right"), SIDES)
def test_its_gradients(left, right):
    verify_grad(Product(left, right), matrices(left, right), rng=np.random.default_rng(4), mode=NODES)


def test_arrays_that_are_not_contiguous():
    a, b = pt.matrix(dtype="float64"), pt.matrix(dtype="float64")
    f = pytensor.function([a, b], dot(a.T, b[:, ::2]), mode=NODES)
    x, y = np.arange(6.0).reshape(3, 2), np.arange(15.0).reshape(3, 5)
    np.testing.assert_allclose(f(x, y), x.T @ y[:, ::2])


def test_its_shape_is_known_without_computing():
    a, b = pt.tensor(dtype="float32", shape=(None, 7)), pt.tensor(dtype="float32", shape=(7, 3))
    product = dot(a, b)
    assert product.type.shape == (None, 3)
    f = pytensor.function([a, b], product.shape, mode="FAST_RUN", on_unused_input="ignore")
    assert not any(isinstance(node.op, Product) for node in f.maker.fgraph.toposort())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 axes"):
        dot(pt.fvector(), pt.fmatrix())
    with pytest.raises(TypeError, match="dtype"):
        dot(pt.fmatrix(), pt.dmatrix())


@pytest.mark.parametrize("mode", [NODES, "FAST_COMPILE"], ids=["nodes", "py"])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4, 5)])
def test_the_norm_is_that_of_all_numbers(shape, mode):
    x, y = pt.tensor(dtype="float64", shape=(None,) * len(shape)), pt.vector(dtype="float64")
    value, other = np.random.default_rng(0).normal(size=shape), np.array([1.0, -2.0])
    function = pytensor.function([x, y], norm([x, y]), mode=mode)
    wanted = np.sqrt((value**2).sum() + 5)
    assert function(value, other) == pytest.approx(wanted, rel=1e-12)
    assert function(value[::-1], other) == pytest.approx(wanted, rel=1e-12)  # not contiguous
