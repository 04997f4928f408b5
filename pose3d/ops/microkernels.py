"""The three innermost loops, each a block of accumulators held in vector registers.

Every function here builds a numba intrinsic that emits one micro-kernel with all
sizes of a layer as constants. Arguments are addresses, counts and strides
(int64); strides and offsets count elements. A filter row meets one contiguous run
of ``kernel * maps_in`` numbers of an image in (row, column, map) order, so the
convolution is a matrix product whose left side is never copied together.
"""

import numba.types as nt
from llvmlite import ir
from numba.extending import intrinsic

from pose3d.ops.shapes import POOL
from pose3d.ops.simd import INT8, INT32, INT64, Emitter

_VOID_OF_SEVEN = nt.void(*[nt.int64] * 7)


def forward_tile(layer, tile):
    """``compute(x, row_stride, w, b, y, winner, maps)``: `tile.columns` pooled cells of one row.

    2 conv rows x 2 `columns` positions x `vectors` accumulators run over all taps, one
    broadcast per position; the pooling, its winner, the bias and the activation follow
    before anything reaches memory. `maps` is how many of the tile's maps exist.
    """
    run, step = layer.kernel * layer.maps_in, tile.width
    positions = [(r, c) for r in range(POOL) for c in range(POOL * tile.columns)]

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, tile.lanes)
        x, w, b, y = (e.pointer(args[i]) for i in (0, 2, 3, 4))
        stride, winner = args[1], builder.inttoptr(args[5], INT8.as_pointer())

        def filter_row(row, accumulators):
            starts = [e.at(x, builder.mul(builder.add(row, INT64(r)), stride)) for r in range(POOL)]
            filters = e.at(w, builder.mul(row, INT64(run * step)))

            def tap(t, accumulators):
                at_tap = e.at(filters, builder.mul(t, INT64(step)))
                taps = [e.load(e.at(at_tap, v * tile.lanes)) for v in range(tile.vectors)]
                out = []
                for n, (r, c) in enumerate(positions):
                    pixel = e.splat(builder.load(e.at(starts[r], t, c * layer.maps_in)))
                    out += [
                        e.fma(pixel, taps[v], accumulators[n * tile.vectors + v]) for v in range(tile.vectors)
                    ]
                return out

            return e.loop(run, accumulators, tap)

        sums = e.loop(layer.kernel, [e.zero()] * (len(positions) * tile.vectors), filter_row)
        conv = {p: sums[n * tile.vectors : (n + 1) * tile.vectors] for n, p in enumerate(positions)}
        for v in range(tile.vectors):
            bias, shown = e.load(e.at(b, v * tile.lanes)), e.mask(args[6], v * tile.lanes)
            for cell in range(tile.columns):
                cells = [conv[r, POOL * cell + c][v] for r in range(POOL) for c in range(POOL)]
                best, number = _maximum(e, cells)
                best = builder.fadd(best, bias)
                best = e.tanh(best) if layer.activation == "tanh" else e.relu(best)
                place = cell * layer.maps_out + v * tile.lanes
                e.store(best, e.at(y, place), shown)
                e.store(number, builder.gep(winner, [INT64(place)]), shown)
        return context.get_dummy_value()

    @intrinsic
    def compute(typingctx, x, row_stride, w, b, y, winner, maps):
        return _VOID_OF_SEVEN, codegen

    return compute


def _maximum(e, cells):
    """The maximum of a pooling window's `cells` and its number; a tie stays with the first."""
    numbers = ir.VectorType(INT8, e.lanes)
    best, number = cells[0], ir.Constant(numbers, [0] * e.lanes)
    for n, value in enumerate(cells[1:], start=1):
        wins = e.greater(value, best)
        best = e.builder.select(wins, value, best)
        number = e.builder.select(wins, ir.Constant(numbers, [n] * e.lanes), number)
    return best, number


def _masks(e, block, taps):
    """The mask of each of the block's vectors, or None where no filter row ends inside a block."""
    return [e.mask(taps, v * block.lanes) if block.masked else None for v in range(block.vectors)]


def weights_block(layer, block):
    """``accumulate(x, row_stride, offsets, g, cells, dw, taps)``: one map's filter gradient over a strip.

    ``dw += sum over cells of g[cell] * x[offsets[cell] + ...]`` for a block of taps
    that stays in registers. `offsets` (int32) and `g` point at the map's entries in arrays
    (cell, map); `dw` is (rows, width). `taps` is how many of a block row's taps exist.
    """

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, block.lanes)
        x, g, dw = (e.pointer(args[i]) for i in (0, 3, 5))
        stride, cells, masks = args[1], args[4], _masks(e, block, args[6])
        offsets = builder.inttoptr(args[2], INT32.as_pointer())
        homes = [e.at(dw, r * block.width + v * block.lanes) for r, v in block.places]

        def cell(n, accumulators):
            n = builder.mul(n, INT64(layer.maps_out))
            gradient = e.splat(builder.load(e.at(g, n)))
            offset = builder.load(builder.gep(offsets, [n]))
            rows = [e.at(x, builder.sext(offset, INT64))]
            for _ in range(block.rows - 1):
                rows.append(e.at(rows[-1], stride))
            return [
                e.fma(gradient, e.load(e.at(rows[r], v * block.lanes), masks[v]), a)
                for (r, v), a in zip(block.places, accumulators, strict=True)
            ]

        sums = e.loop(cells, [e.load(home) for home in homes], cell)
        for value, home in zip(sums, homes, strict=True):
            e.store(value, home)
        return context.get_dummy_value()

    @intrinsic
    def accumulate(typingctx, x, row_stride, offsets, g, cells, dw, taps):
        return _VOID_OF_SEVEN, codegen

    return accumulate


def input_block(layer, block):
    """``scatter(w, maps, g, count, dx, row_stride, taps)``: one position's share of the input gradient.

    ``dx += sum over n < count of g[n] * w[maps[n]]`` for a block of taps, `w` being
    (maps, rows, width); the sum stays in registers and meets memory once. `count` is at least 1.
    """

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, block.lanes)
        w, g, dx = (e.pointer(args[i]) for i in (0, 2, 4))
        count, stride, masks = args[3], args[5], _masks(e, block, args[6])
        maps = builder.inttoptr(args[1], INT64.as_pointer())

        def one_map(n, accumulators):
            gradient = e.splat(builder.load(e.at(g, n)))
            number = builder.load(builder.gep(maps, [n]))
            taps = e.at(w, builder.mul(number, INT64(block.rows * block.width)))
            return [
                e.fma(gradient, e.load(e.at(taps, r * block.width + v * block.lanes)), a)
                for (r, v), a in zip(block.places, accumulators, strict=True)
            ]

        sums = e.loop(count, [e.zero()] * len(block.places), one_map)
        row = dx
        for r in range(block.rows):
            for v in range(block.vectors):
                home = e.at(row, v * block.lanes)
                value = builder.fadd(e.load(home, masks[v]), sums[r * block.vectors + v])
                e.store(value, home, masks[v])
            row = e.at(row, stride)
        return context.get_dummy_value()

    @intrinsic
    def scatter(typingctx, w, maps, g, count, dx, row_stride, taps):
        return _VOID_OF_SEVEN, codegen

    return scatter
