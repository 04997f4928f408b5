"""PyTensor Ops with compiled kernels, and the mode in which graphs of them run: ``mode=NODES``.

``conv_pool`` fuses convolution, max-pooling and activation. ``dot``, ``norm``, ``tanh`` and
``softplus`` replace PyTensor's own, which are slower. `fused_updates` runs update rules on all threads.
"""

from pose3d.ops import fused_updates as _fused_updates  # noqa: F401  (its import registers the rewrite)
from pose3d.ops.activations import softplus, tanh
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool
from pose3d.ops.linker import NODES
from pose3d.ops.matmul import dot, norm

__all__ = [
    "NODES", "ConvPool", "ConvPoolGradInput", "ConvPoolGradWeights", "conv_pool", "dot", "norm", "softplus",
    "tanh",
]  # fmt: skip
