"""The three matrices of one subject's legacy .mat files, sample by sample, along either axis."""

import contextlib

import numpy as np

from pose3d.errors import UserError
from pose3d.io.hdf5 import Matrix
from pose3d.skeleton import JOINTS_32, N_JOINTS

# Of the square images and of the grid of windows: facts of these files, whatever the crop of `dataset` is.
STORED_SIDE, GRID_SIDE = 128, 10
# "rows": index = side * row + column. "columns": side * column + row, as MATLAB unrolls an image.
ORDERS = ("rows", "columns")

# Kind -> start of the file's name before the subject, variable, numbers that make a sample.
KINDS = {
    "images": ("data_36M", "datafinal", STORED_SIDE**2),
    "labels": ("pose_2D", "y_vector_new", N_JOINTS * GRID_SIDE**2),
    "poses": ("pose_3D", "posedata", 3 * len(JOINTS_32)),
}
# Samples read at once, and at most: 512 are 64 MB of images in double precision.
_BLOCK, _LARGEST_BLOCK = 256, 512
# Rounding may push a value of 1 above it; that is no sign of gray levels up to 255.
_ROUNDING = 1e-3


class Samples:
    """The samples of one matrix, open for reading.

    Attributes
    ----------
    path : path of its file
    """

    def __init__(self, matrix, axis):
        self._matrix, self._axis = matrix, axis
        self.path = matrix.path

    def __len__(self):
        return self._matrix.shape[self._axis]

    def read(self, start, stop):
        """Samples `start` to `stop`, half-open: (n, width) array of whatever type is stored."""
        return self._matrix.read(start, stop, self._axis)

    def spread(self, count):
        """At most that many samples, evenly chosen: their numbers, and (n, width) array."""
        numbers = np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).astype(int))
        return numbers, np.concatenate([self.read(number, number + 1) for number in numbers])

    def block(self):
        """How many samples to read at once: whole chunks, so that none is unpacked twice."""
        chunk = self._matrix.chunk[self._axis]
        return _BLOCK if chunk > _LARGEST_BLOCK else max(1, _BLOCK // chunk) * chunk

    def full_scale(self, numbers, values):
        """The value of white: 255 for integers, and for floats if a value of that `spread` is above 1.

        Raises
        ------
        UserError
            if the largest value is so little above 1 that white is ambiguous
        """
        if not self._matrix.is_float:
            return 255
        largest = check_finite(self.path, numbers, values).max(initial=0)
        if 1 + _ROUNDING < largest < 2:
            raise UserError(
                f"{self.path}: its largest value is {largest:.4g}, so it holds neither gray levels of 0 to 1 "
                "nor of 0 to 255; scale it to one of them"
            )
        return 1 if largest <= 1 + _ROUNDING else 255


def check_finite(path, numbers, values):
    """Return the values, one row for each sample number; a `UserError` if one is not finite."""
    bad = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if bad.size:
        raise UserError(f"{path}: sample {numbers[bad[0]]} holds NaN or infinity; repair or remove the file")
    return values


@contextlib.contextmanager
def open_samples(paths):
    """Open the three files of one subject.

    Samples lie along the axis whose length is not the width of a sample. If both axes have that length, they
    lie as in the other two matrices.

    Parameters
    ----------
    paths : dict of path, by the names of `KINDS`

    Yields
    ------
    dict of `Samples`, by the same names, all of the same length

    Raises
    ------
    UserError
        if a file is absent, damaged or of another shape, or they differ in their numbers of samples
    """
    with contextlib.ExitStack() as stack:
        matrices = {kind: stack.enter_context(Matrix(path, KINDS[kind][1])) for kind, path in paths.items()}
        axes = {kind: _possible_axes(matrix, KINDS[kind][2]) for kind, matrix in matrices.items()}
        sure = {possible[0] for possible in axes.values() if len(possible) == 1}
        found = {}
        for kind, possible in axes.items():
            if len(possible) > 1 and len(sure) != 1:
                raise UserError(
                    f"{paths[kind]}: is square, and the other two files do not determine which axis holds "
                    "its samples; add or remove a sample in all three"
                )
            found[kind] = Samples(matrices[kind], possible[0] if len(possible) == 1 else min(sure))
        _check_counts(found)
        yield found


def _possible_axes(matrix, width):
    """Axes that may hold the samples."""
    axes = [axis for axis in (0, 1) if matrix.shape[1 - axis] == width]
    if not axes:
        raise UserError(
            f"{matrix.path}: {matrix.name} is {matrix.shape[0]} x {matrix.shape[1]}, and neither is {width}, "
            "the length of one sample; check that it is the right file"
        )
    return axes


def _check_counts(found):
    counts = {len(samples) for samples in found.values()}
    if len(counts) > 1 or not min(counts):
        listed = ", ".join(f"{len(samples)} in {samples.path}" for samples in found.values())
        raise UserError(f"the files of one subject must have equally many samples, but there are {listed}")


def gray_levels(path, numbers, values, full_scale):
    """Images as uint8.

    Parameters
    ----------
    path : path of their file, for messages
    numbers : (n,) int array, the samples' numbers, for messages
    values : (n, 16384) array
    full_scale : 1 or 255, the value of white

    Returns
    -------
    (n, 16384) uint8 array

    Raises
    ------
    UserError
        if a value is not finite, negative or above white
    """
    values = check_finite(path, numbers, values)
    low, high = values.min(axis=1), values.max(axis=1)
    bad = np.flatnonzero((low < 0) | (high > full_scale * (1 + _ROUNDING)))
    if bad.size:
        i = bad[0]
        raise UserError(
            f"{path}: sample {numbers[i]} has values of {low[i]:.4g} to {high[i]:.4g}, not of 0 to "
            f"{full_scale}; repair or remove the file"
        )
    if values.dtype == np.uint8:
        return values
    return np.minimum(np.rint(values * (255 / full_scale)), 255).astype(np.uint8)


def in_rows(values, side, order):
    """Square grids stored in one of the `ORDERS`, by rows: (..., side * side) to (..., side, side) array."""
    grids = values.reshape(*values.shape[:-1], side, side)
    return grids if order == "rows" else np.swapaxes(grids, -1, -2)
