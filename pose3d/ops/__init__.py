"""PyTensor Ops with kernels for its numba backend. Importing this package registers the kernels.

``conv_pool`` fuses convolution, max-pooling and activation. ``dot``, ``squared_norm``, ``tanh`` and
``softplus`` replace PyTensor's own, which are slower. `fused_updates` runs update rules on all threads.
"""

from pose3d.ops import dispatch as _dispatch  # noqa: F401  (its import is the registration)
from pose3d.ops.activations import softplus, tanh
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool
from pose3d.ops.matmul import dot, squared_norm

__all__ = [
    "ConvPool", "ConvPoolGradInput", "ConvPoolGradWeights", "conv_pool", "dot", "softplus",
    "squared_norm", "tanh",
]  # fmt: skip
