"""Rotations and frames of body segments: x forward, y left, z up."""

import numpy as np
from scipy.spatial.transform import Rotation


def euler(axes, *angles):
    """Rotations by intrinsic Euler angles, about the axes of the body.

    A positive angle takes left towards up (``X``), up towards forward (``Y``: a bow), or forward towards
    left (``Z``).

    Parameters
    ----------
    axes : str of ``X``, ``Y`` and ``Z``, no letter twice in a row, three at most
    *angles : (F,) array or float for each axis, rad

    Returns
    -------
    (F, 3, 3) array
    """
    angles = np.stack(np.broadcast_arrays(*map(np.atleast_1d, angles)), axis=-1)
    return Rotation.from_euler(axes, angles).as_matrix()


def unit(vectors):
    """Normalise (..., 3) vectors."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def segment_frame(up, forward):
    """(F, 3, 3) frames with the third axis along `up` and the first as close as possible to `forward`."""
    up = unit(up)
    left = unit(np.cross(up, forward))
    return np.stack([np.cross(left, up), left, up], axis=-1)
