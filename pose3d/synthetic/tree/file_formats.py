"""Write the file formats of a raw Human3.6M tree, each file atomically."""

import contextlib

import cdflib.cdfwrite
import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.io.atomic_files import whole
from pose3d.io.hdf5 import matlab_file
from pose3d.recordings.human36m import CAMERAS
from pose3d.recordings.human36m.cameras import EXTRINSICS


def write_poses(path, poses):
    """Write a file of positions as in Human3.6M: column-major CDF, one record of CDF_FLOAT.

    Parameters
    ----------
    path : path ending in ``.cdf``
    poses : (F, 32, 2) px or (F, 32, 3) mm array
    """
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


@contextlib.contextmanager
def mask_writer(path):
    """Yield a function that appends a mask to a MATLAB v7.3 file, in the cell array ``Masks``.

    Parameters
    ----------
    path : path ending in ``.mat``; the function takes an (H, W) bool array
    """
    with matlab_file(path) as file:
        references = []
        yield lambda mask: references.append(_append(file, len(references), mask))
        cell = file.create_dataset("Masks", (len(references), 1), h5py.ref_dtype)
        cell[:, 0] = references
        cell.attrs["MATLAB_class"] = np.bytes_("cell")


def _append(file, index, mask):
    """Store a mask transposed, since MATLAB is column-major, and return its reference."""
    stored = np.ascontiguousarray(mask.T, dtype=np.uint8)
    packing = {"chunks": stored.shape, "compression": "gzip", "compression_opts": 1}
    element = file.create_dataset(f"#refs#/{index:06d}", data=stored, **packing)
    element.attrs["MATLAB_class"] = np.bytes_("logical")
    element.attrs["MATLAB_int_decode"] = np.int32(1)
    return element.ref


def write_metadata(path, cameras):
    """Write a ``metadata.xml`` with the cameras only, the same for every subject.

    Parameters
    ----------
    path : path of the file
    cameras : dict of camera id, all of `CAMERAS`, to Camera
    """
    inner, outer = [], []
    for camera in (cameras[number] for number in CAMERAS):
        angles = Rotation.from_matrix(camera.R).as_euler("XYZ")
        outer += [*angles, *camera.T] * EXTRINSICS[1]
        inner += [*camera.f, *camera.c, *camera.k, *camera.p]
    # All digits: rounding would move the projections.
    numbers = " ".join(repr(float(number)) for number in outer + inner)
    with whole(path) as temporary:
        temporary.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<synthetic>\n   <w0>[{numbers}]</w0>\n</synthetic>\n',
            encoding="utf-8",
        )
