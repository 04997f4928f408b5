"""The three innermost loops, each a block of accumulators held in vector registers.

Every function here builds a numba intrinsic that emits one micro-kernel with all
sizes of a layer as constants. Arguments are addresses, counts and strides
(int64); strides and offsets count elements. A filter row meets one contiguous run
of ``kernel * maps_in`` numbers of an image in (row, column, map) order, so the
convolution is a matrix product whose left side is never copied together.
"""

import numba.types as nt
from numba.extending import intrinsic

from pose3d.ops.kernels.simd import INT8, INT32, INT64, Emitter
from pose3d.ops.shapes import POOL

_VOID_OF_SEVEN = nt.void(*[nt.int64] * 7)


def forward_tile(layer, tile):
    """``compute(x, row_stride, w, b, y, winner, maps)``: `tile.columns` pooled cells of one row.

    2 conv rows x 2 `columns` positions x `vectors` accumulators run over all taps; the pooling,
    its winner, the bias and the activation follow before anything reaches memory. `maps` is
    how many of the tile's maps exist. A pixel is broadcast once for both conv rows, and in an
    `unrolled` tile, which holds a whole filter row in registers, once for all positions.
    """
    run, step = layer.kernel * layer.maps_in, tile.width
    columns, vectors = range(POOL * tile.columns), range(tile.vectors)
    places = [(r, c, v) for r in range(POOL) for c in columns for v in vectors]

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, tile.lanes)
        x, w, b, y = (e.pointer(args[i]) for i in (0, 2, 3, 4))
        stride, winner = args[1], builder.inttoptr(args[5], INT8.as_pointer())

        def image_row(row, rows, accumulators):
            """Image row `row`, met by those conv rows of the tile that are named in `rows`.

            A pixel is broadcast once for all of them: under conv row r it meets filter row `row` - r.
            """
            pixels = e.at(x, builder.mul(row, stride))
            filters = {r: e.at(w, builder.mul(builder.sub(row, INT64(r)), INT64(run * step))) for r in rows}

            def load(t):
                at_tap = {r: e.at(filters[r], builder.mul(t, INT64(step))) for r in rows}
                return {(r, v): e.load(e.at(at_tap[r], v * tile.lanes)) for r in rows for v in vectors}

            def multiply(pixel, column, taps, sums):
                for r, v in taps:
                    sums[r, column, v] = e.fma(pixel, taps[r, v], sums[r, column, v])

            def tap(t, accumulators):
                taps, sums = load(t), dict(zip(places, accumulators, strict=True))
                for c in columns:
                    multiply(e.splat(builder.load(e.at(pixels, t, c * layer.maps_in))), c, taps, sums)
                return list(sums.values())

            if not tile.unrolled:
                return e.loop(run, accumulators, tap)
            taps, sums = [load(INT64(t)) for t in range(run)], dict(zip(places, accumulators, strict=True))
            for place in range(run + columns[-1] * layer.maps_in):
                pixel = e.splat(builder.load(e.at(pixels, place)))
                for c in columns:
                    if 0 <= place - c * layer.maps_in < run:
                        multiply(pixel, c, taps[place - c * layer.maps_in], sums)
            return list(sums.values())

        sums = [e.zero()] * len(places)
        for row in range(POOL - 1):  # above the other conv rows
            sums = image_row(INT64(row), range(row + 1), sums)

        def shared(n, sums):
            return image_row(builder.add(n, INT64(POOL - 1)), range(POOL), sums)

        if layer.kernel >= POOL:
            sums = e.loop(layer.kernel - POOL + 1, sums, shared)
        for row in range(POOL - 1):  # below the first ones
            sums = image_row(INT64(layer.kernel + row), range(row + 1, POOL), sums)
        sums = dict(zip(places, sums, strict=True))
        for v in vectors:
            bias, shown = e.load(e.at(b, v * tile.lanes)), e.mask(args[6], v * tile.lanes)
            for cell in range(tile.columns):
                cells = [sums[r, POOL * cell + c, v] for r in range(POOL) for c in range(POOL)]
                best, number = window_output(e, layer, cells, bias)
                place = cell * layer.maps_out + v * tile.lanes
                e.store(best, e.at(y, place), shown)
                e.store(number, builder.gep(winner, [INT64(place)]), shown)
        return context.get_dummy_value()

    @intrinsic
    def compute(typingctx, x, row_stride, w, b, y, winner, maps):
        return _VOID_OF_SEVEN, codegen

    return compute


