"""The forward kernel of one layer: filters rearranged, loops over images and threads.

A factory returns a function specialised on the layer and on a :class:`pose3d.ops.kernels.simd.Target`. The
work is divided into as many equal parts as there are threads, the same for every call.
"""

from functools import lru_cache

import numpy as np

from pose3d.ops.kernels import microkernels
from pose3d.ops.kernels.parts import empty, in_parallel, room
from pose3d.ops.kernels.tiling import ceil_div, columns_pay, forward_tile, row_registers
from pose3d.ops.shapes import POOL, pooled_side


def pooled(layer, x):
    """Room for what a forward pass finds: y and the winners."""
    sides = (pooled_side(side, layer.kernel) for side in x.shape[1:3])
    shape = (len(x), *sides, layer.maps_out)
    return room(shape, layer.dtype), np.empty(shape, np.uint8)


def tap_places(layer, place):
    """Where each tap of filters (map out, map in, row, column) stands when they are flipped and rearranged.

    `place` gives that of map `o`, filter row `r` and `t`, which counts the row's taps and, within one, the
    maps of the input.
    """
    o, c, r, t = np.indices((layer.maps_out, layer.maps_in, layer.kernel, layer.kernel))
    last = layer.kernel - 1
    return place(o, last - r, (last - t) * layer.maps_in + c)


def packed_filters(home, w, size):
    """`size` numbers: the filters at the places `home`, and zeros."""
    packed = room(size, w.dtype)
    packed[:] = 0
    packed[home] = w
    return packed


@lru_cache(None)
def forward_kernel(layer, target):
    """Compile ``forward(x, w, b) -> (y, winner)`` for one layer; see `reference.forward`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, parts = np.dtype(layer.dtype), target.threads
    item = dtype.itemsize
    by_columns, lanes = columns_pay(layer, target), target.lanes(layer.dtype)
    splits = by_columns and maps_in > 1
    split_row = microkernels.split_maps(layer, lanes) if splits else None
    if by_columns:
        columns, width, step = lanes, maps_out, POOL
        together = row_registers(layer, rows=POOL) <= target.registers
        compute = microkernels.forward_row(layer, lanes, together)
    else:
        tile = forward_tile(layer, target)
        columns, width, step = tile.columns, tile.width, POOL * maps_in
        compute = microkernels.forward_tile(layer, tile)
    groups = ceil_div(maps_out, width)

    # (group, kernel, run, width): the maps that fill up the last group are zero
    home = tap_places(layer, lambda o, r, t: ((o // width * kernel + r) * run + t) * width + o % width)

    def some_rows(a, part):
        x, packed, bias, y, winner, images, height, stride = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        pooled_rows, pooled_columns = a[8], a[9]
        total = images * pooled_rows
        start = part * total // parts
        planes = empty(height * stride if splits else 0, dtype)  # the image with its rows split
        for flat in range(start, (part + 1) * total // parts):
            n, i = flat // pooled_rows, flat % pooled_rows
            image, top = x + n * height * stride * item, POOL * i * stride * item
            x_row = image + top
            if splits:
                x_row, last = planes.ctypes.data + top, POOL * i + kernel + POOL - 1
                # All but the last two rows are those of the cells above, unless there are none.
                for row in range(POOL * i if i == 0 or flat == start else last - POOL, last):
                    shift = row * stride * item
                    split_row(image + shift, planes.ctypes.data + shift, stride // maps_in)
            for group in range(groups):
                w = packed + group * kernel * run * width * item
                first = group * width
                for j in range(0, pooled_columns, columns):
                    j = min(j, pooled_columns - columns)  # the last tile overlaps the one before
                    cell = (flat * pooled_columns + j) * maps_out + first
                    compute(
                        x_row + j * step * item, stride, w, bias + first * item,
                        y + cell * item, winner + cell, maps_out - first,
                    )  # fmt: skip

    all_rows = in_parallel(some_rows, parts, layer, target)

    def forward(x, w, b):
        x, (y, winner) = np.ascontiguousarray(x), pooled(layer, x)
        packed, bias = packed_filters(home, w, groups * kernel * run * width), np.zeros(groups * width, dtype)
        bias[:maps_out] = b
        sizes = (x.shape[0], x.shape[1], x.shape[2] * maps_in, y.shape[1], y.shape[2])
        all_rows((x, packed, bias, y, winner), sizes, layer.is_small(y))
        return y, winner

    return forward
