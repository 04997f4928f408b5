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

from pose3d.io.process_setup import is_command, prepare_process

__version__ = "0.3.0"

if is_command():  # before anything imports numpy
    prepare_process()


def load(run=None, task=None):
    """A trained network: ``pose3d.load().predict(images)`` gives (N, 17, 3) mm.

    Parameters, returns and errors are those of `pose3d.inference.predictor.load`.
    """
    from pose3d.inference import predictor  # what it imports compiles, and most of pose3d does without

    return predictor.load(run, task)
