"""MPI ranks that share one piece of work and take the same decisions."""

import contextlib
import os
import sys
import time
import traceback

import numpy as np

from pose3d.errors import UserError, verdict
from pose3d.io.cpu import rank_count
from pose3d.io.processes import load_mpi

# Ranks with the same error fail at nearly the same time. A rank that is still the only one after this many
# seconds ends the others, which would wait for it.
GRACE = 5

# mpiexec transports a rank's output and its abort separately, and drops output that arrives after the abort:
# seconds between the two.
HEAD_START = 1


class Alone:
    """A single process with the methods of `Ranks`, at no cost.

    Attributes
    ----------
    rank, size : int, number of this rank, from 0, and number of ranks
    """

    rank, size = 0, 1

    def share(self, n):
        """This rank's slice of `n` things, perhaps empty; the ranks' lengths differ by one at most."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def total(self, values):
        """Sum dicts of numbers or arrays over the ranks; every rank gets the same bits.

        A name that a rank lacks counts as zero there.
        """
        return values

    def highest(self, *numbers):
        """The maximum over the ranks of each number: tuple."""
        return numbers

    def everyones(self, value):
        """The values of all ranks, by rank: list."""
        return [value]

    def agree(self, what, value):
        """Check that ``value()`` is the same on all ranks; it is not called in a single process.

        Raises
        ------
        UserError
            on every rank, saying that the ranks differ in `what`
        """


ALONE = Alone()


class Ranks(Alone):
    """The processes of an MPI communicator; all call the same methods in the same order.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm
    """

    def __init__(self, communicator):
        self._all, self._mpi = communicator, load_mpi()
        self._failed = communicator.Dup()  # so that errors never mix with other messages
        self.rank, self.size = communicator.rank, communicator.size

    def add_up(self, array):
        """Replace a contiguous float array by its sum over the ranks, the same bits on every rank."""
        self._all.Allreduce(self._mpi.IN_PLACE, array)

    def total(self, values):
        parts, sums = self._all.gather(values), {}
        for part in parts or ():
            for name, value in part.items():
                sums[name] = sums.get(name, 0) + value
        return self._all.bcast(sums)

    def highest(self, *numbers):
        found = np.array(numbers, dtype=np.float64)
        self._all.Allreduce(self._mpi.IN_PLACE, found, self._mpi.MAX)
        return tuple(found.tolist())

    def everyones(self, value):
        return self._all.allgather(value)

    def agree(self, what, value):
        values = self.everyones(value())
        others = [str(rank) for rank in range(self.size) if values[rank] != values[0]]
        if others:
            raise UserError(f"of {self.size} ranks, {', '.join(others)} differ from rank 0 in {what}")

    def fail(self, error):
        """End together with ranks that also fail; end the others after a line on stderr.

        Parameters
        ----------
        error : the exception that ends this rank

        Returns
        -------
        int, the exit status; rank 0 prints the error that all have in common
        """
        status, line = _told(error)
        if not self._all_fail():
            print(f"rank {self.rank}: {line}", file=sys.stderr, flush=True)
            sys.stdout.flush()
            time.sleep(HEAD_START)
            self._all.Abort(status or 1)
        lines = self._failed.allgather(line)
        for rank, other in enumerate(lines):
            if self.rank == 0 and other not in lines[:rank] and rank:
                print(f"rank {rank}: {other}", file=sys.stderr)
        return status

    def _all_fail(self):
        """Whether all ranks fail within `GRACE` seconds."""
        meeting, end = self._failed.Ibarrier(), time.monotonic() + GRACE
        while not meeting.Test():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True


def _told(error):
    """The exit status and the message of an exception."""
    if isinstance(error, SystemExit):
        return (error.code if isinstance(error.code, int) else int(error.code is not None)), str(error.code)
    return verdict(error) or (1, "".join(traceback.format_exception(error)))


@contextlib.contextmanager
def world():
    """Yield the `Ranks` of which this process is one, or `ALONE` without mpiexec or with a single rank.

    Only rank 0 prints. If all ranks raise, rank 0 reports the error once. If one rank raises alone, it
    reports its error and aborts the others.

    Raises
    ------
    UserError
        if mpiexec started this process and mpi4py is not installed
    """
    if rank_count() < 2:
        yield ALONE
        return
    ranks = Ranks(load_mpi().COMM_WORLD)
    try:
        with _quiet() if ranks.rank else contextlib.nullcontext():
            yield ranks
    except BaseException as error:
        status = ranks.fail(error)
        if ranks.rank:
            raise SystemExit(status) from error
        raise


@contextlib.contextmanager
def _quiet():
    """Discard stdout and stderr."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield
