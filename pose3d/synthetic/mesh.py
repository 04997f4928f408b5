"""Compiled functions of a mesh: shapes, linear blend skinning and normals."""

import numpy as np

from pose3d.ops.jit import njit


@njit(cache=True)
def blend(mean, shapes, coefficients):
    """``mean + coefficients @ shapes``, (V, 3), of (V, 3), (K, V, 3) and (K,), all float32.

    In one order: the matrix library's depends on the number of its threads, and with it the last bits.
    """
    out = mean.copy()
    numbers = out.reshape(-1)
    for k in range(len(coefficients)):
        shape = shapes[k].reshape(-1)
        for i in range(len(numbers)):
            numbers[i] += coefficients[k] * shape[i]
    return out


def skin(body, transforms, offsets):
    """Mesh of a body in a pose, (V, 3) float32, mm, by linear blend skinning.

    `transforms` are those of `Body.transforms` after any further rotation and translation; clothes lift the
    mesh at rest along its normals by `offsets` (V,), mm.
    """
    out = np.empty_like(body.vertices)
    moved = transforms.reshape(-1, 12).astype(np.float32)
    _skin(body.vertices, body.normals, offsets, body.bones, body.weights, moved, out)
    return out


@njit(cache=True)
def _skin(vertices, normals, offsets, bones, weights, transforms, out):
    for i in range(len(vertices)):
        x = vertices[i, 0] + offsets[i] * normals[i, 0]
        y = vertices[i, 1] + offsets[i] * normals[i, 1]
        z = vertices[i, 2] + offsets[i] * normals[i, 2]
        a = b = c = np.float32(0)
        for k in range(4):
            share = weights[i, k]
            if share == 0:
                break  # the weights fall
            t = transforms[bones[i, k]]
            a += share * (t[0] * x + t[1] * y + t[2] * z + t[3])
            b += share * (t[4] * x + t[5] * y + t[6] * z + t[7])
            c += share * (t[8] * x + t[9] * y + t[10] * z + t[11])
        out[i, 0], out[i, 1], out[i, 2] = a, b, c


@njit(cache=True)
def vertex_normals(vertices, faces):
    """Unit normals (V, 3) of a mesh's vertices: the mean of those of their triangles, by area.

    The corners of a face are counter-clockwise from outside. The normal is 0 at a vertex of no triangle.
    """
    out = np.zeros_like(vertices)
    for t in range(len(faces)):
        i, j, k = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, az = (
            vertices[j, 0] - vertices[i, 0],
            vertices[j, 1] - vertices[i, 1],
            vertices[j, 2] - vertices[i, 2],
        )
        bx, by, bz = (
            vertices[k, 0] - vertices[i, 0],
            vertices[k, 1] - vertices[i, 1],
            vertices[k, 2] - vertices[i, 2],
        )
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for corner in (i, j, k):
            out[corner, 0] += x
            out[corner, 1] += y
            out[corner, 2] += z
    for i in range(len(out)):
        x, y, z = out[i, 0], out[i, 1], out[i, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            out[i, 0], out[i, 1], out[i, 2] = x / length, y / length, z / length
    return out
