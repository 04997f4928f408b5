"""MPI ranks that share the work of one training run and take the same decisions."""

import contextlib
import os
import sys
import time
import traceback

import numpy as np

from pose3d.errors import UserError, verdict
from pose3d.io.processes import load_mpi
from pose3d.io.resources import HEAD_START, rank_count

# Seconds in which ranks with the same error fail together. After them, a rank that failed alone aborts the
# others, which would otherwise wait for it forever.
GRACE = 5


class Alone:
    """A single process, with the methods of `Ranks`: rank 0 of `size` 1."""

    rank, size = 0, 1

    def share(self, n):
        """This rank's slice of `n` items, perhaps empty. The lengths of two ranks differ by at most 1."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def highest(self, *numbers):
        """The maximum of each number over the ranks: tuple."""
        return numbers

    def everyones(self, value):
        """List of the values of all ranks, in the order of ranks."""
        return [value]

    def agree(self, what, value):
        """Check that ``value()`` is the same on all ranks. A single process does not call it.

        Otherwise every rank raises a `UserError` that names `what` (str) and the ranks that differ.
        """


ALONE = Alone()


class Ranks(Alone):
    """The ranks of an mpi4py communicator. All ranks must call the same methods in the same order."""

    def __init__(self, communicator):
        self._all, self._mpi = communicator, load_mpi()
        self._failed = communicator.Dup()  # keeps errors apart from other messages
        self.rank, self.size = communicator.rank, communicator.size

    def add_up(self, array):
        """Replace a contiguous float array by its sum over the ranks; every rank gets the same bits."""
        self._all.Allreduce(self._mpi.IN_PLACE, array)

    def total(self, values):
        """Sum dicts of numbers or arrays over the ranks; every rank gets the same bits.

        A name that is missing on a rank counts as zero there.
        """
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
        """End this rank: together with the others if all fail, else print the error and abort the others.

        Returns the exit status. Rank 0 also prints the different errors of other ranks.
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
    """Exit status and message of an exception."""
    if isinstance(error, SystemExit):
        return (error.code if isinstance(error.code, int) else int(error.code is not None)), str(error.code)
    return verdict(error) or (1, "".join(traceback.format_exception(error)))


@contextlib.contextmanager
def world():
    """Yield the `Ranks` of this MPI world, or `ALONE` without mpiexec or with a single rank.

    Only rank 0 prints. If all ranks raise an error, rank 0 prints it once. If one rank raises alone, it
    prints its error and aborts the others. A `UserError` if mpiexec started this process and mpi4py is
    missing.
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
