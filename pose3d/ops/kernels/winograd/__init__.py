"""Minimal filtering: the kernels of a layer with many maps."""

from pose3d.ops.kernels.winograd.blocks import worth_while
from pose3d.ops.kernels.winograd.gradients import grad_input_kernel, grad_weights_kernel
from pose3d.ops.kernels.winograd.outputs import forward_kernel

__all__ = ["forward_kernel", "grad_input_kernel", "grad_weights_kernel", "worth_while"]
