"""Pose files: one CDF variable ``Pose`` of one record, frames x (32 joints * 2 or 3)."""

from pathlib import Path

import cdflib
import cdflib.cdfwrite
import numpy as np

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS_32


def read_poses_2d(path):
    """Read a ``D2_Positions`` file: (F, 32, 2) float32, px of the full image, lens distortion included.

    A `UserError` if the file is absent, damaged, of another layout, or holds a number that is not finite.
    """
    return _read(path, 2)


def read_poses_3d(path):
    """Read a ``D3_Positions_mono`` (camera frame) or ``D3_Positions`` (world frame) file: (F, 32, 3) float32.

    In mm, not relative to the pelvis. A `UserError` as of `read_poses_2d`.
    """
    return _read(path, 3)


def _read(path, dimensions):
    width = len(JOINTS_32) * dimensions
    values = _variable(Path(path))
    if values.ndim != 3 or values.shape[0] != 1 or values.shape[2] != width or values.dtype.kind != "f":
        raise UserError(
            f"{path}: its Pose is {values.dtype} {values.shape}, not float (1, frames, {width}); "
            f"is it a {dimensions}D positions file of Human3.6M?"
        )
    poses = np.ascontiguousarray(values[0], dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(poses).all(axis=1))
    if bad.size:
        raise UserError(
            f"{path}: {bad.size} of {len(poses)} frames hold NaN or infinite coordinates, "
            f"the first is frame {bad[0]}; extract the file again, or remove it to skip the take"
        )
    return poses.reshape(len(poses), len(JOINTS_32), dimensions)


def _variable(path):
    """The array of the variable Pose, as cdflib gives it."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        cdf = cdflib.CDF(path)
        names = cdf.cdf_info().zVariables
        values = np.asarray(cdf.varget("Pose")) if "Pose" in names else None
    except Exception as error:
        # cdflib has no exception class: damage raises struct.error, ValueError, OSError, IndexError, ...
        raise UserError(f"{path}: cannot be read as a CDF file ({error}); extract it again") from error
    if values is None:
        raise UserError(f"{path}: holds no variable Pose (it has {', '.join(names) or 'none'})")
    return values


def write_poses(path, poses):
    """Write (F, 32, 2) px or (F, 32, 3) mm as Human3.6M does: column-major CDF, one record of CDF_FLOAT."""
    flat = np.asarray(poses, np.float32).reshape(len(poses), -1)
    # cdflib writes the bytes of a column-major variable unchanged, so the array is transposed here.
    stored = np.ascontiguousarray(flat.T).reshape(1, *flat.shape)
    with whole(path) as temporary:
        cdf = cdflib.cdfwrite.CDF(temporary, cdf_spec={"Majority": "column_major"})
        try:
            variable = {
                "Variable": "Pose",
                "Data_Type": cdf.CDF_FLOAT,
                "Num_Elements": 1,
                "Rec_Vary": True,
                "Dim_Sizes": list(flat.shape),
                "Compress": 0,
            }
            cdf.write_var(variable, var_data=stored)
        finally:
            cdf.close()
