"""The kernels of dense layers' products, against numpy's."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from pose3d.ops.kernels import dense
from pose3d.ops.kernels.simd import Target
from pose3d.ops.linker import NODES
from pose3d.ops.matmul import Product
from tests.ops.kernels.test_kernels import HALF, HOST

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}  # of the largest number
# Minibatch, its width, the layer's: whole panels and blocks; remainders of every kind; a panel and one column
# more, on two threads; the least that there can be.
SIZES = [(128, 576, 320), (37, 517, 99), (16, 300, 33), (8, 8, 32)]


def sides(sizes, dtype):
    n, m, k = sizes
    rng = np.random.default_rng(n)
    return (rng.normal(size=shape).astype(dtype) for shape in ((n, m), (m, k), (n, k)))


def close(found, expected, dtype):
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * abs(expected).max())


@pytest.mark.parametrize("target", [HOST, HALF], ids=["host", "half"])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("sizes", SIZES)
def test_the_kernels_agree_with_numpy(sizes, dtype, target):
    a, b, g = sides(sizes, dtype)
    close(dense.forward_product(dtype, target)(a, b), a @ b, dtype)
    close(dense.gradient_product(dtype, target)(a, g), a.T @ g, dtype)


def test_results_do_not_depend_on_the_number_of_parts_or_the_rest_of_the_minibatch():
    a, b, g = sides((40, 517, 99), "float32")
    one, three = (Target(HOST.vector_bytes, HOST.registers, parts) for parts in (1, 3))
    first = dense.forward_product("float32", one)(a, b)
    np.testing.assert_array_equal(dense.forward_product("float32", three)(a, b), first)
    np.testing.assert_array_equal(dense.forward_product("float32", one)(a[:21].copy(), b), first[:21])
    first = dense.gradient_product("float32", one)(a, g)
    np.testing.assert_array_equal(dense.gradient_product("float32", three)(a, g), first)


@pytest.mark.parametrize(("left", "terms"), [(False, 300), (True, 32)])
def test_the_op_calls_them_for_minibatches_and_wide_layers(left, terms, monkeypatch):
    monkeypatch.setattr("pose3d.ops.matmul.host_target", lambda: Target(64, 32, 2))
    called = []
    for name in ("forward_product", "gradient_product"):
        monkeypatch.setattr(dense, name, lambda *key, name=name: lambda a, b: called.append(name) or a[:0])
    a, b = pt.fmatrix(), pt.fmatrix()
    f = pytensor.function([a, b], Product(left, False)(a, b), mode=NODES)
    x, y = np.zeros((32, 300), np.float32), np.zeros((terms, 256), np.float32)
    f(x, y)
    assert called == ["gradient_product" if left else "forward_product"]
    f(x[:15], y[:15] if left else y)  # few images
    f(x, y[:, :51])  # a narrow layer
    assert len(called) == 1


def test_other_products_and_processors_are_left_to_the_library():
    x, w, g = np.zeros((32, 300)), np.zeros((300, 256)), np.zeros((32, 256))
    assert dense.worth_while(x, w, False, False, Target(64, 32, 2))
    assert dense.worth_while(x, g, True, False, Target(64, 32, 2))
    assert not dense.worth_while(g, w, False, True, Target(64, 32, 2))
    assert not dense.worth_while(x, w, False, False, Target(32, 16, 2))
    many = np.zeros((300, 300))
    assert not dense.worth_while(many, w, False, False, Target(64, 32, 2))
    assert not dense.worth_while(many[:200], many[:200], True, False, Target(64, 32, 2))
