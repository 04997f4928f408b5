"""The innermost loops, each a block of accumulators held in vector registers.

Every function here builds a numba intrinsic that emits one micro-kernel with all
sizes of a layer as constants. Arguments are addresses, counts and strides
(int64); strides and offsets count elements. A filter row meets one contiguous run
of ``kernel * maps_in`` numbers of an image in (row, column, map) order, so the
convolution is a matrix product whose left side is never copied together; `forward_row` alone wants the
maps one after the other.
"""

from itertools import product

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
            """As `_over_image_rows` says; a pixel is broadcast once for all conv rows."""
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

        sums = _over_image_rows(e, layer, range(POOL), [e.zero()] * len(places), image_row)
        _store_cells(e, layer, tile, dict(zip(places, sums, strict=True)), b, y, winner, args[6])
        return context.get_dummy_value()

    @intrinsic
    def compute(typingctx, x, row_stride, w, b, y, winner, maps):
        return _VOID_OF_SEVEN, codegen

    return compute


def _store_cells(e, layer, tile, sums, b, y, winner, maps):
    """Pool the sums, (row, column, vector), of a tile; of its maps, `maps` exist."""
    for v in range(tile.vectors):
        bias, shown = e.load(e.at(b, v * tile.lanes)), e.mask(maps, v * tile.lanes)
        for cell in range(tile.columns):
            cells = [sums[r, POOL * cell + c, v] for r in range(POOL) for c in range(POOL)]
            best, number = window_output(e, layer, cells, bias)
            place = cell * layer.maps_out + v * tile.lanes
            e.store(best, e.at(y, place), shown)
            e.store(number, e.builder.gep(winner, [INT64(place)]), shown)


def forward_row(layer, lanes, together):
    """As `forward_tile`, for few filters: a vector holds columns, not maps.

    2 conv rows, `together` or one after the other, x 2 vectors of columns x all maps: as many pooled cells
    as there are `lanes`. A row of the image is as `split_maps` makes it. The sums have the same order.
    """
    maps, pair = range(layer.maps_out), range(POOL)

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        x, w, b, y = (e.pointer(args[i]) for i in (0, 2, 3, 4))
        winner, stride = builder.inttoptr(args[5], INT8.as_pointer()), args[1]
        plane = builder.udiv(stride, INT64(layer.maps_in))

        def conv_rows(rows):
            """The sums of those conv rows: dict of (row, map, vector)."""
            places = list(product(rows, maps, pair))

            def image_row(row, rows, sums):
                pixels, maps_in, step = e.at(x, builder.mul(row, stride)), INT64(layer.maps_in), len(maps)
                at_row = {r: builder.mul(builder.sub(row, INT64(r)), INT64(layer.run * step)) for r in rows}

                def tap(t, sums):
                    sums = dict(zip(places, sums, strict=True))
                    column, at_map = builder.udiv(t, maps_in), builder.mul(builder.urem(t, maps_in), plane)
                    columns = [e.load(e.at(pixels, column, at_map, v * lanes)) for v in pair]
                    for r, o in product(rows, maps):
                        number = builder.load(e.at(w, at_row[r], builder.mul(t, INT64(step)), o))
                        factor = e.splat(number)
                        for v in pair:
                            sums[r, o, v] = e.fma(columns[v], factor, sums[r, o, v])
                    return list(sums.values())

                return e.loop(layer.run, sums, tap)

            sums = _over_image_rows(e, layer, rows, [e.zero()] * len(places), image_row)
            return dict(zip(places, sums, strict=True))

        sums = conv_rows(pair) if together else conv_rows([0]) | conv_rows([1])
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


