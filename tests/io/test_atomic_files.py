import contextlib
import errno
import os
import shutil

import pytest

from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError, exclusive, keep_copy, whole


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


@contextlib.contextmanager
def no_flock(monkeypatch, number):
    """A file system without locks: flock answers with this error."""
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", flock)
        yield


def lock_again(folder):
    with exclusive(folder):
        raise AssertionError("not reached")


@pytest.mark.parametrize("number", [None, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_folder_is_locked_once_at_a_time(tmp_path, monkeypatch, number):
    folder = tmp_path / "new"
    with no_flock(monkeypatch, number) if number else contextlib.nullcontext():
        for _ in range(2):  # the first lock is released
            with (
                exclusive(folder),
                pytest.raises(UserError, match=f"{folder}: another process .*; wait until"),
            ):
                lock_again(folder)


def test_a_folder_for_nothing_is_removed(tmp_path):
    for name, kept in (("a", False), ("b", True)):
        with exclusive(tmp_path / name):
            if kept:
                (tmp_path / name / "result").touch()
        assert (tmp_path / name).exists() == kept


def test_two_processes_write_under_different_names_and_the_next_removes_what_was_left(tmp_path):
    with whole(tmp_path / "a.txt") as one, whole(tmp_path / "a.txt") as two:
        assert one != two
        one.write_text("1")
        two.write_text("2")
        shutil.copy(one, left := tmp_path / one.name.replace("a", "b", 1))
    mine = tmp_path / ".c.partial-of-mine.txt"
    mine.touch()
    assert left.exists()
    with exclusive(tmp_path):
        assert mine.exists()
        assert not left.exists()


@pytest.mark.parametrize("has_links", [True, False])
def test_a_copy_is_kept_with_and_without_hard_links(tmp_path, monkeypatch, has_links):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr("os.link", link)
    for text in ("1", "2"):
        (tmp_path / "a").write_text(text)
        keep_copy(tmp_path / "a", "b")
        (tmp_path / "a").unlink()
        assert (tmp_path / "b").read_text() == text
