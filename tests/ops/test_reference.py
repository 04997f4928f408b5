"""The reference against scipy, by hand, and by finite differences."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from pose3d.ops import reference


def test_forward_is_scipys_convolution_then_block_maximum():
    rng = np.random.RandomState(0)
    x, w, b = rng.normal(size=(2, 9, 12, 3)), rng.normal(size=(4, 3, 5, 5)), rng.normal(size=4)
    y, winner = reference.forward(x, w, b)
    assert y.shape == (2, 2, 4, 4)
    for n in range(2):
        for o in range(4):
            conv = sum(convolve2d(x[n, :, :, c], w[o, c], mode="valid") for c in range(3))
            for i in range(2):
                for j in range(4):
                    cell = conv[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                    np.testing.assert_allclose(y[n, i, j, o], np.tanh(cell.max() + b[o]), rtol=1e-12)
                    assert winner[n, i, j, o] == cell.argmax()


# One 4 x 4 image, one 2 x 2 filter that picks the pixel below right: conv[i, j] = x[i, j] through the flip.
TIE = np.array([[3.0, 3, 0, 0], [3, 3, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]])


def hand_worked(activation="relu"):
    x = TIE.reshape(1, 4, 4, 1)
    w = np.zeros((1, 1, 2, 2))
    w[0, 0, 1, 1] = 1  # flipped, this is the window's first pixel
    return x, w, reference.forward(x, w, np.array([0.5]), activation)


def test_a_tie_goes_to_the_first_cell_forward_and_backward():
    x, w, (y, winner) = hand_worked()
    assert y.shape == (1, 1, 1, 1)
    assert y.item() == 3.5
    assert winner.item() == 0  # all four cells are 3
    dw, db = reference.grad_weights(x, y, winner, np.array([[[[2.0]]]]), 2, "relu")
    # the winning window is x[0:2, 0:2] = 3 everywhere, times the gradient 2, once and not four times
    np.testing.assert_array_equal(dw, np.full((1, 1, 2, 2), 6.0))
    assert db.item() == 2
    dx = reference.grad_input(w, y, winner, np.array([[[[2.0]]]]), 4, 4, "relu")
    expected = np.zeros((1, 4, 4, 1))
    expected[0, 0, 0, 0] = 2
    np.testing.assert_array_equal(dx, expected)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_by_finite_differences(activation):
    rng = np.random.RandomState(3)
    x, w, b = rng.normal(size=(2, 8, 11, 2)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    y, winner = reference.forward(x, w, b, activation)
    gy = rng.normal(size=y.shape)
    dw, db = reference.grad_weights(x, y, winner, gy, 3, activation)
    dx = reference.grad_input(w, y, winner, gy, 8, 11, activation)
    for array, gradient in ((x, dx), (w, dw), (b, db)):
        direction = rng.normal(size=array.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = [a + step * direction if a is array else a for a in (x, w, b)]
            ends.append((reference.forward(*moved, activation)[0] * gy).sum())
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx((gradient * direction).sum(), rel=1e-6)
