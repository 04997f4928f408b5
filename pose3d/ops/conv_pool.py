"""The fused layer as PyTensor Ops; they know no backend.

``perform`` is the plain reference, so that the "py" modes of PyTensor check the
compiled kernels; :mod:`pose3d.ops.dispatch` gives the Ops their kernels.
"""

import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from pose3d.ops import reference
from pose3d.ops.shapes import POOL, pooled_side


def _pooled(side, kernel):
    """The shape rule for a side that may not be known until the function runs."""
    return None if side is None else pooled_side(side, kernel)


class _ConvPoolOp(Op):
    """What the three Ops share: all that a kernel is specialised on."""

    __props__ = ("maps_in", "maps_out", "kernel", "activation")

    def __init__(self, maps_in, maps_out, kernel, activation="tanh"):
        if activation not in reference.ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is none of {sorted(reference.ACTIVATIONS)}")
        self.maps_in, self.maps_out = int(maps_in), int(maps_out)
        self.kernel, self.activation = int(kernel), activation


class ConvPool(_ConvPoolOp):
    """``activation(maxpool(conv(x, w)) + b)`` and each pooling window's winner."""

    default_output = 0

    def make_node(self, x, w, b):
        x, w, b = (pt.as_tensor_variable(v) for v in (x, w, b))
        if x.ndim != 4 or w.ndim != 4 or b.ndim != 1:
            raise ValueError(f"x, w and b need 4, 4 and 1 axes, not {x.ndim}, {w.ndim} and {b.ndim}")
        if not x.dtype == w.dtype == b.dtype:
            raise TypeError(f"x, w and b differ in dtype: {x.dtype}, {w.dtype}, {b.dtype}")
        n, height, width, maps = x.type.shape
        if maps not in (None, self.maps_in):
            raise ValueError(f"x has {maps} maps, the layer takes {self.maps_in}")
        shape = (n, _pooled(height, self.kernel), _pooled(width, self.kernel), self.maps_out)
        return Apply(
            self, [x, w, b], [pt.tensor(dtype=x.dtype, shape=shape), pt.tensor(dtype="uint8", shape=shape)]
        )

    def perform(self, node, inputs, output_storage):
        y, winner = reference.forward(*inputs, self.activation)
        output_storage[0][0], output_storage[1][0] = y, winner

    def pullback(self, inputs, outputs, cotangents):
        x, w, _ = inputs
        y, winner = outputs
        gy = cotangents[0]
        props = (self.maps_in, self.maps_out, self.kernel, self.activation)
        dx = ConvPoolGradInput(*props)(w, y, winner, gy, x.shape[1], x.shape[2])
        dw, db = ConvPoolGradWeights(*props)(x, y, winner, gy)
        return [dx, dw, db]

    def connection_pattern(self, node):
        return [[True, False]] * 3  # the winner's number has no gradient

    def infer_shape(self, *args):
        _, (x_shape, _, _) = args[-2:]  # PyTensor 3.0 passes the graph first, later ones do not
        n, height, width, _ = x_shape
        shape = (n, *((side - self.kernel + 1) // POOL for side in (height, width)), self.maps_out)
        return [shape, shape]


class ConvPoolGradWeights(_ConvPoolOp):
    """Gradients at the filters and biases."""

    def make_node(self, x, y, winner, gy):
        x, y, winner, gy = (pt.as_tensor_variable(v) for v in (x, y, winner, gy))
        dw_shape = (self.maps_out, self.maps_in, self.kernel, self.kernel)
        outputs = [pt.tensor(dtype=x.dtype, shape=dw_shape), pt.tensor(dtype=x.dtype, shape=(self.maps_out,))]
        return Apply(self, [x, y, winner, gy], outputs)

    def perform(self, node, inputs, output_storage):
        x, y, winner, gy = inputs
        dw, db = reference.grad_weights(x, y, winner, gy, self.kernel, self.activation)
        output_storage[0][0], output_storage[1][0] = dw, db

    def infer_shape(self, *args):
        return [(self.maps_out, self.maps_in, self.kernel, self.kernel), (self.maps_out,)]


class ConvPoolGradInput(_ConvPoolOp):
    """Gradient at the input; the first layer's is never asked for, so never computed."""

    def make_node(self, w, y, winner, gy, height, width):
        w, y, winner, gy, height, width = (
            pt.as_tensor_variable(v) for v in (w, y, winner, gy, height, width)
        )
        dx = pt.tensor(dtype=w.dtype, shape=(y.type.shape[0], None, None, self.maps_in))
        return Apply(self, [w, y, winner, gy, height, width], [dx])

    def perform(self, node, inputs, output_storage):
        w, y, winner, gy, height, width = inputs
        dx = reference.grad_input(w, y, winner, gy, int(height), int(width), self.activation)
        output_storage[0][0] = dx

    def infer_shape(self, *args):
        node, (_, y_shape, _, _, _, _) = args[-2:]
        return [(y_shape[0], node.inputs[4], node.inputs[5], self.maps_in)]


def conv_pool(x, w, b, maps_in, maps_out, kernel, activation="tanh"):
    """Convolve, pool 2 x 2, add the bias, activate: one layer of the network.

    Parameters
    ----------
    x : tensor (N, H, W, maps_in)
    w : tensor (maps_out, maps_in, kernel, kernel)
        The filters. The convolution is a true one: they are flipped.
    b : tensor (maps_out,)
        Added after the pooling, as in the original.
    activation : "tanh" or "relu"

    Returns
    -------
    tensor (N, (H - kernel + 1) // 2, (W - kernel + 1) // 2, maps_out)
        A tie in a pooling window gives its gradient to the first cell in row-major order.
    """
    return ConvPool(maps_in, maps_out, kernel, activation)(x, w, b)
