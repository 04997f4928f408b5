"""From posed vertices to pixels: light at each vertex, and a z-buffer."""

import numpy as np

from pose3d.ops.jit import njit

# A pixel centre on the edge of two triangles is outside both by rounding, and would be a hole.
_EDGE = np.float32(-1e-3)


@njit(cache=True)
def shade(normals, albedo, lights, ambient, up):
    """Light that each vertex reflects, (V, C): a matt surface under distant lights and a sky. All is float32.

    `normals` (V, 3) point outward and have any length but 0, `albedo` (V, C) has one or three channels,
    `lights` (L, 4) are directions towards each light, of unit length, and its strength. `ambient` is the
    strength of the light from all sides; from above, along `up` (3,), it is half as strong again.
    """
    values = np.empty_like(albedo)
    for vertex in range(len(normals)):
        x, y, z = normals[vertex]
        length = np.float32(1) / max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
        x, y, z = x * length, y * length, z * length
        total = ambient * (np.float32(1) + np.float32(0.5) * (x * up[0] + y * up[1] + z * up[2]))
        for light in range(len(lights)):
            facing = x * lights[light, 0] + y * lights[light, 1] + z * lights[light, 2]
            total += max(facing, np.float32(0)) * lights[light, 3]
        for channel in range(albedo.shape[1]):
            values[vertex, channel] = total * albedo[vertex, channel]
    return values


@njit(cache=True)
def _draw(i, j, k, pixels, depths, values, image, nearest):
    """Draw the triangle of three vertices, as `rasterise` says."""
    x0, y0 = pixels[i, 0], pixels[i, 1]
    x1, y1 = pixels[j, 0], pixels[j, 1]
    x2, y2 = pixels[k, 0], pixels[k, 1]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if area >= 0:  # y points down: seen from outside, the corners go round the other way
        return
    rows, columns = nearest.shape
    left = max(0, int(np.ceil(min(x0, x1, x2))))
    right = min(columns - 1, int(np.floor(max(x0, x1, x2))))
    top = max(0, int(np.ceil(min(y0, y1, y2))))
    bottom = min(rows - 1, int(np.floor(max(y0, y1, y2))))
    if left > right or top > bottom:  # it lies between the centres of pixels
        return
    scale = np.float32(1) / area
    for row in range(top, bottom + 1):
        down = np.float32(row) - y0
        for column in range(left, right + 1):
            across = np.float32(column) - x0
            b = (across * (y2 - y0) - (x2 - x0) * down) * scale
            c = ((x1 - x0) * down - across * (y1 - y0)) * scale
            a = np.float32(1) - b - c  # the pixel's centre is a, b and c of the way to the three corners
            if a < _EDGE or b < _EDGE or c < _EDGE:
                continue
            depth = a * depths[i] + b * depths[j] + c * depths[k]
            if depth >= nearest[row, column]:
                continue
            nearest[row, column] = depth
            for channel in range(image.shape[2]):
                image[row, column, channel] = (
                    a * values[i, channel] + b * values[j, channel] + c * values[k, channel]
                )


@njit(cache=True)
def rasterise(pixels, depths, values, faces, image, nearest):
    """Draw triangles into an image (H, W, C) where they are nearer than what is there. All is float32.

    `pixels` (V, 2) are px (x, y), pixel centres at whole numbers, `depths` (V,) in front of the camera,
    `values` (V, C) interpolated over the triangles. `faces` (T, 3), int32, are vertices of each triangle,
    counterclockwise from outside; the others are not drawn. `image` and `nearest` (H, W), the depths of
    what is there (inf where nothing is), are changed in place.
    """
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        _draw(i, j, k, pixels, depths, values, image, nearest)
