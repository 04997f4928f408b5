"""Write files atomically, so that a crash or power cut leaves the old or the new one, and lock folders."""

import contextlib
import errno
import os
import platform
import shutil
import uuid
from pathlib import Path

from pose3d.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".lock"
_DELETING = getattr(os, "O_TEMPORARY", 0)  # Windows: the system removes the file when it is closed
# What file systems answer that have no flock, such as SMB, Lustre and some NFS; NFS, to who may not write.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)
_TOKEN = 8  # hex digits that make a temporary name unique, on all machines that share the folder


class DiskFullError(UserError):
    """The disk is full, so that no other file can be written either."""

    @classmethod
    def at(cls, path):
        """The error of a file that cannot be written. Not the constructor's: workers' errors are pickled."""
        return cls(
            f"{path} cannot be written, the disk is full; free some space and start again, "
            "what was finished is kept"
        )


@contextlib.contextmanager
def whole(path):
    """Yield a temporary path in the same folder, and rename it to `path` when the block ends.

    Missing folders are created. After an error, of which `DiskFullError` is one, the temporary file is
    removed and `path` stays unchanged. No other process uses the same temporary name; `remove_partial`
    removes what a killed one left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial-{uuid.uuid4().hex[:_TOKEN]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary, os.O_RDWR)  # else a power cut could leave the new name, and nothing in the file
        os.replace(temporary, path)
        if os.name == "posix":
            _to_disk(path.parent, os.O_RDONLY)
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise DiskFullError.at(path) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _to_disk(path, flags):
    """Have the system write what it holds of a file or folder: 4 ms for a checkpoint of 36 MB (measured)."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # such a file system may have no fsync of folders, either
            raise
    finally:
        os.close(descriptor)


def remove_partial(folder, below=False):
    """Remove what killed processes were writing in a folder that this one has locked, or also below it."""
    for path in folder.glob(f"{'**/' if below else ''}.*.partial-{'[0-9a-f]' * _TOKEN}*"):
        path.unlink()


def keep_copy(path, name):
    """Give a file (Path) a second name in its folder, in one step, which replaces what has that name.

    Where the file system has no hard links, such as exFAT and SMB, the file is copied.
    """
    with whole(path.with_name(name)) as temporary:
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


@contextlib.contextmanager
def exclusive(folder):
    """Lock a folder (Path) for this process, and create it if it is missing. The lock ends with the process.

    The lock is the file `LOCK`, which is there for as long. Whether its process has ended, the system knows
    (flock); where the file system has no flock, the process and machine that the file names tell. A folder
    that was created, and in which nothing was written, is removed at the end. If another process holds the
    lock, or may hold it, a `UserError` names the file to remove.
    """
    created, path = not folder.exists(), folder / LOCK
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = _acquired(path)
        try:
            remove_partial(folder)
            yield
        finally:
            if _is_at(lock, path) and not _DELETING:  # while it is locked: nobody can have taken it over
                path.unlink()
            os.close(lock)
    finally:
        if created and not any(folder.iterdir()):
            folder.rmdir()


def _acquired(path):
    """The descriptor of a lock file that is created and locked."""
    while True:
        try:
            lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | _DELETING, 0o666)
        except FileExistsError:
            _remove_left(path)
            continue
        try:
            os.write(lock, f"{os.getpid()} {platform.node()}".encode())
        except OSError as error:
            if not is_disk_full(error):  # of which the first result will tell
                raise
        if _flock(lock) is not False and _is_at(lock, path):
            return lock
        os.close(lock)  # before it was locked, another process took it for one that was left


def _remove_left(path):
    """Remove the lock file of a process that has ended, or raise a `UserError`."""
    owner, locked, lock = "", None, None
    try:
        if not _DELETING:
            lock = os.open(path, os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY)  # of another user
            owner, locked = os.read(lock, 1000).decode(errors="replace"), _flock(lock)
        if locked or _has_ended(owner):
            if _is_at(lock, path):
                path.unlink()
            return
    except FileNotFoundError:
        return
    except PermissionError:
        pass
    finally:
        if lock is not None:
            os.close(lock)
    who = " (process {} on {})".format(*owner.split(" ", 1)) if " " in owner else ""
    remedy = f"; if none is, remove {path}" if locked is not False else ""
    raise UserError(
        f"{path.parent}: another process is working there{who}; wait until it ends, or name another "
        f"folder{remedy}"
    )


def _flock(lock):
    """Whether a file could be locked; None where the file system, or the system, has no such locks."""
    if not fcntl:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _is_at(lock, path):
    """Whether an open file still has its name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock), os.stat(path))
    return False


def _has_ended(owner):
    """Whether the process that a lock file names was one of this machine, and has ended."""
    process, _, machine = owner.partition(" ")
    if machine == platform.node() and process.isdecimal():
        try:
            os.kill(int(process), 0)
        except PermissionError:
            return False
        except ProcessLookupError:
            return True
    return False


def is_disk_full(error):
    """Whether `error` means a full disk. HDF5 gives the error number only in its message."""
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(error)
