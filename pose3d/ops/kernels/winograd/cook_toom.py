"""Minimal filtering (Cook-Toom, Winograd): the matrices of F(m, r), m outputs of a filter of r taps.

A correlation of a signal d of n = m + r - 1 numbers with a filter g takes n products instead of m * r::

    y = A'((G g) * (B' d))

Its transpose, the gradient at the filter, takes the same points: there y has m numbers as the filter and r
as the output. In two dimensions every matrix acts on rows and on columns. The matrices are those of
polynomial interpolation at n points, infinity the last, in exact fractions.
"""

from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np

# For tiles of 4 outputs they lose little: a root mean square of 2e-6 for 5 taps, 3e-5 for 6, in float32.
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2), 4)


def points_of(n):
    """The n - 1 finite points at which n products interpolate."""
    return [Fraction(point) for point in POINTS[: n - 1]]


@lru_cache(None)
def signal_matrix(n):
    """B', (n, n): what a signal of n numbers becomes at the points."""
    points, rows = points_of(n), []
    for i in range(len(points)):
        others = points[:i] + points[i + 1 :]
        rows.append([*_polynomial(others), Fraction(0)])
    rows.append(_polynomial(points))
    return _floats(rows)


@lru_cache(None)
def filter_matrix(n, taps):
    """G, (n, taps): what a filter of `taps` numbers becomes at the points."""
    points = points_of(n)
    weights = [
        1 / prod((point - other for j, other in enumerate(points) if j != i), start=Fraction(1))
        for i, point in enumerate(points)
    ]
    rows = [[weight * point**k for k in range(taps)] for point, weight in zip(points, weights, strict=True)]
    return _floats([*rows, [Fraction(k == taps - 1) for k in range(taps)]])


@lru_cache(None)
def output_matrix(n, outputs):
    """A', (outputs, n): from the products to the outputs."""
    columns = [[point**k for k in range(outputs)] for point in points_of(n)]
    columns.append([Fraction(k == outputs - 1) for k in range(outputs)])
    return _floats(columns).T


def _polynomial(roots):
    """Coefficients of the product of (x - root), the constant one first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)]
    return found


def _floats(rows):
    return np.array([[float(value) for value in row] for row in rows])
