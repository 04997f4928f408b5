"""Mask files: a MATLAB cell array ``Masks`` of logical images, v7.3 (HDF5) or v7."""

import contextlib
import math
from pathlib import Path

import h5py
import numpy as np
import scipy
from isal import isal_zlib

from pose3d.errors import UserError
from pose3d.io import hdf5
from pose3d.io.atomic_files import whole
from pose3d.skeleton import JOINTS_32

_VARIABLE = "Masks"
_V7_START = b"MATLAB 5.0 MAT-file"  # what versions 5, 6 and 7 write
_FAULTS = (*hdf5.FAULTS, isal_zlib.error)
# A MATLAB v7.3 file is HDF5 behind a block of that many bytes, which begins with the header.
_USER_BLOCK, _HEADER = 512, b"MATLAB 7.3 MAT-file, Platform: any, Created by: pose3d, HDF5 schema 1.00 ."
_REMEDY = "extract the file again"
_MOST_PIXELS = 10**8  # of an image, far more than any camera's
# Radii in mm of the spheres around the joints that define the official boxes: 140 for Head and
# HeadSite, 260 from Spine to Neck, 115 elsewhere.
_SPHERES = np.full(len(JOINTS_32), 115.0)
_SPHERES[[JOINTS_32.index(name) for name in ("Head", "HeadSite")]] = 140.0
_SPHERES[[JOINTS_32.index(name) for name in ("Spine", "Spine1", "Neck")]] = 260.0


