"""Vector code for one host: lanes, register budget, and the few instructions the kernels need.

Everything is emitted as LLVM IR through llvmlite, which numba brings along, so
that a user needs no compiler and a vector is exactly as wide as the host's.
"""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm
import numba
from llvmlite import ir

INT64 = ir.IntType(64)
INT32 = ir.IntType(32)
INT8 = ir.IntType(8)


@dataclass(frozen=True)
class Target:
    """What the kernels are shaped by."""

    vector_bytes: int
    registers: int  # how many vectors the processor holds
    threads: int  # parts that the work is divided into

    def lanes(self, dtype):
        return self.vector_bytes // {"float32": 4, "float64": 8}[dtype]


def host_features():
    """Names of the features numba compiles for: the host's, or those of ``NUMBA_CPU_FEATURES``."""
    if numba.config.CPU_NAME or numba.config.CPU_FEATURES:
        named = (numba.config.CPU_FEATURES or "").split(",")
        return {f[1:] for f in named if f.startswith("+")}
    return {name for name, present in llvm.get_host_cpu_features().items() if present}


@cache
def host_target():
    """The target of the machine this runs on.

    AVX-512 has 32 registers of 64 bytes and AVX2 16 of 32. Everything else (NEON, SSE)
    has 16-byte vectors: 32 registers on ARM, 16 on x86.
    """
    features, threads = host_features(), numba.config.NUMBA_NUM_THREADS
    if "avx512f" in features:
        return Target(64, 32, threads)
    if "avx2" in features and "fma" in features:
        return Target(32, 16, threads)
    if "neon" in features:
        return Target(16, 32, threads)
    return Target(16, 16, threads)


# tanh(x) = x P(x^2) / Q(x^2): own coefficients, from an iteratively reweighted least-squares fit of the
# absolute error up to 8.5 (1.1e-8; 3.3e-7 evaluated in float32). At LIMIT the quotient is above 1, so that
# cutting both off there gives 1 sharp, and the gradient behind it is 0.
TANH_LIMIT = 9.0
TANH_P = (9.99999946e-01, 1.34062056e-01, 3.52581881e-03, 2.11215671e-05, 1.40992480e-08)
TANH_Q = (1.0, 4.67395169e-01, 2.59911335e-02, 3.33568975e-04, 8.07361875e-07)


