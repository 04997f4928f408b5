"""Writing the synthetic cameras as the data set's own index has them."""

import numpy as np

from pose3d.io.atomic_files import whole
from pose3d.recordings.human36m import CAMERAS
from pose3d.recordings.human36m.metadata import EXTRINSICS


def euler_angles(rotation):
    """The angles (a, b, c) of ``Rx(a) Ry(b) Rz(c)``, rad.

    Parameters
    ----------
    rotation : (3, 3) array; none that turns z onto x, where a and c are one turn

    Returns
    -------
    (3,) array, b between -pi/2 and pi/2
    """
    a = np.arctan2(-rotation[1, 2], rotation[2, 2])
    b = np.arctan2(rotation[0, 2], np.hypot(rotation[0, 0], rotation[0, 1]))
    c = np.arctan2(-rotation[0, 1], rotation[0, 0])
    return np.array([a, b, c])


def write_metadata(path, cameras):
    """Write a ``metadata.xml`` that holds the cameras, the same for every subject, and nothing else.

    Parameters
    ----------
    path : path of the file
    cameras : dict of camera id, all of `CAMERAS`, to Camera
    """
    inner, outer = [], []
    for camera in (cameras[number] for number in CAMERAS):
        outer += [*euler_angles(camera.R), *camera.T] * EXTRINSICS[1]
        inner += [*camera.f, *camera.c, *camera.k, *camera.p]
    # As many digits as a number has: rounded ones would move the projections.
    numbers = " ".join(repr(float(number)) for number in outer + inner)
    with whole(path) as temporary:
        temporary.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<synthetic>\n   <w0>[{numbers}]</w0>\n</synthetic>\n'
        )
