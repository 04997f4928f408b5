"""Human3.6M's camera model, and the calibrated cameras from ``metadata.xml``.

``metadata.xml`` is the data set's own index; it comes with the official code, under the same licence. Only
the cameras are read from it. Its element ``w0`` is ``[n n n ...]``, 300 numbers: for each camera, of each of
the 11 subjects, three Euler angles in rad and the position in mm; then for each camera f (2), c (2), k (3)
and p (2).
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole
from pose3d.recordings.human36m.actions import CAMERAS, SUBJECTS

METADATA = "metadata.xml"
EXTRINSICS = (len(CAMERAS), 11, 6)  # camera, subject S1 to S11, numbers
INTRINSICS = (len(CAMERAS), 9)
_NUMBERS = np.prod(EXTRINSICS) + np.prod(INTRINSICS)


@dataclass(frozen=True)
class Camera:
    """A calibrated camera."""

    R: np.ndarray  # (3, 3), world to camera rotation
    T: np.ndarray  # (3,), mm, position of the camera in the world
    f: np.ndarray  # (2,), px, focal lengths
    c: np.ndarray  # (2,), px, principal point
    k: np.ndarray  # (3,), radial distortion
    p: np.ndarray  # (2,), tangential distortion


def world_to_camera(camera, points):
    """``R (X - T)``: world points (..., 3), mm, in the camera's frame (x right, y down, z forward)."""
    return (np.asarray(points, float) - camera.T) @ camera.R.T


def project(camera, points):
    """Pixels (..., 2), distorted, of camera-frame points (..., 3), mm, z > 0.

    By the data set's own formula (``ProjectPointRadial``). The tangential term multiplies by ``p1 y + p2 x``
    once, where the usual model (OpenCV's) has it twice; using that one instead moves points by up to 0.2 px.
    """
    points = np.asarray(points, float)
    xy = points[..., :2] / points[..., 2:]
    x, y = xy[..., 0], xy[..., 1]
    r2 = x**2 + y**2
    (k1, k2, k3), (p1, p2) = camera.k, camera.p
    gain = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
    return camera.f * (xy * gain[..., None] + np.array([p2, p1]) * r2[..., None]) + camera.c


def read_cameras(path):
    """Read ``metadata.xml``: dict of (subject, camera), as in `SUBJECTS` and `CAMERAS`, to Camera.

    A `UserError` if the file is absent, no XML, or does not hold 300 numbers as ``w0``.
    """
    numbers = _numbers(Path(path))
    extrinsics = numbers[: np.prod(EXTRINSICS)].reshape(EXTRINSICS)
    intrinsics = numbers[np.prod(EXTRINSICS) :].reshape(INTRINSICS)
    return {
        (subject, camera): _camera(extrinsics[i, int(subject[1:]) - 1], intrinsics[i])
        for subject in SUBJECTS
        for i, camera in enumerate(CAMERAS)
    }


def rotation(angles):
    """``Rx(a) Ry(b) Rz(c)``, (3, 3): the world-to-camera rotation of three Euler angles, rad."""
    return scipy.spatial.transform.Rotation.from_euler("XYZ", angles).as_matrix()


def _camera(outer, inner):
    f, c, k, p = np.split(inner, [2, 4, 7])
    return Camera(R=rotation(outer[:3]), T=outer[3:], f=f, c=c, k=k, p=p)


def _numbers(path):
    """The 300 numbers of w0."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; {METADATA} is in the official code archive")
    try:
        found = ElementTree.parse(path).getroot().findtext("w0")
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # an unknown encoding is a LookupError
        raise UserError(f"{path}: cannot be read as XML ({error}); take it from the archive again") from error
    if found is None:
        raise UserError(f"{path}: has no element w0; is it the {METADATA} of Human3.6M's code?")
    try:
        numbers = np.array([float(word) for word in found.strip().strip("[]").split()])
    except ValueError as error:
        raise UserError(f"{path}: its w0 is not a list of numbers ({error})") from error
    if len(numbers) != _NUMBERS or not np.isfinite(numbers).all():
        raise UserError(
            f"{path}: its w0 holds {np.isfinite(numbers).sum()} finite numbers, not {_NUMBERS}; "
            "take it from the archive again"
        )
    return numbers


def write_metadata(path, cameras):
    """Write a ``metadata.xml`` with the cameras only (dict by id), the same for every subject."""
    inner, outer = [], []
    for camera in (cameras[number] for number in CAMERAS):
        angles = scipy.spatial.transform.Rotation.from_matrix(camera.R).as_euler("XYZ")
        outer += [*angles, *camera.T] * EXTRINSICS[1]
        inner += [*camera.f, *camera.c, *camera.k, *camera.p]
    # All digits: rounding would move the projections.
    numbers = " ".join(repr(float(number)) for number in outer + inner)
    with whole(path) as temporary:
        temporary.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<synthetic>\n   <w0>[{numbers}]</w0>\n</synthetic>\n',
            encoding="utf-8",
        )
