"""Kernels as C functions."""

import numpy as np

from pose3d.ops.kernels.parts import CACHE_LINE, array_at, in_parallel, room

DTYPE = np.dtype("float64")


def add_index(a, n):
    length = a[2]
    given, found = array_at(a[0], (length,), DTYPE), array_at(a[1], (length,), DTYPE)
    for i in range(n, length, 3):
        found[i] = given[i] + n


run = in_parallel(add_index, 3)


def test_every_part_is_called_once():
    given = np.random.default_rng(0).normal(size=100_001)
    for alone in (False, True, False):
        found = np.empty(len(given))
        run((given, found), (len(given),), alone)
        np.testing.assert_array_equal(found, given + np.arange(len(given)) % 3)


def test_room_starts_a_cache_line():
    for shape in ((3,), (5, 7), (2, 3, 1, 9)):
        found = room(shape, "float32")
        assert (found.shape, found.dtype, found.ctypes.data % CACHE_LINE) == (shape, "float32", 0)
