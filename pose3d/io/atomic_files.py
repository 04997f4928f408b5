"""Write files atomically, so that a crash leaves the old file or the new one, and lock folders."""

import contextlib
import errno
import os
from pathlib import Path

from filelock import FileLock, Timeout

from pose3d.errors import UserError

LOCK = ".lock"


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

    Missing folders are created. After an error the temporary file is removed and `path` stays unchanged.

    Parameters
    ----------
    path : path of the file to write

    Raises
    ------
    DiskFullError
        if the disk is full
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # of a killed run; some writers refuse to overwrite
        yield temporary
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise DiskFullError.at(path) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(folder):
    """Lock a folder for this process, and create it if it is missing. The lock ends with the process.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UserError
        if another process holds the lock
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / LOCK).acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"{folder}: another process is working there; wait until it ends, or name another folder"
        ) from None
    with lock:
        yield


def is_disk_full(error):
    """Whether `error` means a full disk. HDF5 gives the error number only in its message."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(
        error
    )
