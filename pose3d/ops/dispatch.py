"""The Ops' kernels for PyTensor's numba backend; importing this file registers them."""

from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

from pose3d.io.cpu import keep_freed_memory
from pose3d.ops import activations, fused_updates, linker, matmul
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights
from pose3d.ops.kernels import backward, forward, simd, winograd, winograd_gradients
from pose3d.ops.kernels.parts import key
from pose3d.ops.kernels.tiling import Layer

# Of each Op: when minimal filtering pays, its factory, and that of the direct kernel.
FACTORIES = {
    ConvPool: (winograd.worth_while, winograd.forward_kernel, forward.forward_kernel),
    ConvPoolGradWeights: (
        winograd.worth_while, winograd_gradients.grad_weights_kernel, backward.grad_weights_kernel,
    ),
    ConvPoolGradInput: (
        winograd.input_worth_while, winograd_gradients.grad_input_kernel, backward.grad_input_kernel,
    ),
}  # fmt: skip


def _layer(op, node):
    """What the Op's kernel is specialised on, with the sides of its outputs where the graph knows them."""
    y = node.outputs[0] if isinstance(op, ConvPool) else node.inputs[1]
    _, rows, columns, _ = y.type.shape
    dtype = node.outputs[0].type.dtype
    return Layer(op.maps_in, op.maps_out, op.kernel, op.activation, dtype, columns or 1, rows or 1)


@register_funcify_and_cache_key(ConvPool)
@register_funcify_and_cache_key(ConvPoolGradWeights)
@register_funcify_and_cache_key(ConvPoolGradInput)
def compile_kernel(op, node, **kwargs):
    """The Op's compiled kernel and its key in PyTensor's cache."""
    keep_freed_memory()
    layer, target = _layer(op, node), simd.host_target()
    pays, minimal, direct = FACTORIES[type(op)]
    factory = minimal if pays(layer, target) else direct
    return factory(layer, target), key(type(op).__name__, layer, target)


@register_funcify_and_cache_key(activations.Tanh)
@register_funcify_and_cache_key(activations.Softplus)
def compile_function(op, node, **kwargs):
    """A scalar Op's compiled function."""
    dtype = node.outputs[0].type.dtype
    return activations.COMPILED[type(op), dtype], key(type(op).__name__, dtype)


@register_funcify_and_cache_key(matmul.Product)
def compile_product(op, node, **kwargs):
    """A matrix product's compiled call."""
    return matmul.compiled_product(op), key(op, node.outputs[0].type.dtype)


@register_funcify_and_cache_key(matmul.SquaredNorm)
def compile_norm(op, node, **kwargs):
    """A squared norm's compiled call."""
    kind = node.inputs[0].type
    return matmul.compiled_norm, key(op, kind.dtype, kind.ndim)


@register_funcify_and_cache_key(fused_updates.FusedUpdate)
def compile_update(op, node, **kwargs):
    """The compiled loop of fused updates."""
    keep_freed_memory()
    threads, kind = simd.host_target().threads, node.outputs[0].type
    return fused_updates.compiled(op, kind.dtype, threads), key(
        op, op._props_dict(), threads, kind.dtype, kind.ndim
    )


linker.COMPILED += [
    ConvPool,
    ConvPoolGradWeights,
    ConvPoolGradInput,
    fused_updates.FusedUpdate,
    matmul.Product,
    matmul.SquaredNorm,
]
