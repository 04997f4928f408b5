"""Writing files so that a killed run leaves the old one or the whole new one, never a part."""

import contextlib
import errno
import os
import platform
from pathlib import Path

from pose3d.errors import UserError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there nobody is refused
    fcntl = None

LOCK = ".lock"


class DiskFullError(UserError):
    """The disk is full: whatever else is tried will fail, too."""


@contextlib.contextmanager
def whole(path):
    """Yield a temporary path in the folder of `path` that becomes `path` if nothing fails.

    Folders are made as needed. After an error the temporary file is removed and `path` is as before.

    Parameters
    ----------
    path : path of the file to write

    Raises
    ------
    DiskFullError
        in place of the error that a full disk raised
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # a killed run's; not every writer replaces a file
        yield temporary
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise DiskFullError(
                f"{path} cannot be written, the disk is full; free some space and start again, "
                "what was finished is kept"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(folder):
    """Hold a folder for this process alone; made as needed. The lock goes when the process does.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UserError
        if another process holds it, naming that
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise UserError(
                    f"{folder}: {holder} is at work there; wait until it is done, or name another folder"
                ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield


def is_disk_full(error):
    """Whether `error` stands for a full disk; HDF5 tells it in the text of OSError or RuntimeError only."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(
        error
    )
