"""The fused layer as PyTensor Ops. ``perform`` calls the compiled kernels, whichever linker asks."""

from functools import cache

import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from pose3d.ops import reference
from pose3d.ops.kernels import backward, forward, winograd
from pose3d.ops.kernels.simd import host_target
from pose3d.ops.kernels.tiling import Layer
from pose3d.ops.shapes import POOL, pooled_side


@cache
def _compiled(minimal, direct, layer):
    """The kernel of a layer: by minimal filtering where that pays, else the direct one."""
    target = host_target()
    return (minimal if winograd.worth_while(layer, target) else direct)(layer, target)


def _check(array, shape):
    """Kernels go by addresses: an array of another shape would have them read what is not theirs."""
    if array.shape != shape:
        raise ValueError(f"an array of shape {array.shape}, where the layer takes {shape}")


def _pooled(side, kernel):
    """The shape rule for a side that may not be known until the function runs."""
    return None if side is None else pooled_side(side, kernel)


class _ConvPoolOp(Op):
    """What the three Ops share: all that a kernel is specialised on.

    `kernels` are the factories of the kernel by minimal filtering and of the direct one.
    """

    __props__ = ("maps_in", "maps_out", "kernel", "activation")
    kernels = ()

    def __init__(self, maps_in, maps_out, kernel, activation="tanh"):
        if activation not in reference.ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is none of {sorted(reference.ACTIVATIONS)}")
        self.maps_in, self.maps_out = int(maps_in), int(maps_out)
        self.kernel, self.activation = int(kernel), activation

    def _call(self, y, *arguments):
        """Call the kernel for outputs like `y`, a variable of the graph, which may know their sides."""
        _, rows, columns, _ = y.type.shape
        maps = self.maps_in, self.maps_out
        layer = Layer(*maps, self.kernel, self.activation, y.type.dtype, columns or 1, rows or 1)
        return _compiled(*self.kernels, layer)(*arguments)

    @property
    def _filters(self):
        return self.maps_out, self.maps_in, self.kernel, self.kernel

    def _check_outputs(self, sides, *outputs):
        """Refuse outputs, and gradients at them, that are not of images with these sides."""
        shape = (*(pooled_side(side, self.kernel) for side in sides), self.maps_out)
        for array in outputs:
            _check(array, (len(outputs[0]), *shape))


class ConvPool(_ConvPoolOp):
    """``activation(maxpool(conv(x, w)) + b)`` and each pooling window's winner."""

    kernels = winograd.forward_kernel, forward.forward_kernel
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
        x, w, b = inputs
        _check(x, (len(x), *x.shape[1:3], self.maps_in))
        _check(w, self._filters)
        _check(b, (self.maps_out,))
        y, winner = self._call(node.outputs[0], x, w, b)
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

    kernels = winograd.grad_weights_kernel, backward.grad_weights_kernel

    def make_node(self, x, y, winner, gy):
        x, y, winner, gy = (pt.as_tensor_variable(v) for v in (x, y, winner, gy))
        dw_shape = (self.maps_out, self.maps_in, self.kernel, self.kernel)
        outputs = [pt.tensor(dtype=x.dtype, shape=dw_shape), pt.tensor(dtype=x.dtype, shape=(self.maps_out,))]
        return Apply(self, [x, y, winner, gy], outputs)

    def perform(self, node, inputs, output_storage):
        x, y, winner, gy = inputs
        self._check_outputs(x.shape[1:3], y, winner, gy)
        _check(x, (len(y), *x.shape[1:3], self.maps_in))
        output_storage[0][0], output_storage[1][0] = self._call(node.inputs[1], x, y, winner, gy)

    def infer_shape(self, *args):
        return [(self.maps_out, self.maps_in, self.kernel, self.kernel), (self.maps_out,)]


class ConvPoolGradInput(_ConvPoolOp):
    """Gradient at the input; the first layer's is never asked for, so never computed."""

    kernels = winograd.grad_input_kernel, backward.grad_input_kernel

    def make_node(self, w, y, winner, gy, height, width):
        w, y, winner, gy, height, width = (
            pt.as_tensor_variable(v) for v in (w, y, winner, gy, height, width)
        )
        dx = pt.tensor(dtype=w.dtype, shape=(y.type.shape[0], None, None, self.maps_in))
        return Apply(self, [w, y, winner, gy, height, width], [dx])

    def perform(self, node, inputs, output_storage):
        w, y, winner, gy, height, width = inputs
        sides = int(height), int(width)
        self._check_outputs(sides, y, winner, gy)
        _check(w, self._filters)
        output_storage[0][0] = self._call(node.inputs[1], w, y, winner, gy, *sides)

    def infer_shape(self, *args):
        node, (_, y_shape, _, _, _, _) = args[-2:]
        return [(y_shape[0], node.inputs[4], node.inputs[5], self.maps_in)]


def conv_pool(x, w, b, maps_in, maps_out, kernel, activation="tanh"):
    """Convolve, pool 2 x 2, add the bias, activate: one layer of the network.

    From x (N, H, W, maps_in) to (N, (H - kernel + 1) // 2, (W - kernel + 1) // 2, maps_out). The convolution
    is a true one: the filters, w (maps_out, maps_in, kernel, kernel), are flipped. The bias, b (maps_out,),
    is added after the pooling, as in the original; the activation is "tanh" or "relu". Of equal cells in a
    pooling window the first, in row-major order, gets the gradient. Minimal filtering rounds cells
    differently: there they are equal only where the image is constant under the window.
    """
    return ConvPool(maps_in, maps_out, kernel, activation)(x, w, b)
