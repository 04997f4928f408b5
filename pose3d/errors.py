"""Errors that a user can correct: one line, no traceback, exit status 1."""

import functools
import os
import sys
import traceback

DEBUG = "POSE3D_DEBUG"  # environment variable: show every error with its traceback


class UserError(Exception):
    """An error in the user's input; its message names the file or key and says what to do."""


class Stopped(Exception):
    """A run that a `signal` (int) ended, with a checkpoint written."""

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


def one_line(error):
    """The message of an exception, without line breaks."""
    return " ".join(str(error).split())


def verdict(error):
    """The exit status and the line of an exception; None if it is a bug."""
    if isinstance(error, UserError):
        return 1, "error: " + one_line(error)
    if isinstance(error, OSError):  # of the user's files, or a bug of ours
        return 1, f"error: {one_line(error)} (for the traceback, set {DEBUG}=1)"
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
    128 and the signal's number. Every other exception is a bug and keeps its traceback. With the environment
    variable `DEBUG` every error shows it.
    """

    @functools.wraps(main)
    def run(argv=None):
        for stream in (sys.stdout, sys.stderr):  # a path may hold letters that the terminal cannot show
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            return main(argv) or 0
        except BaseException as error:
            found = verdict(error)
            if found is None:
                raise
            status, line = found
            if os.environ.get(DEBUG, "0") != "0":
                traceback.print_exception(error)
            print(line, file=sys.stderr)
            return status

    return run