def forward_row(layer, lanes):
    """As `forward_tile`, for an image of one map and few filters: a vector holds columns, not maps.

    2 conv rows x 2 vectors of columns x all maps, which are as many pooled cells as there are `lanes`. The
    sums are taken in the same order.
    """
    maps, kernel, pair = range(layer.maps_out), layer.kernel, range(POOL)

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        x, w, b, y = (e.pointer(args[i]) for i in (0, 2, 3, 4))
        winner = builder.inttoptr(args[5], INT8.as_pointer())
        sums = {(r, o, v): e.zero() for r in pair for o in maps for v in pair}
        for row in range(kernel + POOL - 1):
            pixels = e.at(x, builder.mul(INT64(row), args[1]))
            for t in range(kernel):
                columns = [e.load(e.at(pixels, t + v * lanes)) for v in pair]
                for r in (r for r in pair if 0 <= row - r < kernel):
                    for o in maps:
                        tap = ((row - r) * kernel + t) * layer.maps_out + o
                        factor = e.splat(builder.load(e.at(w, tap)))
                        for v in pair:
                            sums[r, o, v] = e.fma(columns[v], factor, sums[r, o, v])
        values, numbers = [], []
        for o in maps:
            every_second = [range(c, POOL * lanes, POOL) for c in pair]
            cells = [e.shuffle(sums[r, o, 0], sums[r, o, 1], every_second[c]) for r in pair for c in pair]
            best, number = window_output(e, layer, cells, e.splat(builder.load(e.at(b, o))))
            values.append(best)
            numbers.append(builder.zext(number, e.integers(INT32, [0] * lanes).type))
        for k, value in enumerate(e.interleaved(values)):
            e.store(value, e.at(y, k * lanes))
        for k, number in enumerate(e.interleaved(numbers)):
            bytes_ = builder.trunc(number, e.integers(INT8, [0] * lanes).type)
            e.store(bytes_, builder.gep(winner, [INT64(k * lanes)]))
        return context.get_dummy_value()

    @intrinsic
    def compute(typingctx, x, row_stride, w, b, y, winner, maps):
        return _VOID_OF_SEVEN, codegen

    return compute


def window_output(e, layer, cells, bias):
    """The layer's output for a pooling window's `cells`, and its winner's number; in a tie the first wins."""
    best, number = cells[0], e.integers(INT8, [0] * e.lanes)
    for n, value in enumerate(cells[1:], start=1):
        wins = e.greater(value, best)
        best = e.builder.select(wins, value, best)
        number = e.builder.select(wins, e.integers(INT8, [n] * e.lanes), number)
    best = e.builder.fadd(best, bias)
    return e.tanh(best) if layer.activation == "tanh" else e.relu(best), number


def _masks(e, block, taps):
    """The mask of each of the block's vectors, or None where no filter row ends inside a block."""
    return [e.mask(taps, v * block.lanes) if block.masked else None for v in range(block.vectors)]


def before_activation(e, layer, y, gy, offset, mask):
    """The gradient before the activation, of a vector of a layer's outputs `y` and the gradients there."""
    y, gy = (e.load(e.at(pointer, offset), mask) for pointer in (y, gy))
    if layer.activation == "tanh":
        return e.builder.fmul(gy, e.builder.fsub(e.constant(1.0), e.builder.fmul(y, y)))
    return e.builder.select(e.greater(y, e.zero()), gy, e.zero())


