"""The fused layer in plain numpy: slow, obvious, and what the kernels are tested against.

Arrays are (N, H, W, C) in memory; filters (maps out, maps in, rows, columns), as
in the original. ``winner`` numbers the cell of each 2 x 2 pooling window that
held the maximum, in row-major order: 0 1 / 2 3.
"""

import numpy as np

from pose3d.ops.shapes import POOL, conv_side, pooled_side

# activation name -> (function, derivative as a function of the *output*)
ACTIVATIONS = {
    "tanh": (np.tanh, lambda y: 1 - y * y),
    "relu": (lambda z: np.maximum(z, 0), lambda y: (y > 0).astype(y.dtype)),
}


def convolve(x, w):
    """True (flipped) valid convolution: (N, H, W, C), (O, C, k, k) -> (N, H-k+1, W-k+1, O)."""
    n, height, width, _ = x.shape
    maps, _, k, _ = w.shape
    flipped = w[:, :, ::-1, ::-1]
    out = np.zeros((n, conv_side(height, k), conv_side(width, k), maps), x.dtype)
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            patch = x[:, row : row + k, column : column + k]  # (N, k, k, C)
            out[:, row, column] = np.einsum("nijc,ocij->no", patch, flipped)
    return out


def forward(x, w, b, activation="tanh"):
    """``activation(maxpool(conv(x, w)) + b)`` and the winner of each pooling window, both (N, H', W', O).

    x is (N, H, W, C), w (O, C, k, k) and b (O,); ties go to the first cell in row-major order.
    """
    conv = convolve(x, w)
    rows, columns = pooled_side(x.shape[1], w.shape[2]), pooled_side(x.shape[2], w.shape[3])
    cells = np.stack(
        [conv[:, r : POOL * rows : POOL, c : POOL * columns : POOL] for r in range(POOL) for c in range(POOL)]
    )
    winner = cells.argmax(axis=0).astype("uint8")
    function, _ = ACTIVATIONS[activation]
    return function(cells.max(axis=0) + b), winner


def _conv_gradient(y, winner, gy, activation, conv_shape):
    """The cost's gradient at the convolution's output: zero but at the winners."""
    _, derivative = ACTIVATIONS[activation]
    g = gy * derivative(y)
    out = np.zeros(conv_shape, gy.dtype)
    _, rows, columns, _ = y.shape
    for cell in range(POOL * POOL):
        r, c = divmod(cell, POOL)
        out[:, r : POOL * rows : POOL, c : POOL * columns : POOL] = np.where(winner == cell, g, 0)
    return out


def _conv_shape(x_shape, k, maps):
    return x_shape[0], conv_side(x_shape[1], k), conv_side(x_shape[2], k), maps


def grad_weights(x, y, winner, gy, k, activation="tanh"):
    """Gradients of the cost at the filters (O, C, k, k) and the biases (O,), given `gy` at `y`."""
    g = _conv_gradient(y, winner, gy, activation, _conv_shape(x.shape, k, y.shape[3]))
    _, rows, columns, maps = g.shape
    dw = np.zeros((maps, x.shape[3], k, k), x.dtype)
    for i in range(k):
        for j in range(k):
            window = x[:, k - 1 - i : k - 1 - i + rows, k - 1 - j : k - 1 - j + columns]
            dw[:, :, i, j] = np.einsum("nrco,nrcm->om", g, window)
    return dw, g.sum(axis=(0, 1, 2))


def grad_input(w, y, winner, gy, height, width, activation="tanh"):
    """Gradient of the cost at the input (N, H, W, C), given `gy` at `y`."""
    maps, maps_in, k, _ = w.shape
    x_shape = (len(y), height, width, maps_in)
    g = _conv_gradient(y, winner, gy, activation, _conv_shape(x_shape, k, maps))
    _, rows, columns, _ = g.shape
    dx = np.zeros(x_shape, gy.dtype)
    for i in range(k):
        for j in range(k):
            taps = w[:, :, k - 1 - i, k - 1 - j]
            dx[:, i : i + rows, j : j + columns] += np.einsum("nrco,om->nrcm", g, taps)
    return dx
