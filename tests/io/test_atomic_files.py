import errno

import pytest

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole


def test_a_file_appears_only_when_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole(path) as temporary:
        temporary.write_text("1")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "1"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_old_file_is_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left')"),
        RuntimeError("Can't decrement id ref count (unable to close file, errno = 28, ...)"),
    ],
)
def test_a_full_disk_is_told_in_one_line(tmp_path, error):
    with pytest.raises(UserError, match=r"a\.txt cannot be written, the disk is full; free some"):  # noqa: SIM117
        with whole(tmp_path / "a.txt"):
            raise error


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), RuntimeError("a bug")])
def test_other_errors_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error), match="no|a bug"):  # noqa: SIM117
        with whole(tmp_path / "a.txt"):
            raise error


def test_a_folder_that_cannot_be_made_is_a_plain_oserror(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), whole(tmp_path / "file" / "below.txt"):
        raise AssertionError("not reached")
