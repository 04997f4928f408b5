"""Products of matrices, either one transposed, and of tensors with themselves.

They are left to the matrix library, but for those of minibatches and wide layers, for which it is slow.
PyTensor's own ``dot`` copies a transposed side before it multiplies in the versions before 3.1, and in a
training step every weight matrix is one. It multiplies vectors as matrices, 80 times slower.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from pose3d.ops import blas
from pose3d.ops.kernels import dense
from pose3d.ops.kernels.simd import host_target


class Product(Op):
    """``a . b``, or with ``a.T`` or ``b.T`` in its place."""

    __props__ = ("left", "right")

    def __init__(self, left=False, right=False):
        self.left, self.right = bool(left), bool(right)

    def make_node(self, a, b):
        a, b = pt.as_tensor_variable(a), pt.as_tensor_variable(b)
        if a.ndim != 2 or b.ndim != 2:
            raise ValueError(f"a and b need 2 axes each, not {a.ndim} and {b.ndim}")
        if a.dtype != b.dtype:
            raise TypeError(f"a and b differ in dtype: {a.dtype}, {b.dtype}")
        shape = a.type.shape[self.left], b.type.shape[not self.right]
        return Apply(self, [a, b], [pt.tensor(dtype=a.dtype, shape=shape)])

    def perform(self, node, inputs, output_storage):
        a, b = inputs
        if dense.worth_while(a, b, self.left, self.right, host_target()):
            kernel = dense.gradient_product if self.left else dense.forward_product
            found = kernel(a.dtype.name, host_target())(np.ascontiguousarray(a), np.ascontiguousarray(b))
        else:
            found = blas.multiply(a, b, self.left, self.right)
        output_storage[0][0] = found

    def pullback(self, inputs, outputs, cotangents):
        (a, b), (g,) = inputs, cotangents
        da = Product(self.right, True)(b, g) if self.left else Product(False, not self.right)(g, b)
        db = Product(True, self.left)(g, a) if self.right else Product(not self.left, False)(a, g)
        return [da, db]

    def infer_shape(self, *args):
        a_shape, b_shape = args[-1]
        return [(a_shape[self.left], b_shape[not self.right])]


class Norm(Op):
    """The Euclidean norm of several tensors together; it has no gradient."""

    __props__ = ()

    def make_node(self, *tensors):
        tensors = [pt.as_tensor_variable(x) for x in tensors]
        return Apply(self, tensors, [pt.scalar(dtype=tensors[0].dtype)])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = np.asarray(np.sqrt(sum(map(blas.squares, inputs))))

    def infer_shape(self, *args):
        return [()]


def dot(a, b):
    """``a . b`` for two matrices, (N, M) and (M, K), differentiable."""
    return Product()(a, b)


def norm(tensors):
    """The Euclidean norm of tensors of any shapes and one dtype, all numbers together: scalar tensor."""
    return Norm()(*tensors)
