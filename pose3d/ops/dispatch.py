"""The Ops' kernels for PyTensor's numba backend; importing this file registers them."""

import hashlib
from functools import cache
from pathlib import Path

import numba
from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

from pose3d.io.cpu import keep_freed_memory
from pose3d.ops import activations, fused_updates, matmul
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights
from pose3d.ops.kernels import backward, forward, simd
from pose3d.ops.kernels.tiling import Layer

FACTORIES = {
    ConvPool: forward.forward_kernel,
    ConvPoolGradWeights: backward.grad_weights_kernel,
    ConvPoolGradInput: backward.grad_input_kernel,
}


@cache
def source_hash():
    """A hash of this package's source: an edited kernel is never answered by an old binary."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _pooled_columns(op, node):
    """Pooled columns of the layer's images, where the graph knows them; 1 where it does not."""
    return (node.outputs[0].type.shape[2] if isinstance(op, ConvPool) else None) or 1


def key(*parts):
    """A key in PyTensor's cache from all that the compiled code depends on."""
    return hashlib.sha256(repr((*parts, source_hash(), numba.__version__)).encode()).hexdigest()


def prepare():
    """What compiled kernels need of the process they run in.

    Starts numba's threads: parallel code read from the disk cache does not, and crashes without them.
    """
    keep_freed_memory()
    numba.get_num_threads()


@register_funcify_and_cache_key(ConvPool)
@register_funcify_and_cache_key(ConvPoolGradWeights)
@register_funcify_and_cache_key(ConvPoolGradInput)
def compile_kernel(op, node, **kwargs):
    """The Op's compiled kernel and its key in PyTensor's cache."""
    prepare()
    dtype, columns = node.outputs[0].type.dtype, _pooled_columns(op, node)
    layer = Layer(op.maps_in, op.maps_out, op.kernel, op.activation, dtype, columns)
    target = simd.host_target()
    return FACTORIES[type(op)](layer, target), key(type(op).__name__, layer, target)


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
    prepare()
    threads, kind = simd.host_target().threads, node.outputs[0].type
    return fused_updates.compiled(op, threads), key(op, op._props_dict(), threads, kind.dtype, kind.ndim)
