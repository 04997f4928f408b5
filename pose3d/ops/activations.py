"""tanh and softplus as scalar Ops whose compiled loops become vector code; an import registers them.

PyTensor's own call the C library once per number, which takes longer than the matrix
products around them. In float32 these are plain arithmetic, so that LLVM can make
vectors of the loop, fusion with the neighbours included; float64 stays the C library's.
"""

import math

import numba
import numba.types as nt
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key
from pytensor.scalar.basic import UnaryScalarOp, upgrade_to_float
from pytensor.tensor.elemwise import Elemwise

from pose3d.ops.kernels.parts import key
from pose3d.ops.kernels.simd import TANH_LIMIT, TANH_P, TANH_Q


class _Function(UnaryScalarOp):
    """A function of one real number."""

    def __init__(self, name):
        super().__init__(upgrade_to_float, name=name)


class Tanh(_Function):
    """Hyperbolic tangent."""

    def impl(self, x):
        return np.tanh(x)

    def pullback(self, inputs, outputs, cotangents):
        return [cotangents[0] * (1 - outputs[0] * outputs[0])]


class Softplus(_Function):
    """``log(1 + exp(x))``, which no x overflows."""

    def impl(self, x):
        return np.logaddexp(x, 0)

    def pullback(self, inputs, outputs, cotangents):
        half = np.asarray(0.5, inputs[0].dtype)
        return [cotangents[0] * (half + half * scalar_tanh(half * inputs[0]))]


scalar_tanh = Tanh("tanh")
tanh = Elemwise(scalar_tanh)
softplus = Elemwise(Softplus("softplus"))


def float32s(numbers):
    return tuple(np.float32(number) for number in numbers)


_P, _Q, _LIMIT, _ONE = float32s(TANH_P), float32s(TANH_Q), np.float32(TANH_LIMIT), np.float32(1)
_HALF = np.float32(0.5)
# exp(-t) = 2^n exp(-r), ln 2 in two parts so that r keeps its last bits; float32 ends before exp(-88).
_LOG2_E, _EXP_LIMIT = np.float32(math.log2(math.e)), np.float32(87)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(math.log(2) - 0.693359375)
_EXP = float32s(1 / math.factorial(n) for n in range(8))  # Taylor, |r| < 0.35
_ATANH = float32s(1 / (2 * n + 1) for n in range(8))  # Taylor, argument below 1/3


@intrinsic
def _power_of_two(typingctx, n):
    """``2 ** n`` in float32 for an int32 `n` from -126 to 127: made from its exponent bits."""

    def codegen(context, builder, signature, args):
        exponent = builder.add(args[0], ir.Constant(args[0].type, 127))
        return builder.bitcast(builder.shl(exponent, ir.Constant(args[0].type, 23)), ir.FloatType())

    return nt.float32(nt.int32), codegen


# A product and a sum may become one instruction; nothing else is reordered.
_njit = numba.njit(fastmath={"contract"}, error_model="numpy")


@_njit
def _polynomial(coefficients, u):
    value = coefficients[-1]
    for n in range(len(coefficients) - 2, -1, -1):
        value = value * u + coefficients[n]
    return value


@_njit
def _tanh32(x):
    """As in :meth:`pose3d.ops.kernels.simd.Emitter.tanh`."""
    x = min(max(x, -_LIMIT), _LIMIT)
    u = x * x
    return min(max(x * _polynomial(_P, u) / _polynomial(_Q, u), -_ONE), _ONE)


@_njit
def _softplus32(x):
    """``max(x, 0) + log(1 + e)`` with ``e = exp(-|x|)``; the logarithm as ``2 atanh(e / (2 + e))``."""
    t = min(abs(x), _EXP_LIMIT)
    n = np.int32(t * _LOG2_E + _HALF)
    r = np.float32(n)
    r = (r * _LN2_HIGH - t) + r * _LN2_LOW
    e = _polynomial(_EXP, r) * _power_of_two(-n)
    s = e / (np.float32(2) + e)
    return max(x, np.float32(0)) + np.float32(2) * s * _polynomial(_ATANH, s * s)


@_njit
def _tanh64(x):
    return math.tanh(x)


@_njit
def _softplus64(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


_COMPILED = {
    (Tanh, "float32"): _tanh32,
    (Tanh, "float64"): _tanh64,
    (Softplus, "float32"): _softplus32,
    (Softplus, "float64"): _softplus64,
}


@register_funcify_and_cache_key(Tanh)
@register_funcify_and_cache_key(Softplus)
def compile_function(op, node, **kwargs):
    """A scalar Op's compiled function, and its key in PyTensor's cache."""
    dtype = node.outputs[0].type.dtype
    return _COMPILED[type(op), dtype], key(type(op).__name__, dtype)
