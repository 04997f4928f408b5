"""The Ops' kernels for PyTensor's numba backend; importing this file registers them."""

import hashlib
from functools import cache
from pathlib import Path

import numba
from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

from pose3d.ops import elementwise, gradients, kernels, memory, product, simd
from pose3d.ops.conv_pool import ConvPool, ConvPoolGradInput, ConvPoolGradWeights
from pose3d.ops.tiling import Layer

FACTORIES = {
    ConvPool: kernels.forward_kernel,
    ConvPoolGradWeights: gradients.grad_weights_kernel,
    ConvPoolGradInput: gradients.grad_input_kernel,
}

KERNEL_FILES = (
    "shapes.py", "simd.py", "tiling.py", "microkernels.py", "kernels.py", "gradients.py", "elementwise.py",
    "product.py",
)  # fmt: skip


@cache
def source_hash():
    """A hash of the files that make the kernels: an edited kernel is never answered by an old binary."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in KERNEL_FILES)).hexdigest()


def _pooled_columns(op, node):
    """Pooled columns of the layer's images, where the graph knows them; 1 where it does not."""
    return (node.outputs[0].type.shape[2] if isinstance(op, ConvPool) else None) or 1


@register_funcify_and_cache_key(ConvPool)
@register_funcify_and_cache_key(ConvPoolGradWeights)
@register_funcify_and_cache_key(ConvPoolGradInput)
def compile_kernel(op, node, **kwargs):
    """The Op's compiled kernel and its key in PyTensor's cache: all that it is specialised on."""
    memory.keep_freed_memory()
    # Starts numba's threads. Parallel code read from the disk cache does not, and crashes without them.
    numba.get_num_threads()
    dtype, columns = node.outputs[0].type.dtype, _pooled_columns(op, node)
    layer = Layer(op.maps_in, op.maps_out, op.kernel, op.activation, dtype, columns)
    target = simd.host_target()
    parts = (type(op).__name__, layer, target, source_hash(), numba.__version__)
    return FACTORIES[type(op)](layer, target), hashlib.sha256(repr(parts).encode()).hexdigest()


@register_funcify_and_cache_key(elementwise.Tanh)
@register_funcify_and_cache_key(elementwise.Softplus)
def compile_function(op, node, **kwargs):
    """A scalar Op's compiled function, and its key, as above."""
    dtype = node.outputs[0].type.dtype
    parts = (type(op).__name__, dtype, source_hash())
    return elementwise.COMPILED[type(op), dtype], hashlib.sha256(repr(parts).encode()).hexdigest()


@register_funcify_and_cache_key(product.Product)
def compile_product(op, node, **kwargs):
    """A matrix product's compiled call, and its key, as above."""
    parts = (op, node.outputs[0].type.dtype, source_hash())
    return product.compiled(op), hashlib.sha256(repr(parts).encode()).hexdigest()