class Emitter:
    """Emits vector instructions of one type and width into an IR builder."""

    def __init__(self, builder, dtype, lanes):
        self.builder, self.lanes, self.dtype = builder, lanes, dtype
        self.scalar = ir.FloatType() if dtype == "float32" else ir.DoubleType()
        self.bytes = 4 if dtype == "float32" else 8
        self.vector = ir.VectorType(self.scalar, lanes)
        self.suffix = f"v{lanes}f{8 * self.bytes}"

    def pointer(self, address):
        """A typed pointer from an array's address as an integer."""
        return self.builder.inttoptr(address, self.scalar.as_pointer())

    def at(self, pointer, *offsets):
        """``pointer`` moved by the sum of `offsets`, in elements."""
        for offset in offsets:
            offset = INT64(offset) if isinstance(offset, int) else offset
            pointer = self.builder.gep(pointer, [offset])
        return pointer

    def splat(self, scalar):
        """A vector of one number (or integer) in every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, INT32(0))
        return self.shuffle(one, undefined, [0] * self.lanes)

    def shuffle(self, a, b, lanes):
        """Lanes of `a`, from 0, and of `b`, which count on."""
        return self.builder.shuffle_vector(a, b, self.integers(INT32, lanes))

    def picked(self, vectors, places):
        """Vectors of the numbers at `places`, which count through all of `vectors`."""
        result = []
        for first in range(0, len(places), self.lanes):
            some = places[first : first + self.lanes]
            found = self.shuffle(vectors[0], vectors[0], [place % self.lanes for place in some])
            for n in range(1, len(vectors)):
                lanes = [
                    self.lanes + place % self.lanes if place // self.lanes == n else lane
                    for lane, place in enumerate(some)
                ]
                found = self.shuffle(found, vectors[n], lanes)
            result.append(found)
        return result

    def interleaved(self, vectors):
        """As many vectors with the first lanes of all, then the second ones, and so on."""
        return self.picked(
            vectors, [k * self.lanes + lane for lane in range(self.lanes) for k in range(len(vectors))]
        )

    def separated(self, vectors):
        """What `interleaved` makes these of."""
        count = len(vectors)
        return self.picked(vectors, [lane * count + k for k in range(count) for lane in range(self.lanes)])

    def constant(self, value):
        return ir.Constant(self.vector, [value] * self.lanes)

    def zero(self):
        return self.constant(0.0)

    def mask(self, count, first=0):
        """Lanes `first`, `first` + 1, ... that are below `count`, a runtime int64."""
        lanes = self.integers(INT64, range(first, first + self.lanes))
        return self.builder.icmp_signed("<", lanes, self.splat(count))

    def integers(self, kind, values):
        """A constant vector of integers."""
        return ir.Constant(ir.VectorType(kind, self.lanes), list(values))

    def _call(self, name, result, *args):
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(result, [a.type for a in args]), name)
        return self.builder.call(function, args)

    def _memory(self, vector):
        """Bytes per element, and how intrinsics name the type of `vector`."""
        kind = vector.element
        if kind == self.scalar:
            return self.bytes, self.suffix
        return kind.width // 8, f"v{self.lanes}i{kind.width}"

    def load(self, pointer, mask=None, kind=None):
        """Load a vector of numbers, or of integers of type `kind`.

        Lanes outside `mask` are zero and their memory is not touched.
        """
        vector = ir.VectorType(kind or self.scalar, self.lanes)
        size, suffix = self._memory(vector)
        cast = self.builder.bitcast(pointer, vector.as_pointer())
        if mask is None:
            return self.builder.load(cast, align=size)
        zero = ir.Constant(vector, None)
        return self._call(f"llvm.masked.load.{suffix}.p0", vector, cast, INT32(size), mask, zero)

    def store(self, value, pointer, mask=None):
        """Store a vector of numbers or integers; memory outside `mask` is left alone."""
        cast = self.builder.bitcast(pointer, value.type.as_pointer())
        size, suffix = self._memory(value.type)
        if mask is None:
            self.builder.store(value, cast, align=size)
        else:
            self._call(f"llvm.masked.store.{suffix}.p0", ir.VoidType(), value, cast, INT32(size), mask)

    def fma(self, a, b, c):
        return self._call(f"llvm.fma.{self.suffix}", self.vector, a, b, c)

    def greater(self, a, b):
        return self.builder.fcmp_ordered(">", a, b)

    def clamp(self, value, limit):
        for bound, sign in ((self.constant(limit), ">"), (self.constant(-limit), "<")):
            beyond = self.builder.fcmp_ordered(sign, value, bound)
            value = self.builder.select(beyond, bound, value)
        return value

    def polynomial(self, coefficients, u):
        value = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = self.fma(value, u, self.constant(coefficient))
        return value

    def tanh(self, x):
        """Rational in float32, the C library's own, lane by lane, in float64."""
        builder = self.builder
        if self.dtype == "float64":
            for lane in range(self.lanes):
                value = self._call("tanh", self.scalar, builder.extract_element(x, INT32(lane)))
                x = builder.insert_element(x, value, INT32(lane))
            return x
        x = self.clamp(x, TANH_LIMIT)
        u = builder.fmul(x, x)
        numerator = builder.fmul(x, self.polynomial(TANH_P, u))
        return self.clamp(builder.fdiv(numerator, self.polynomial(TANH_Q, u)), 1.0)

    def relu(self, x):
        negative = self.builder.fcmp_ordered("<", x, self.zero())  # NaN is not
        return self.builder.select(negative, self.zero(), x)

    def vectors(self, count, body):
        """``body(offset, mask)`` for every vector of `count` elements, a runtime int64; the last masked."""
        builder, lanes = self.builder, INT64(self.lanes)
        whole, rest = builder.udiv(count, lanes), builder.urem(count, lanes)

        def one(n, carried):
            body(builder.mul(n, lanes), None)
            return carried

        with builder.if_then(builder.icmp_signed(">", whole, INT64(0))):
            self.loop(whole, [], one)
        with builder.if_then(builder.icmp_signed(">", rest, INT64(0))):
            body(builder.mul(whole, lanes), self.mask(rest))

    def loop(self, count, carried, body):
        """``for i in range(count): carried = body(i, carried)``, at least once, values kept in registers."""
        builder = self.builder
        count = INT64(count) if isinstance(count, int) else count
        before = builder.block
        head = builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        builder.branch(head)
        builder.position_at_end(head)
        i = builder.phi(INT64)
        i.add_incoming(INT64(0), before)
        phis = [builder.phi(value.type) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        results = body(i, phis)
        step = builder.add(i, INT64(1))
        again = builder.icmp_signed("<", step, count)
        last = builder.block
        builder.cbranch(again, head, after)
        i.add_incoming(step, last)
        for phi, value in zip(phis, results, strict=True):
            phi.add_incoming(value, last)
        builder.position_at_end(after)
        return results
