"""Human3.6M's camera model."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A calibrated camera.

    Attributes
    ----------
    R : (3, 3) array, world to camera rotation
    T : (3,) array, mm, position of the camera in the world
    f, c : (2,) arrays, px, focal lengths and principal point
    k : (3,) array, radial distortion
    p : (2,) array, tangential distortion
    """

    R: np.ndarray
    T: np.ndarray
    f: np.ndarray
    c: np.ndarray
    k: np.ndarray
    p: np.ndarray


def world_to_camera(camera, points):
    """``R (X - T)``: world points in the camera's frame.

    Parameters
    ----------
    camera : Camera
    points : (..., 3) array, mm, world frame

    Returns
    -------
    (..., 3) array, mm, camera frame (x right, y down, z forward)
    """
    return (np.asarray(points, float) - camera.T) @ camera.R.T


def project(camera, points):
    """Pixels of camera-frame points, by the data set's own formula (``ProjectPointRadial``).

    The tangential term multiplies by ``p1 y + p2 x`` once, where the usual model (OpenCV's) has it
    twice; using that one instead moves points by up to 0.2 px.

    Parameters
    ----------
    camera : Camera
    points : (..., 3) array, mm, camera frame, z > 0

    Returns
    -------
    (..., 2) array, px, distorted
    """
    points = np.asarray(points, float)
    xy = points[..., :2] / points[..., 2:]
    x, y = xy[..., 0], xy[..., 1]
    r2 = x**2 + y**2
    (k1, k2, k3), (p1, p2) = camera.k, camera.p
    gain = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
    return camera.f * (xy * gain[..., None] + np.array([p2, p1]) * r2[..., None]) + camera.c
