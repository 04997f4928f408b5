"""Errors that a user can correct: one line, no traceback, exit status 1."""

import functools
import sys


class UserError(Exception):
    """An error in the user's input; its message names the file or key and says what to do."""


class Stopped(Exception):
    """A run that a signal ended, with a checkpoint written.

    Attributes
    ----------
    signal : int
    """

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


def verdict(error):
    """The exit status and the line of an exception; None if it is a bug."""
    if isinstance(error, UserError | OSError):
        return 1, "error: " + " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return 1, f"error: there is not enough memory for this: {error}"
    if isinstance(error, Stopped):
        return 128 + error.signal, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 130, "error: interrupted; what was finished is kept"
    return None


def command(main):
    """Turn ``main(argv=None)`` into a command that returns an exit status.

    A `UserError`, a failing file operation or a lack of memory becomes one line
    ``error: ...`` and status 1; an interrupt becomes status 130, and a run that a signal ended has
    128 and the signal's number. Every other exception is a bug and keeps its traceback.
    """

    @functools.wraps(main)
    def run(argv=None):
        try:
            return main(argv) or 0
        except BaseException as error:
            found = verdict(error)
            if found is None:
                raise
            status, line = found
            print(line, file=sys.stderr)
            return status

    return run
