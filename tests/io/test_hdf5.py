import errno

import h5py
import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.io.hdf5 import FAULTS, dataset_of, fault, open_hdf5, text_of

VALUES = np.random.default_rng(0).normal(size=(9, 5))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BlockingIOError(errno.EAGAIN, "unable to lock file"), "is locked by another process"),
        (OSError("unable to lock file, errno = 11, error message = 'x'"), "is locked by another process"),
        (PermissionError(errno.EACCES, "unable to open file"), "may not be read; change its permissions"),
        (FileNotFoundError(errno.ENOENT, "unable to open file"), "there is no such file"),
        (OSError("truncated file: eof = 5"), r"is cut short \(.*\); copy"),
        (OSError("filter: Fletcher32 checksum"), r"is damaged, a checksum is wrong \(.*; copy"),
        (OSError(errno.EINVAL, "address\n overflowed"), r"is damaged \(.*address overflowed\); copy"),
    ],
)
def test_only_what_fails_a_check_is_called_damaged(error, message, tmp_path):
    with pytest.raises(UserError, match=rf"^a\.mat: mask 3 {message}|^a\.mat: {message}"):
        raise fault("a.mat", error, "copy it again", "mask 3")
    with pytest.raises(UserError, match="is a folder, not a file"):
        open_hdf5(tmp_path, "copy it again")


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
        file["text"] = np.bytes_("another text")
        file.attrs.update(number=3, texts=np.array([b"a", b"b"]), variable="a text", text=np.bytes_("a text"))
    return path


@pytest.mark.parametrize(
    "name", ["none", "group", "soft", "loop", "outside", "group/up", "huge", "flat huge", "empty"]
)
def test_only_whole_arrays_of_the_file_are_read(odd, name):
    with h5py.File(odd) as file, pytest.raises(FAULTS):
        dataset_of(file, name)


def test_texts_have_a_fixed_length(odd):
    """HDF5 reads damaged ones of variable length for ever."""
    with h5py.File(odd) as file:
        assert text_of(file, "text") == "a text"  # attributes go first
        for name in ("number", "texts", "variable", "huge"):
            with pytest.raises(FAULTS):
                text_of(file, name)
