import h5py
import numpy as np
import pytest
import scipy.io

from pose3d.errors import UserError
from pose3d.io.matlab73 import Matrix, matrix_writer

VALUES = np.random.default_rng(0).normal(size=(9, 5))


def write(path, dtype=np.float64, rows=9):
    with matrix_writer(path, "x", rows, 5, dtype) as append:
        append(VALUES[:4])
        append(VALUES[4:])
    return path


def test_what_is_written_is_read_along_either_axis(tmp_path):
    with Matrix(write(tmp_path / "a.mat"), "x") as matrix:
        assert (matrix.shape, matrix.is_float) == ((9, 5), True)
        np.testing.assert_array_equal(matrix.read(2, 6, 0), VALUES[2:6])
        np.testing.assert_array_equal(matrix.read(1, 4, 1), VALUES.T[1:4])


def test_the_file_is_of_version_7_3(tmp_path):
    path = write(tmp_path / "a.mat", np.uint8)
    assert scipy.io.matlab.matfile_version(path) == (2, 0)
    with h5py.File(path) as file:
        assert file.userblock_size == 512
        assert file["x"].attrs["MATLAB_class"] == b"uint8"


def test_too_few_rows_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="9 rows for a matrix of 10"):
        write(tmp_path / "a.mat", rows=10)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.mat: there is no such file"):
        Matrix(tmp_path / "a.mat", "x")
    scipy.io.savemat(tmp_path / "v5.mat", {"x": VALUES})
    with pytest.raises(UserError, match=r"v5\.mat: cannot be read as a MATLAB file of v7\.3 .*option -v7\.3"):
        Matrix(tmp_path / "v5.mat", "x")
    with pytest.raises(UserError, match=r"b\.mat: holds no numeric matrix y; its variables: x"):
        Matrix(write(tmp_path / "b.mat"), "y")


def test_damage_is_reported_on_reading(tmp_path):
    path = write(tmp_path / "a.mat")
    with h5py.File(path) as file:
        start = file["x"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    with Matrix(path, "x") as matrix, pytest.raises(UserError, match=r"a\.mat: cannot be read as a MATLAB"):
        matrix.read(0, 9, 0)
