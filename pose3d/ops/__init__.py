"""PyTensor Ops with compiled kernels, and the mode in which graphs of them run: ``mode=NODES``.

``conv_pool`` fuses convolution, max-pooling and activation. ``dot``, ``norm``, ``tanh`` and
``softplus`` replace PyTensor's own, which are slower. ``momentum_step`` is the update rule on all threads.
"""

from pose3d.ops.activations import softplus, tanh
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights, conv_pool
from pose3d.ops.linker import NODES
from pose3d.ops.matmul import dot, norm
from pose3d.ops.momentum import momentum_step

__all__ = [
    "NODES", "ConvPool", "ConvPoolGradInput", "ConvPoolGradWeights", "conv_pool", "dot", "momentum_step",
    "norm", "softplus", "tanh",
]  # fmt: skip
