"""Writing files so that a killed run leaves the old one or the whole new one, never a part."""

import contextlib
import errno
import os
from pathlib import Path

from pose3d.errors import UserError


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


def is_disk_full(error):
    """Whether `error` stands for a full disk; HDF5 tells it in the text of OSError or RuntimeError only."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(
        error
    )