def winner_offsets(layer, lanes, step):
    """``pack(y, winner, gy, corners, count, origin, row_stride, g, offsets)``: what the gradients read.

    For `count` neighbouring outputs, the gradient before the activation and an offset: `origin` + the
    output's corner + the winner's place, `row_stride` for its row and `step` for its column. `corners` and
    `offsets` are int32.
    """

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        y, gy, g = (e.pointer(args[i]) for i in (0, 2, 7))
        winner = builder.inttoptr(args[1], INT8.as_pointer())
        corners, offsets = (builder.inttoptr(args[i], INT32.as_pointer()) for i in (3, 8))
        origin, stride = (e.splat(builder.trunc(args[i], INT32)) for i in (5, 6))
        one, right = e.integers(INT32, [1] * lanes), e.integers(INT32, [step] * lanes)

        def some(offset, mask):
            e.store(before_activation(e, layer, y, gy, offset, mask), e.at(g, offset), mask)
            which = builder.zext(e.load(builder.gep(winner, [offset]), mask, INT8), one.type)
            place = builder.add(origin, e.load(builder.gep(corners, [offset]), mask, INT32))
            place = builder.add(place, builder.mul(builder.lshr(which, one), stride))
            place = builder.add(place, builder.mul(builder.and_(which, one), right))
            e.store(place, builder.gep(offsets, [offset]), mask)

        e.vectors(args[4], some)
        return context.get_dummy_value()

    @intrinsic
    def pack(typingctx, y, winner, gy, corners, count, origin, row_stride, g, offsets):
        return nt.void(*[nt.int64] * 9), codegen

    return pack


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

        # Zero first and the old sums last: the multiplications do not wait for the L2 cache.
        sums = e.loop(cells, [e.zero()] * len(homes), cell)
        for value, home in zip(sums, homes, strict=True):
            e.store(builder.fadd(value, e.load(home)), home)
        return context.get_dummy_value()

    @intrinsic
    def accumulate(typingctx, x, row_stride, offsets, g, cells, dw, taps):
        return _VOID_OF_SEVEN, codegen

    return accumulate


def input_block(layer, block):
    """``scatter(w, offsets, g, dx, row_stride, pixels)``: what one pooled cell adds to the input gradient.

    ``dx += sum over the maps of g[map] * w[offsets[map]:]`` for a block, (rows, width), of the pixels under
    the pooling window; the sum stays in registers and meets memory once. `w` has a map's filter at each of
    the window's places, with zeros around it; `offsets` (int32) chooses the winner's. `pixels` is how many
    numbers of a block row exist.
    """

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, block.lanes)
        w, g, dx = (e.pointer(args[i]) for i in (0, 2, 3))
        stride, masks = args[4], _masks(e, block, args[5])
        offsets = builder.inttoptr(args[1], INT32.as_pointer())

        def one_map(n, accumulators):
            gradient = e.splat(builder.load(e.at(g, n)))
            taps = e.at(w, builder.sext(builder.load(builder.gep(offsets, [n])), INT64))
            return [
                e.fma(gradient, e.load(e.at(taps, r * block.width + v * block.lanes)), a)
                for (r, v), a in zip(block.places, accumulators, strict=True)
            ]

        sums = e.loop(layer.maps_out, [e.zero()] * len(block.places), one_map)
        row = dx
        for r in range(block.rows):
            for v in range(block.vectors):
                home = e.at(row, v * block.lanes)
                value = builder.fadd(e.load(home, masks[v]), sums[r * block.vectors + v])
                e.store(value, home, masks[v])
            row = e.at(row, stride)
        return context.get_dummy_value()

    @intrinsic
    def scatter(typingctx, w, offsets, g, dx, row_stride, pixels):
        return nt.void(*[nt.int64] * 6), codegen

    return scatter
