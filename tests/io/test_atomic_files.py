import contextlib
import errno
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pose3d.errors import UserError
from pose3d.io.atomic_files import LOCK, DiskFullError, exclusive, keep_copy, whole


def test_a_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole(path) as temporary:
        temporary.write_text("1")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "1"
    assert list(path.parent.iterdir()) == [path]


def test_a_power_cut_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    """The content is on the disk before its name is, and the name before the block ends."""
    done, fsync, replace = [], os.fsync, os.replace

    def log_fsync(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def log_replace(*paths):
        done.append("name")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(os, "replace", log_replace)
    with whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("1")
    assert done == ["file", "name", "folder"]


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
def flock_fails(monkeypatch, number):
    """A file system without locks: flock answers with this error, if it is not None."""
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        if number:
            patched.setattr(fcntl, "flock", flock)
        yield


def lock_again(folder):
    with exclusive(folder):
        raise AssertionError("not reached")


@pytest.mark.parametrize("number", [None, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_folder_is_locked_once_at_a_time_by_one_file_that_goes_with_the_block(
    tmp_path, monkeypatch, number
):
    """Whoever moves or lists what is in a folder knows one name to leave alone."""
    with flock_fails(monkeypatch, number):
        for _ in range(2):  # the first lock is released
            with exclusive(tmp_path):
                assert [path.name for path in tmp_path.iterdir()] == [LOCK]
                assert (tmp_path / LOCK).read_text() == f"{os.getpid()} {platform.node()}"
                with pytest.raises(UserError, match=f"{tmp_path}: another process .*; wait until"):
                    lock_again(tmp_path)
            assert list(tmp_path.iterdir()) == []


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("number", [None, errno.ENOLCK])
def test_a_lock_of_a_process_that_has_ended_is_taken_over(tmp_path, monkeypatch, number):
    (tmp_path / LOCK).write_text(f"{ended_process()} {platform.node()}")
    with flock_fails(monkeypatch, number), exclusive(tmp_path):
        assert (tmp_path / LOCK).read_text().startswith(f"{os.getpid()} ")


@pytest.mark.parametrize("owner", ["{ended} elsewhere", "{here} " + platform.node(), "", "\x81 \n"])
def test_without_flock_a_lock_that_may_be_held_is_named(tmp_path, monkeypatch, owner):
    owner = owner.format(ended=ended_process(), here=os.getppid())
    (tmp_path / LOCK).write_text(owner, encoding="latin-1")
    message = f"(?s)another process is working there.*; if none is, remove {tmp_path / LOCK}"
    with flock_fails(monkeypatch, errno.ENOLCK), pytest.raises(UserError, match=message):
        lock_again(tmp_path)
    with exclusive(tmp_path):  # a file system with flock knows that none is
        pass


def test_a_lock_that_another_took_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    write, taken = os.write, []

    def slow(lock, text):
        if not taken:
            taken.append(lock)
            (tmp_path / LOCK).unlink()  # which the other held, and released
        return write(lock, text)

    monkeypatch.setattr(os, "write", slow)
    with exclusive(tmp_path):
        assert taken
        with pytest.raises(UserError, match=f"process {os.getpid()} on"):
            lock_again(tmp_path)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(
    ("mode", "held", "expected"),
    [
        (0o644, False, "taken"),
        (0o644, True, "another process is working there (process"),
        (0o600, False, "; if none is, remove"),
    ],
)
def test_another_users_lock_in_a_shared_folder(mode, held, expected):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        with exclusive(folder) if held else contextlib.nullcontext():
            (folder / LOCK).touch()
            (folder / LOCK).chmod(mode)
            reading, writing = os.pipe()
            if not (child := os.fork()):
                os.setuid(65534)
                try:
                    with exclusive(folder):
                        os.write(writing, b"taken")
                except BaseException as error:
                    os.write(writing, str(error).encode())
                os._exit(0)
            os.waitpid(child, 0)
            assert expected in os.read(reading, 1000).decode()
        os.close(reading), os.close(writing)


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
