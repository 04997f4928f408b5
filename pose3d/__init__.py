"""3D human pose from one 128 x 128 grayscale image, on PyTensor.

Axis letters and units used in every docstring:

====  ==================================================
N     images of a minibatch, or samples of a data set
C     maps (channels)
H, W  rows and columns of an image or map
F     frames of a take
J     joints: the 17 of :mod:`pose3d.skeleton`, unless said otherwise
px    crop or image pixels, pixel centres at whole numbers
mm    millimetres, camera frame (x right, y down, z forward)
====  ==================================================
"""

import os

from pose3d.io.cpu import find_cache_folder, share_cores

__version__ = "0.2.0"

# The kernels' threads and those of the matrix library take turns, many times in a step. Left alone, each
# spins for a while after its turn and takes the core from the other: a step takes half as long again. Both
# libraries read this when they are loaded, so it stands before anything imports numpy.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
share_cores()  # among mpiexec's ranks, for the same reasons
find_cache_folder()


def load(run):
    """A trained network: ``pose3d.load("runs/regression").predict(images)`` gives (N, 17, 3) mm.

    Parameters, returns and errors are those of `pose3d.inference.predictor.load`.
    """
    from pose3d.inference import predictor  # what it imports compiles, and most of pose3d does without

    return predictor.load(run)
