"""The fused convolution, max-pooling and activation: shapes, reference, Op, vector kernels, dispatch.

``conv_pool`` is the only name the layers need; importing this package registers
the compiled kernels with PyTensor's numba backend.
"""

from pose3d.ops import dispatch as _dispatch  # noqa: F401  (its import is the registration)
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool

__all__ = ["ConvPool", "ConvPoolGradInput", "ConvPoolGradWeights", "conv_pool"]
