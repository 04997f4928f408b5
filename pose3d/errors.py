"""What a user can put right: one line, no traceback, exit status 1."""

import functools
import sys


class UserError(Exception):
    """A fault in what the user gave, with a message that names it and says what to do."""


class Stopped(Exception):
    """A run that was asked to end, by a signal, and did so in good order.

    Attributes
    ----------
    signal : int
    """

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


def verdict(error):
    """What a command makes of an exception: (exit status, one line); None if it is a bug of ours."""
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

    A `UserError`, a failing file operation or a want of memory becomes one line
    ``error: ...`` and status 1; an interrupt becomes status 130, and a run that a signal ended has
    128 and the signal's number. Every other exception is a bug of ours and keeps its traceback.
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
