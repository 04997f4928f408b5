"""Kernels as C functions."""

import numpy as np

from pose3d.io.jit import njit
from pose3d.ops.kernels.parts import array_at, in_parallel

DTYPE = np.dtype("float64")


def add_index(a, n):
    length = a[2]
    given, found = array_at(a[0], (length,), DTYPE), array_at(a[1], (length,), DTYPE)
    for i in range(n, length, 3):
        found[i] = given[i] + n


run = in_parallel(add_index, 3)


@njit
def called(given):
    found = np.empty(len(given))
    # The doubled array lives no longer than the call.
    run((given * 2, found), (len(given),))
    return found


def test_every_part_is_called_once_with_the_arrays_alive():
    given = np.random.default_rng(0).normal(size=100_001)
    for _ in range(3):
        np.testing.assert_array_equal(called(given), given * 2 + np.arange(len(given)) % 3)
