"""The compiled forward kernel of one layer: packing, loops over images and threads.

A factory returns a numba function specialised on the layer and on a
:class:`pose3d.ops.kernels.simd.Target`. The work is divided into as many equal parts as
there are threads, the same for every call.

Only the loop over the parts is compiled as a parallel region: numba makes a region
of every array expression it meets in such a function, and each costs a second.
"""

from functools import lru_cache

import numpy as np

from pose3d.io.jit import njit
from pose3d.ops.kernels import microkernels
from pose3d.ops.kernels.parts import array_at, in_parallel
from pose3d.ops.kernels.tiling import ceil_div, forward_tile
from pose3d.ops.shapes import POOL

CACHE_LINE = 64


def aligned_empty(dtype):
    """``empty(size)`` whose first element starts a cache line, which numba's own arrays need not.

    A vector that crosses a cache line costs two loads; the gradients live on loads.
    """
    item = dtype.itemsize

    @njit
    def empty(size):
        raw = np.empty(size + CACHE_LINE // item, dtype)
        shift = (-raw.ctypes.data) % CACHE_LINE // item
        return raw[shift : shift + size]

    return empty


def pooled_outputs(layer):
    """``outputs(x) -> (y, winner)``: room for the results of a forward pass over contiguous images."""
    kernel, maps_out, empty = layer.kernel, layer.maps_out, aligned_empty(np.dtype(layer.dtype))

    @njit
    def outputs(x):
        rows, columns = (x.shape[1] - kernel + 1) // POOL, (x.shape[2] - kernel + 1) // POOL
        shape = (x.shape[0], rows, columns, maps_out)
        return empty(x.shape[0] * rows * columns * maps_out).reshape(shape), np.empty(shape, np.uint8)

    return outputs


@lru_cache(None)
def forward_kernel(layer, target):
    """Compile ``forward(x, w, b) -> (y, winner)`` for one layer; see `reference.forward`."""
    kernel, maps_in, maps_out, run = layer.kernel, layer.maps_in, layer.maps_out, layer.run
    dtype, parts = np.dtype(layer.dtype), target.threads
    item = dtype.itemsize
    tile = forward_tile(layer, target)
    columns, width = tile.columns, tile.width
    groups = ceil_div(maps_out, width)
    compute, empty = microkernels.forward_tile(layer, tile), aligned_empty(dtype)

    @njit
    def pack(w):
        # (group, kernel, run, width): filters flipped, maps that fill up the last group zero
        packed = empty(groups * kernel * run * width)
        packed[:] = 0
        for o in range(maps_out):
            base = o // width * kernel * run * width + o % width
            for c in range(maps_in):
                for i in range(kernel):
                    for j in range(kernel):
                        tap = (kernel - 1 - i) * run + (kernel - 1 - j) * maps_in + c
                        packed[base + tap * width] = w[o, c, i, j]
        return packed

    def some_rows(a, part):
        x, y, winner, images, height, stride = a[0], a[3], a[4], a[5], a[6], a[7]
        pooled_rows, pooled_columns = a[8], a[9]
        packed = pack(array_at(a[1], (maps_out, maps_in, kernel, kernel), dtype))
        bias = np.zeros(groups * width, dtype)
        bias[:maps_out] = array_at(a[2], (maps_out,), dtype)
        total = images * pooled_rows
        for flat in range(part * total // parts, (part + 1) * total // parts):
            n, i = flat // pooled_rows, flat % pooled_rows
            x_row = x + (n * height + POOL * i) * stride * item
            for group in range(groups):
                w = packed.ctypes.data + group * kernel * run * width * item
                first = group * width
                for j in range(0, pooled_columns, columns):
                    j = min(j, pooled_columns - columns)  # the last tile overlaps the one before
                    cell = (flat * pooled_columns + j) * maps_out + first
                    compute(
                        x_row + j * POOL * maps_in * item, stride, w, bias.ctypes.data + first * item,
                        y + cell * item, winner + cell, maps_out - first,
                    )  # fmt: skip

    all_rows, outputs = in_parallel(some_rows, parts, layer, target), pooled_outputs(layer)

    @njit
    def forward(x, w, b):
        x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), np.ascontiguousarray(b)
        y, winner = outputs(x)
        sizes = (x.shape[0], x.shape[1], x.shape[2] * maps_in, y.shape[1], y.shape[2])
        all_rows((x, w, b, y, winner), sizes)
        return y, winner

    return forward
