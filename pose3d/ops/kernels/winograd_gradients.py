"""Minimal filtering: the gradients of a layer with many maps.

Behind the pool three of four outputs have gradient zero, which these kernels do not skip: at the points
nothing is zero, and there is less to multiply all the same.
"""

from functools import lru_cache

import numpy as np

from pose3d.ops.kernels import winograd_microkernels as micro
from pose3d.ops.kernels.backward import by_parts
from pose3d.ops.kernels.cook_toom import filter_matrix, output_matrix, signal_matrix
from pose3d.ops.kernels.parts import array_at, empty, in_parallel, room
from pose3d.ops.kernels.winograd import CELLS, SIDE, TILES, Plan, both_ways, filter_points, products
from pose3d.ops.shapes import POOL


@lru_cache(None)
def grad_input_kernel(layer, target):
    """Compile ``grad_input(w, y, winner, gy, height, width) -> dx``; see `reference.grad_input`."""
    plan = Plan(layer, target)
    kernel, maps_in, maps_out, n, lanes = layer.kernel, layer.maps_in, layer.maps_out, plan.n, plan.lanes
    dtype, parts = np.dtype(layer.dtype), target.threads
    item, in_pitch, out_pitch = dtype.itemsize, plan.pitch(maps_in), plan.pitch(maps_out)
    pad, pooled_rows = kernel - 1, n // POOL + 1  # pooled rows that a tile's pixels can meet
    to_points, multiply = plan.to_points(signal_matrix(n), maps_out), products(plan, maps_out, maps_in)
    from_points = plan.transform(output_matrix(n, SIDE), in_pitch, None, maps_in)
    spread = micro.unpool(layer, lanes)

    def some_images(a, part):
        u, y, winner, gy, dx, images = a[0], a[1], a[2], a[3], a[4], a[5]
        height, width, rows, columns = a[6], a[7], a[8], a[9]
        pitch = (width + pad) * maps_out
        signal, found = empty(n * n * out_pitch, dtype), empty(n * n * in_pitch, dtype)
        signal[:] = 0
        g = empty(POOL * pooled_rows * pitch, dtype)
        g[:] = 0
        homes, count = np.empty(TILES, np.int64), 0
        stop = (part + 1) * images // parts
        for image in range(part * images // parts, stop):
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
                        pixels = g.ctypes.data + (first + j * maps_out + v) * item
                        to_points(pixels, pitch, signal.ctypes.data + (count * maps_out + v) * item, 0)
                    homes[count] = dx + ((image * height + i) * width + j) * maps_in * item
                    count += 1
                    if count < TILES and (image < stop - 1 or i < height - SIDE or j < width - SIDE):
                        continue
                    multiply(signal.ctypes.data, u, found.ctypes.data, count)
                    for t in range(count):
                        for v in range(0, maps_in, lanes):
                            points = found.ctypes.data + (t * maps_in + v) * item
                            from_points(points, n * in_pitch, homes[t] + v * item, width * maps_in)
                    count = 0

    all_images = in_parallel(some_images, parts, layer, target)

    def grad_input(w, y, winner, gy, height, width):
        y, winner, gy = map(np.ascontiguousarray, (y, winner, gy))
        u = filter_points(plan, w)
        dx = room((len(y), height, width, maps_in), dtype)
        all_images((u, y, winner, gy, dx), (len(y), height, width, *y.shape[1:3]))
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
    size = maps_in * maps_out
    signal_points = plan.to_points(signal_matrix(n), maps_in)
    gradient_points = plan.to_points(filter_matrix(n, SIDE), maps_out)
    back = output_matrix(n, kernel).astype(dtype)
    # At the point 1, both ways, stands the weighted sum of a tile.
    ones, share = n + 1, dtype.type(filter_matrix(n, SIDE)[1, 0] ** 2)
    multiply = micro.product(layer.dtype, lanes, maps_at_once, plan.vectors, accumulate=True)
    spread = micro.unpool(layer, lanes)

    def some_images(a, part):
        x, y, winner, gy, images, height = a[0], a[1], a[2], a[3], a[6], a[7]
        stride, rows, columns = a[8] * maps_in, a[9], a[10]
        dw = array_at(a[4] + part * n * n * size * item, (n * n * size,), dtype)
        db = array_at(a[5] + part * maps_out * item, (maps_out,), dtype)
        dw[:] = 0
        db[:] = 0
        down, across = (rows + CELLS - 1) // CELLS, (columns + CELLS - 1) // CELLS
        signal, gradient = empty(n * n * in_pitch, dtype), empty(n * n * out_pitch, dtype)
        # Where the last tile overlaps the one before, its gradient is zero.
        pitch = across * SIDE * maps_out
        g = empty(SIDE * pitch, dtype)
        g[:] = 0
        whole, count = columns // CELLS * CELLS, 0
        stop = (part + 1) * images // parts
        for image in range(part * images // parts, stop):
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
                    if count < TILES and (image < stop - 1 or ti < down - 1 or tj < across - 1):
                        continue
                    for p in range(n * n):
                        for k in range(0, maps_in, maps_at_once):
                            for o in range(0, maps_out, width):
                                multiply(
                                    signal.ctypes.data + (p * in_pitch + k) * item,
                                    gradient.ctypes.data + (p * out_pitch + o) * item,
                                    dw.ctypes.data + (p * size + k * maps_out + o) * item,
                                    count, 1, maps_in, maps_out, maps_out,
                                )  # fmt: skip
                    for t in range(count):
                        for o in range(maps_out):
                            db[o] += gradient[ones * out_pitch + t * maps_out + o]
                    count = 0

    def filters(points):
        # from points back to taps, which are flipped
        taps = both_ways(back, points.reshape(n, n, maps_in, maps_out))
        return taps.transpose(3, 2, 0, 1)[:, :, ::-1, ::-1]

    all_images = in_parallel(some_images, parts, layer, target)
    return by_parts(layer, parts, n * n * size, all_images, filters, share)
