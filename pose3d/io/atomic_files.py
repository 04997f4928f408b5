"""Write files atomically, so that a crash leaves the old file or the new one, and lock folders."""

import contextlib
import errno
import os
import shutil
import uuid
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from pose3d.errors import UserError

LOCK = ".lock"
# What file systems answer that have no flock, such as SMB, Lustre and some NFS.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
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

    Missing folders are created. After an error the temporary file is removed and `path` stays unchanged. No
    other process uses the same temporary name; what a killed one left is removed by `remove_partial`.

    Parameters
    ----------
    path : path of the file to write

    Raises
    ------
    DiskFullError
        if the disk is full
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial-{uuid.uuid4().hex[:_TOKEN]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise DiskFullError.at(path) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folder, below=False):
    """Remove what killed processes were writing in a folder (Path) that this process has locked.

    Parameters
    ----------
    folder : Path
    below : bool, also in the folders in it
    """
    for path in folder.glob(f"{'**/' if below else ''}.*.partial-{'[0-9a-f]' * _TOKEN}*"):
        path.unlink()


def keep_copy(path, name):
    """Give a file a second name in its folder, replacing what has it, in one step and without its absence.

    Where the file system has no hard links, such as exFAT and SMB, the file is copied.

    Parameters
    ----------
    path : Path
    name : str
    """
    with whole(path.with_name(name)) as temporary:
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


@contextlib.contextmanager
def exclusive(folder):
    """Lock a folder for this process, and create it if it is missing. The lock ends with the process.

    A folder that was created, and in which nothing was written, is removed at the end.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UserError
        if another process holds the lock
    """
    created = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = _acquired(folder / LOCK)
    except Timeout:
        raise UserError(
            f"{folder}: another process is working there; wait until it ends, or name another folder"
        ) from None
    try:
        with lock:
            remove_partial(folder)
            yield
    finally:
        if created and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()


def _acquired(path):
    """A lock on a file; where the file system has none, the file's existence is the lock."""
    try:
        return FileLock(path).acquire(blocking=False)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, Timeout) or getattr(error, "errno", None) not in (None, *_NO_LOCKS):
            raise
        return SoftFileLock(f"{path}.soft").acquire(blocking=False)


def is_disk_full(error):
    """Whether `error` means a full disk. HDF5 gives the error number only in its message."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(
        error
    )
