"""Rotations about the axes of a body's frame: x forward, y left, z up."""

import numpy as np


def about_x(angle):
    """(F, 3, 3) rotations by (F,) angles, rad, that take left towards up."""
    return _turn(angle, 1, 2)


def about_y(angle):
    """(F, 3, 3) rotations by (F,) angles, rad, that take up towards forward: a bow."""
    return _turn(angle, 2, 0)


def about_z(angle):
    """(F, 3, 3) rotations by (F,) angles, rad, that take forward towards left."""
    return _turn(angle, 0, 1)


def _turn(angle, first, second):
    angle = np.atleast_1d(angle)
    matrix = np.zeros((len(angle), 3, 3)) + np.eye(3)
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -np.sin(angle)
    return matrix


def unit(vectors):
    """(..., 3) vectors brought to length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def segment_frame(up, forward):
    """(F, 3, 3) frames whose third axis is `up` and whose first leans as far as it can to `forward`."""
    up = unit(up)
    left = unit(np.cross(up, forward))
    return np.stack([np.cross(left, up), left, up], axis=-1)
