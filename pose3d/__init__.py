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

__version__ = "0.1.0"
