"""What the graphs are made of, with kernels for PyTensor's numba backend.

The fused convolution, max-pooling and activation (``conv_pool``) is what the project is
about; ``dot``, ``tanh`` and ``softplus`` are PyTensor's own, made faster, and ``Update``
runs an update rule on all threads. Importing this package registers the kernels.
"""

from pose3d.ops import dispatch as _dispatch  # noqa: F401  (its import is the registration)
from pose3d.ops.activations import softplus, tanh
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool
from pose3d.ops.matmul import dot
from pose3d.ops.momentum import Update

__all__ = [
    "ConvPool", "ConvPoolGradInput", "ConvPoolGradWeights", "Update", "conv_pool", "dot", "softplus", "tanh",
]  # fmt: skip
