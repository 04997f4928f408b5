import errno

import h5py
import numpy as np
import pytest
import scipy.io

from pose3d.errors import UserError
from pose3d.io.hdf5 import FAULTS, Matrix, dataset_of, fault, matrix_writer, text_of

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
    with pytest.raises(UserError, match=r"v5\.mat: is no HDF5 file .*option -v7\.3"):
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
    with Matrix(path, "x") as matrix, pytest.raises(UserError, match=r"a\.mat: is damaged"):
        matrix.read(0, 9, 0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BlockingIOError(errno.EAGAIN, "unable to lock file"), "is locked by another process"),
        (OSError("unable to lock file, errno = 11, error message = 'x'"), "is locked by another process"),
        (PermissionError(errno.EACCES, "unable to open file"), "may not be read; change its permissions"),
        (FileNotFoundError(errno.ENOENT, "unable to open file"), "there is no such file"),
        (OSError("truncated file: eof = 5"), r"is cut short \(.*\); copy"),
        (
            OSError("filter returned failure: Fletcher32 checksum"),
            r"is damaged, a checksum is wrong \(.*; copy",
        ),
        (OSError(errno.EINVAL, "address\n overflowed"), r"is damaged \(.*address overflowed\); copy"),
    ],
)
def test_only_what_fails_a_check_is_called_damaged(error, message, tmp_path):
    with pytest.raises(UserError, match=rf"^a\.mat: mask 3 {message}|^a\.mat: {message}"):
        raise fault("a.mat", error, "copy it again", "mask 3")
    with pytest.raises(UserError, match="is a folder, not a file"):
        Matrix(tmp_path, "x")


@pytest.fixture
def odd(tmp_path):
    """A file of things that are no whole array."""
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["group/matrix"] = VALUES
        file["soft"], file["loop"] = h5py.SoftLink("/group/matrix"), h5py.SoftLink("/loop")
        file["outside"] = h5py.ExternalLink(str(path), "/outside")
        file["group/up"] = file["/"]
        file.create_dataset("huge", (10**9, 5), "f4", chunks=(100, 5))[0] = 1
        file.create_dataset("flat huge", (10**9, 5), "f4")
        file["empty"] = h5py.Empty("f")
        file["text"] = "some text"
        file.attrs.update(number=3, texts=["a", "b"], text="another text")
    return path


@pytest.mark.parametrize(
    "name", ["none", "group", "soft", "loop", "outside", "group/up", "huge", "flat huge", "empty"]
)
def test_only_whole_arrays_of_the_file_are_read(odd, name):
    with h5py.File(odd) as file, pytest.raises(FAULTS):
        dataset_of(file, name)
    if name != "group/up":
        with pytest.raises(UserError, match=r"odd\.h5: "):
            Matrix(odd, name)


def test_a_damaged_heap_of_strings_is_not_read(odd):
    with h5py.File(odd) as file:
        assert text_of(file, "text") == "another text"  # attributes go first
        for name in ("number", "texts", "huge"):
            with pytest.raises(FAULTS):
                text_of(file, name)
    content = bytearray(odd.read_bytes())
    start = content.index(b"GCOL")
    content[start + 16 : start + 48] = bytes(32)  # where HDF5 would read for ever
    odd.write_bytes(content)
    with h5py.File(odd) as file, pytest.raises(ValueError, match="a heap of strings is damaged"):
        text_of(file, "text")
