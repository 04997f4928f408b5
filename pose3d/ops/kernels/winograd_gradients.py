"""Minimal filtering: the gradients of a layer with many maps.

Behind the pool three of four outputs have gradient zero, which these kernels do not skip: at the points
nothing is zero, and there is less to multiply all the same.
"""

from functools import lru_cache

import numpy as np

from pose3d.io.jit import njit
from pose3d.ops.kernels import winograd_microkernels as micro
from pose3d.ops.kernels.backward import by_parts
from pose3d.ops.kernels.cook_toom import filter_matrix, output_matrix, signal_matrix
from pose3d.ops.kernels.forward import aligned_empty
from pose3d.ops.kernels.parts import array_at, in_parallel
from pose3d.ops.kernels.winograd import CELLS, SIDE, TILES, Plan, filter_points, products
from pose3d.ops.shapes import POOL


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`."""
    plan = Plan(layer, target)
    kernel, maps_in, maps_out, n, lanes = layer.kernel, layer.maps_in, layer.maps_out, plan.n, plan.lanes
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, in_pitch, out_pitch = dtype.itemsize, plan.pitch(maps_in), plan.pitch(maps_out)
    pad, pooled_rows = kernel - 1, n // POOL + 1  # pooled rows that a tile's pixels can meet
    empty, filters = aligned_empty(dtype), filter_points(plan, flip=False)
    to_points, multiply = plan.to_points(signal_matrix(n), maps_out), products(plan, maps_out, maps_in)
    from_points = plan.transform(output_matrix(n, SIDE), in_pitch, None, maps_in)
    spread = micro.unpool(layer, lanes)

    @njit
    def finish(signal, u, found, homes, count, stride):
        multiply(signal, u, found, count)
        for t in range(count):
            for v in range(0, maps_in, lanes):
                from_points(
                    found.ctypes.data + (t * maps_in + v) * item, n * in_pitch,
                    homes[t] + v * item, stride,
                )  # fmt: skip

    def some_images(a, part):
        u = array_at(a[0], (n * n, maps_in * maps_out), dtype)
        y, winner, gy, dx, images = a[1], a[2], a[3], a[4], a[5]
        height, width, rows, columns = a[6], a[7], a[8], a[9]
        pitch = (width + pad) * maps_out
        signal, found = empty(n * n * out_pitch), empty(n * n * in_pitch)
        signal[:] = 0
        g = empty(POOL * pooled_rows * pitch)
        g[:] = 0
        homes, count = np.empty(TILES, np.int64), 0
        for image in range(part * images // parts, (part + 1) * images // parts):
            for i in range(0, height, SIDE):
                i = min(i, height - SIDE)
                above = (i - pad) // POOL  # the first pooled row under the tile, perhaps outside
                for r in range(pooled_rows):
                    row = g.ctypes.data + (POOL * r * pitch + pad * maps_out) * item
                    if 0 <= above + r < rows:
                        start = (image * rows + above + r) * columns * maps_out
                        spread(y + start * item, winner + start, gy + start * item, columns, row, pitch)
                    else:
                        g[POOL * r * pitch : POOL * (r + 1) * pitch] = 0
                first = (i - pad - POOL * above) * pitch
                for j in range(0, width, SIDE):
                    j = min(j, width - SIDE)
                    for v in range(0, maps_out, lanes):
                        to_points(
                            g.ctypes.data + (first + j * maps_out + v) * item, pitch,
                            signal.ctypes.data + (count * maps_out + v) * item, 0,
                        )  # fmt: skip
                    homes[count] = dx + ((image * height + i) * width + j) * maps_in * item
                    count += 1
                    if count == TILES:
                        finish(signal, u, found, homes, count, width * maps_in)
                        count = 0
        if count:
            finish(signal, u, found, homes, count, width * maps_in)

    def transform_filters(a, _):
        w = array_at(a[0], (maps_out, maps_in, kernel, kernel), dtype)
        filters(w, array_at(a[1], (n, n, maps_in * maps_out), dtype))

    all_images = in_parallel(some_images, parts, layer, target)
    all_filters = in_parallel(transform_filters, 1, layer, target)

    @njit
    def grad_input(w, y, winner, gy, height, width):
        w, gy, u = np.ascontiguousarray(w), np.ascontiguousarray(gy), empty(n * n * maps_in * maps_out)
        shape = (y.shape[0], height.item(), width.item(), maps_in)
        dx = empty(shape[0] * shape[1] * shape[2] * maps_in).reshape(shape)
        all_filters((w, u), ())
        all_images((u, y, winner, gy, dx), (shape[0], shape[1], shape[2], y.shape[1], y.shape[2]))
        return dx

    return grad_input


@lru_cache(None)
def grad_weights_kernel(layer, target):
    """Compile ``grad_weights(x, y, winner, gy) -> (dw, db)``; see `reference.grad_weights`."""
    plan = Plan(layer, target)
    kernel, maps_in, maps_out, n, lanes = layer.kernel, layer.maps_in, layer.maps_out, plan.n, plan.lanes
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, in_pitch, out_pitch = dtype.itemsize, plan.pitch(maps_in), plan.pitch(maps_out)
    maps_at_once, width = (8 if target.registers >= 32 else 4), plan.vectors * lanes
    size, empty = maps_in * maps_out, aligned_empty(dtype)
    signal_points = plan.to_points(signal_matrix(n), maps_in)
    gradient_points = plan.to_points(filter_matrix(n, SIDE), maps_out)
    back = output_matrix(n, kernel).astype(dtype)
    # At the point 1, both ways, stands the weighted sum of a tile.
    ones, weight = n + 1, filter_matrix(n, SIDE)[1, 0] ** 2
    strides = 1, maps_in, maps_out, maps_out
    multiply = micro.product(layer.dtype, lanes, maps_at_once, plan.vectors, strides, accumulate=True)
    spread = micro.unpool(layer, lanes)

    @njit
    def add(signal, gradient, count, dw, db):
        for p in range(n * n):
            for i in range(0, maps_in, maps_at_once):
                for o in range(0, maps_out, width):
                    multiply(
                        signal.ctypes.data + (p * in_pitch + i) * item,
                        gradient.ctypes.data + (p * out_pitch + o) * item,
                        dw.ctypes.data + (p * size + i * maps_out + o) * item, count,
                    )  # fmt: skip
        for t in range(count):
            for o in range(maps_out):
                db[o] += gradient[ones * out_pitch + t * maps_out + o]

    def some_images(a, part):
        x, y, winner, gy, images, height = a[0], a[1], a[2], a[3], a[6], a[7]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        dw = array_at(a[4] + part * n * n * size * item, (n * n * size,), dtype)
        db = array_at(a[5] + part * maps_out * item, (maps_out,), dtype)
        dw[:] = 0
        db[:] = 0
        down, across = (rows + CELLS - 1) // CELLS, (columns + CELLS - 1) // CELLS
        signal, gradient = empty(n * n * in_pitch), empty(n * n * out_pitch)
        # Where the last tile overlaps the one before, its gradient is zero.
        pitch = across * SIDE * maps_out
        g = empty(SIDE * pitch)
        g[:] = 0
        whole, count = columns // CELLS * CELLS, 0
        for image in range(part * images // parts, (part + 1) * images // parts):
            for ti in range(down):
                i = min(ti * CELLS, rows - CELLS)
                for r in range(CELLS):
                    start = (image * rows + i + r) * columns * maps_out
                    row = g.ctypes.data + POOL * r * pitch * item
                    if i + r < ti * CELLS:
                        g[POOL * r * pitch : POOL * (r + 1) * pitch] = 0
                        continue
                    spread(y + start * item, winner + start, gy + start * item, whole, row, pitch)
                    if whole < columns:
                        last = start + (columns - 1) * maps_out
                        spread(
                            y + last * item, winner + last, gy + last * item, 1,
                            row + (pitch - POOL * maps_out) * item, pitch,
                        )  # fmt: skip
                for tj in range(across):
                    j = min(tj * CELLS, columns - CELLS)
                    corner = (image * height + POOL * i) * stride + POOL * j * maps_in
                    for v in range(0, maps_in, lanes):
                        signal_points(
                            x + (corner + v) * item, stride,
                            signal.ctypes.data + (count * maps_in + v) * item, 0,
                        )  # fmt: skip
                    for v in range(0, maps_out, lanes):
                        gradient_points(
                            g.ctypes.data + (tj * SIDE * maps_out + v) * item, pitch,
                            gradient.ctypes.data + (count * maps_out + v) * item, 0,
                        )  # fmt: skip
                    count += 1
                    if count == TILES:
                        add(signal, gradient, count, dw, db)
                        count = 0
        if count:
            add(signal, gradient, count, dw, db)

    def taps(a, _):
        points = array_at(a[0], (parts, n, n, size), dtype)
        partial_b = array_at(a[1], (parts, maps_out), dtype)
        dw, db = (
            array_at(a[2], (maps_out, maps_in, kernel, kernel), dtype),
            array_at(a[3], (maps_out,), dtype),
        )
        for part in range(1, parts):
            points[0] += points[part]
            partial_b[0] += partial_b[part]
        db[:] = partial_b[0] / dtype.type(weight)
        half, found = np.zeros((kernel, n, size), dtype), np.empty(size, dtype)
        for r in range(kernel):
            for b in range(n):
                for a_ in range(n):
                    half[r, b] += back[r, a_] * points[0, a_, b]
            for c in range(kernel):
                found[:] = 0
                for b in range(n):
                    found += back[c, b] * half[r, b]
                for i in range(maps_in):
                    for o in range(maps_out):
                        dw[o, i, kernel - 1 - r, kernel - 1 - c] = found[i * maps_out + o]

    all_images = in_parallel(some_images, parts, layer, target)
    total = in_parallel(taps, 1, layer, target)

    return by_parts(layer, parts, n * n * size, all_images, total)
