"""Matrix products by scipy's matrix library; `prepare_process` in `pose3d.io` says how its threads wait.

numpy's own library may be loaded before: a script imports numpy first. Its threads would then spin between
two products, and take the cores from the kernels, which ran half as fast.
"""

import numpy as np
from scipy.linalg.blas import get_blas_funcs


def multiply(a, b, left=False, right=False):
    """``a . b`` of matrices of one type, without copies; with ``a.T`` if `left`, with ``b.T`` if `right`."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if not a.size or not b.size:
        return np.dot(a.T if left else a, b.T if right else b)
    # The library's matrices lie column by column, so that it is given all of them transposed.
    if a.shape[left] == 1:  # one image: as a product of matrices it takes three times as long
        (gemv,) = get_blas_funcs(["gemv"], [a, b])
        return gemv(1, b.T, a.ravel(), trans=right)[np.newaxis]
    (gemm,) = get_blas_funcs(["gemm"], [a, b])
    return gemm(1, b.T, a.T, trans_a=right, trans_b=left).T


def squares(x):
    """The sum of an array's squares."""
    flat = np.ascontiguousarray(x).reshape(x.size)
    (dot,) = get_blas_funcs(["dot"], [flat])
    return np.asarray(dot(flat, flat) if x.size else 0, x.dtype)