def split_maps(layer, lanes):
    """``split(row, planes, columns)``: an image row of `columns` pixels as one map after the other."""

    def codegen(context, builder, signature, args):
        e = Emitter(builder, layer.dtype, lanes)
        row, planes, columns = e.pointer(args[0]), e.pointer(args[1]), args[2]
        last = builder.sub(columns, INT64(lanes))

        def some(n, carried):
            new = builder.mul(n, INT64(lanes))
            first = builder.select(builder.icmp_signed("<", new, last), new, last)
            source = e.at(row, builder.mul(first, INT64(layer.maps_in)))
            vectors = [e.load(e.at(source, v * lanes)) for v in range(layer.maps_in)]
            for c, plane in enumerate(e.separated(vectors)):
                e.store(plane, e.at(planes, builder.mul(columns, INT64(c)), first))
            return carried

        e.loop(builder.udiv(builder.add(columns, INT64(lanes - 1)), INT64(lanes)), [], some)
        return context.get_dummy_value()

    @intrinsic
    def split(typingctx, row, planes, columns):
        return nt.void(*[nt.int64] * 3), codegen

    return split


def _over_image_rows(e, layer, rows, sums, image_row):
    """The sums of the conv rows `rows`, neighbours, over all image rows that they meet.

    ``image_row(row, rows, sums)`` adds what an image row gives to those conv rows that are named; under
    conv row r it meets filter row `row` - r.
    """
    first, last = rows[0], rows[-1]
    for row in range(first, last):  # above the other conv rows
        sums = image_row(INT64(row), range(first, row + 1), sums)

    def shared(n, sums):
        return image_row(e.builder.add(n, INT64(last)), rows, sums)

    if layer.kernel >= len(rows):
        sums = e.loop(layer.kernel - len(rows) + 1, sums, shared)
    for row in range(first, last):  # below the first ones
        sums = image_row(INT64(layer.kernel + row), range(row + 1, last + 1), sums)
    return sums


def window_output(e, layer, cells, bias):
    """The layer's output for a pooling window's `cells`, and its winner's number.

    In a tie the first wins; NaN wins over numbers.
    """
    best, number = cells[0], e.integers(INT8, [0] * e.lanes)
    for n, value in enumerate(cells[1:], start=1):
        wins = e.builder.fcmp_unordered(">", value, best)  # or either is NaN
        wins = e.builder.and_(wins, e.builder.fcmp_ordered("ord", best, best))
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
    return e.builder.fmul(gy, e.builder.select(e.greater(y, e.zero()), e.constant(1.0), e.zero()))


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


def matrix_block(dtype, lanes, rows, vectors, accumulate):
    """``multiply(a, b, c, count, a_row, a_term, b_term, c_row)``: c (+)= a b for `rows` x `vectors` of c.

    `count` terms, at least 1, are summed; the others are steps from row to row and from term to term.
    Whether what is in c is kept, `accumulate` says.
    """
    places = [(r, v) for r in range(rows) for v in range(vectors)]

    def codegen(context, builder, signature, args):
        e = Emitter(builder, dtype, lanes)
        a, b, c = (e.pointer(arg) for arg in args[:3])
        a_row, a_term, b_term, c_row = args[4:]

        def term(k, sums):
            left, right = (e.at(p, builder.mul(k, step)) for p, step in ((a, a_term), (b, b_term)))
            factors = [e.load(e.at(right, v * lanes)) for v in range(vectors)]
            numbers = (e.at(left, builder.mul(a_row, INT64(r))) for r in range(rows))
            broadcast = [e.splat(builder.load(number)) for number in numbers]
            return [e.fma(broadcast[r], factors[v], s) for (r, v), s in zip(places, sums, strict=True)]

        sums = e.loop(args[3], [e.zero()] * len(places), term)
        for (r, v), value in zip(places, sums, strict=True):
            home = e.at(c, builder.mul(c_row, INT64(r)), v * lanes)
            e.store(builder.fadd(value, e.load(home)) if accumulate else value, home)
        return context.get_dummy_value()

    @intrinsic
    def multiply(typingctx, a, b, c, count, a_row, a_term, b_term, c_row):
        return nt.void(*[nt.int64] * 8), codegen

    return multiply
