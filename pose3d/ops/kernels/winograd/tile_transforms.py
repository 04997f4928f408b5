"""The innermost loops of minimal filtering: tiles to points and back, the pooling.

Intrinsics as in `microkernels`: addresses and counts are arguments, sizes and most strides constants. Maps
come in whole vectors.
"""

import numba.types as nt
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from pose3d.ops.kernels.microkernels import before_activation, window_output
from pose3d.ops.kernels.simd import INT8, INT64, Emitter
from pose3d.ops.shapes import POOL


def linear(e, matrix, values):
    """``matrix @ values`` for a constant matrix and a list of vectors."""
    return [_weighted(e, row, values) for row in matrix]


def _weighted(e, weights, values):
    """The sum of `values` times `weights`, ones first: a vector."""
    total = None
    for weight, value in sorted(zip(weights, values, strict=True), key=lambda pair: abs(pair[0]) != 1):
        if weight == 0:
            continue
        if total is None:
            total = value if weight == 1 else e.builder.fmul(e.constant(weight), value)
        elif abs(weight) == 1:
            total = (e.builder.fadd if weight == 1 else e.builder.fsub)(total, value)
        else:
            total = e.fma(e.constant(weight), value, total)
    return e.zero() if total is None else total


def tile_transform(dtype, lanes, matrix, source_step, target_row, target_step):
    """``transform(source, source_row, target, target_row)``: ``matrix @ tile @ matrix.T``, a vector of maps.

    Steps and rows are the distances of neighbours in a row and in a column, in elements; a `target_row` of
    None is taken from the call.
    """
    outputs, inputs = matrix.shape

    def codegen(context, builder, signature, args):
        e = Emitter(builder, dtype, lanes)
        source, target = e.pointer(args[0]), e.pointer(args[2])
        down = args[3] if target_row is None else INT64(target_row)
        scratch = cgutils.alloca_once(builder, ir.ArrayType(e.vector, outputs * inputs))
        scratch = builder.bitcast(scratch, e.scalar.as_pointer())

        def column(c, carried):
            first = e.at(source, builder.mul(c, INT64(source_step)))
            values = [e.load(e.at(first, builder.mul(args[1], INT64(r)))) for r in range(inputs)]
            for i, value in enumerate(linear(e, matrix, values)):
                e.store(value, e.at(scratch, i * inputs * lanes, builder.mul(c, INT64(lanes))))
            return carried

        def row(i, carried):
            first = e.at(scratch, builder.mul(i, INT64(inputs * lanes)))
            values = [e.load(e.at(first, c * lanes)) for c in range(inputs)]
            home = e.at(target, builder.mul(i, down))
            for j, value in enumerate(linear(e, matrix, values)):
                e.store(value, e.at(home, j * target_step))
            return carried

        e.loop(inputs, [], column)
        e.loop(outputs, [], row)
        return context.get_dummy_value()

    @intrinsic
    def transform(typingctx, source, source_row, target, target_row):
        return nt.void(*[nt.int64] * 4), codegen

    return transform


def pool_tile(layer, lanes, side):
    """``pool(conv, b, y, winner, row_stride)``: pooling, bias and activation of `side` x `side` outputs.

    `conv` holds the tile, one vector of maps each; `row_stride` is that of y and of the winners.
    """
    cells = range(side // POOL)

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        conv, b, y = (e.pointer(args[i]) for i in range(3))
        winner, bias = builder.inttoptr(args[3], INT8.as_pointer()), e.load(b)
        for i in cells:
            down = builder.mul(args[4], INT64(i))
            for j in cells:
                corner = POOL * (i * side + j)
                values = [e.load(e.at(conv, (corner + r * side + c) * lanes)) for r in (0, 1) for c in (0, 1)]
                best, number = window_output(e, layer, values, bias)
                e.store(best, e.at(y, down, j * layer.maps_out))
                e.store(number, builder.gep(winner, [builder.add(down, INT64(j * layer.maps_out))]))
        return context.get_dummy_value()

    @intrinsic
    def pool(typingctx, conv, b, y, winner, row_stride):
        return nt.void(*[nt.int64] * 5), codegen

    return pool


def unpool(layer, lanes):
    """``spread(y, winner, gy, count, g, row_stride)``: the gradient at the 2 x 2 outputs of `count` cells.

    It is that before the activation at the winner, and zero elsewhere.
    """

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        y, gy, g = (e.pointer(args[i]) for i in (0, 2, 4))
        winner = builder.inttoptr(args[1], INT8.as_pointer())

        def cell(n, carried):
            first = builder.mul(n, INT64(layer.maps_out))
            home = e.at(g, builder.mul(n, INT64(POOL * layer.maps_out)))
            for v in range(0, layer.maps_out, lanes):
                place = builder.add(first, INT64(v))
                value = before_activation(e, layer, y, gy, place, None)
                number = e.load(builder.gep(winner, [place]), None, INT8)
                for which in range(POOL * POOL):
                    wins = builder.icmp_signed("==", number, e.integers(INT8, [which] * lanes))
                    at = e.at(
                        home, builder.mul(args[5], INT64(which // POOL)), which % POOL * layer.maps_out + v
                    )
                    e.store(builder.select(wins, value, e.zero()), at)
            return carried

        e.loop(args[3], [], cell)
        return context.get_dummy_value()

    @intrinsic
    def spread(typingctx, y, winner, gy, count, g, row_stride):
        return nt.void(*[nt.int64] * 6), codegen

    return spread


def same_maps(layer, lanes):
    """``same(a, b) -> int64``: whether two pixels are equal in all maps."""

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        a, b = map(e.pointer, args)
        equal = None
        for v in range(0, layer.maps_in, lanes):
            here = builder.fcmp_ordered("==", e.load(e.at(a, v)), e.load(e.at(b, v)))
            equal = here if equal is None else builder.and_(equal, here)
        bits = builder.bitcast(equal, ir.IntType(lanes))
        return builder.zext(builder.icmp_unsigned("==", bits, ir.Constant(bits.type, -1)), INT64)

    @intrinsic
    def same(typingctx, a, b):
        return nt.int64(nt.int64, nt.int64), codegen

    return same
