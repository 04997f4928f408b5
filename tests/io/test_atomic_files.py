import errno

import pytest

from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError, exclusive, whole


def test_a_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole(path) as temporary:
        temporary.write_text("1")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "1"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError, "disk is full; free some"),
        (
            OSError("(file write failed: errno = 28, error message = 'No space')"),
            DiskFullError,
            "disk is full",
        ),
        (RuntimeError("Can't decrement id ref count (errno = 28, ...)"), DiskFullError, "disk is full"),
        (OSError(errno.EACCES, "no"), OSError, "no"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_after_an_error_the_old_file_is_unchanged(tmp_path, error, raised, message):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(raised, match=message) as caught:
        fail()
    assert (str(path) in str(caught.value)) == (raised is DiskFullError)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_created_is_an_oserror(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), whole(tmp_path / "file" / "below.txt"):
        raise AssertionError("not reached")


def test_a_folder_is_locked_once_at_a_time(tmp_path):
    folder = tmp_path / "new"
    for _ in range(2):  # the first lock is released
        with exclusive(folder), pytest.raises(UserError, match=f"{folder}: another process .*; wait until"):  # noqa: SIM117
            with exclusive(folder):
                raise AssertionError("not reached")