def open_masks(path):
    """Open a .mat file, ``ground_truth_bs`` (silhouettes) or ``ground_truth_bb`` (filled boxes).

    A context manager: ``len(masks)`` is the number of frames, and ``masks[i]`` an (H, W) bool array, or None
    if the cell is empty (no mask was made for that frame). A `UserError`, on opening or indexing, if the file
    is missing, damaged, or of another layout.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            start = file.read(len(_V7_START))
    except OSError as error:
        raise hdf5.fault(path, error, _REMEDY) from error
    if start == _V7_START:
        return _MasksV7(path)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        return _MasksV73(path)
    raise UserError(f"{path}: is no MATLAB file of version 7 or 7.3; extract it again")


class _Masks:
    """Masks of a file, as of `open_masks`: `_read` makes one of its element of the array `_cell`."""

    def __init__(self, path, cell):
        self.path, self._cell = path, cell

    def __len__(self):
        return len(self._cell)

    def __getitem__(self, index):
        try:
            mask = self._read(self._cell[index])
        except _FAULTS as error:
            raise hdf5.fault(self.path, error, _REMEDY, f"mask {index}") from error
        if mask is None:
            return None
        if mask.ndim != 2 or mask.dtype.kind not in "bui":
            what = f"mask {index} is {mask.dtype} {mask.shape}"
            raise UserError(f"{self.path}: {what}, not a logical image of rows x columns")
        # Not copied to C order, because no caller reads the whole mask row by row.
        return mask.view(bool) if mask.dtype.itemsize == 1 and mask.max(initial=0) <= 1 else mask != 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _MasksV73(_Masks):
    """Masks of v7.3. References are read on opening, each mask on indexing."""

    def __init__(self, path):
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(hdf5.open_hdf5(path, _REMEDY))
            try:
                cell = hdf5.dataset_of(self._file, _VARIABLE) if _VARIABLE in self._file else None
                has_cell = cell is not None and h5py.check_ref_dtype(cell.dtype) is h5py.Reference
                references = cell[()].ravel() if has_cell else None
            except _FAULTS as error:
                raise hdf5.fault(path, error, _REMEDY) from error
            if references is None:
                raise _no_cell(path)
            super().__init__(path, references)
            self._stack = stack.pop_all()

    def _read(self, reference):
        # The low-level API, because creating h5py objects takes as long as reading.
        element = h5py.h5r.dereference(reference, self._file.id)
        if not element:
            raise ValueError("its reference is null")
        if h5py.h5a.exists(element, b"MATLAB_empty"):
            return None
        stored = _unpack_sparse(element) if isinstance(element, h5py.h5g.GroupID) else _unpack(element)
        # HDF5 holds MATLAB's (H, W) as (W, H), and (H, W, K) as (K, W, H). Of the latter, use (:, :, 1).
        return stored[0].T if stored.ndim == 3 else stored.T

    def __exit__(self, *_):
        self._stack.close()


def _unpack(element):
    """Read an image (h5py.h5d.DatasetID) with all its planes.

    MATLAB stores an image as one gzip chunk, which isal decompresses in a third of HDF5's time. HDF5 reads
    images in other storage, and its errors name the damage.
    """
    if math.prod(element.shape) > _MOST_PIXELS:
        raise ValueError(f"its shape is {element.shape}")
    with contextlib.suppress(*_FAULTS):
        _, content = element.read_direct_chunk((0,) * len(element.shape))
        size = math.prod(element.shape) + 1  # one byte more, so that isal finds the end in its first pass
        values = np.frombuffer(isal_zlib.decompress(content, bufsize=size), np.uint8)
        return values.reshape(element.shape)
    return h5py.Dataset(element)[()]


def _unpack_sparse(element):
    """Read a sparse image (h5py.h5g.GroupID): (W, H) bool array. Without True pixels it has only ``jc``."""
    group = h5py.Group(element)
    rows, starts = int(group.attrs["MATLAB_sparse"]), hdf5.dataset_of(group, "jc")[()].astype(np.int64)
    shape = rows, len(starts) - 1
    if not 0 < math.prod(shape) <= _MOST_PIXELS:
        raise ValueError(f"its shape is {shape}")
    if not starts[-1]:
        return np.zeros(shape[::-1], bool)
    values, inner = (hdf5.dataset_of(group, name)[()] for name in ("data", "ir"))
    image = scipy.sparse.csc_array((values != 0, inner.astype(np.int64), starts), shape)
    image.check_format()
    return image.toarray().T


class _MasksV7(_Masks):
    """Masks of v7. scipy reads the whole file, which is never as large as one of v7.3."""

    def __init__(self, path):
        try:
            cell = scipy.io.loadmat(path, variable_names=[_VARIABLE]).get(_VARIABLE)
        except Exception as error:
            # zlib.error, ValueError, TypeError or OSError, depending on the damage
            raise hdf5.fault(path, error, _REMEDY) from error
        if cell is None or cell.dtype != object:
            raise _no_cell(path)
        super().__init__(path, cell.ravel())

    def _read(self, element):
        if scipy.sparse.issparse(element):
            element = (element != 0).toarray()
        if element.size == 0:
            return None
        return element[:, :, 0] if element.ndim == 3 else element


def _no_cell(path):
    return UserError(f"{path}: holds no cell array {_VARIABLE}")


@contextlib.contextmanager
def mask_writer(path):
    """Yield a function that appends a mask, (H, W) bool, to the array ``Masks`` of a MATLAB v7.3 file."""
    with whole(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_USER_BLOCK) as file:
            references = []
            yield lambda mask: references.append(_append(file, len(references), mask))
            cell = file.create_dataset(_VARIABLE, (len(references), 1), h5py.ref_dtype)
            cell[:, 0] = references
            cell.attrs["MATLAB_class"] = np.bytes_("cell")
        with temporary.open("rb+") as file:
            file.write(_HEADER.ljust(124) + b"\x00\x02IM")


def _append(file, index, mask):
    """Store a mask transposed, since MATLAB is column-major, and return its reference."""
    stored = np.ascontiguousarray(mask.T, dtype=np.uint8)
    packing = {"chunks": stored.shape, "compression": "gzip", "compression_opts": 1}
    element = file.create_dataset(f"#refs#/{index:06d}", data=stored, **packing)
    element.attrs["MATLAB_class"] = np.bytes_("logical")
    element.attrs["MATLAB_int_decode"] = np.int32(1)
    return element.ref


def box(points, pixels, focal, shape):
    """Official bounding box of a pose, (H, W) bool: around spheres at the 32 joints, clipped to the image.

    `points` (32, 3) are in mm, camera frame, and their projections `pixels` (32, 2) and `focal` (2,) in px.
    """
    reach = focal * _SPHERES[:, None] / points[:, 2:]
    left, top = np.maximum(np.floor((pixels - reach).min(axis=0)), 0).astype(int)
    right, bottom = np.ceil((pixels + reach).max(axis=0)).astype(int)
    mask = np.zeros(shape, bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask
