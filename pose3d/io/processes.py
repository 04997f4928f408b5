"""Run tasks in worker processes or MPI ranks, and handle signals."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures.process import BrokenProcessPool

from pose3d.errors import UserError
from pose3d.io.process_setup import collect_less, keep_freed_memory
from pose3d.io.resources import rank_count


class Signals:
    """Record in `asked` the last SIGINT or SIGTERM, else None, so that a loop can stop between two steps.

    A second signal ends the process at once. A context manager, without effect outside the main thread.
    """

    KINDS = (signal.SIGINT, signal.SIGTERM)
    asked = None

    def _note(self, number, _):
        if self.asked is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.asked = number

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {kind: signal.signal(kind, self._note) for kind in self.KINDS}
        return self

    def __exit__(self, *_):
        for kind, handler in self._before.items():
            signal.signal(kind, handler)


def load_mpi():
    """Import ``mpi4py.MPI``, which initializes MPI in this process.

    A `UserError` if mpi4py is not installed, or its MPI knows nothing of the launcher: then every rank would
    be rank 0.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise UserError(
            f"started as one of {rank_count()} ranks, but mpi4py cannot be loaded ({error}); "
            "install pose3d[mpi], or start without mpiexec"
        ) from error
    if MPI.COMM_WORLD.size != rank_count():
        library = MPI.Get_library_version().partition("\n")[0].strip()
        raise UserError(
            f"the launcher started {rank_count()} ranks, but mpi4py's MPI ({library}) sees "
            f"{MPI.COMM_WORLD.size}: use the launcher of that MPI, or install mpi4py with the launcher's"
        )
    sys.excepthook = sys.__excepthook__
    return MPI


@contextlib.contextmanager
def team():
    """Yield a function with the arguments of `run_all`, which also runs tasks on MPI ranks.

    Under ``mpiexec -n N``, ranks 1 to N - 1 run the tasks and `workers` is ignored. Rank 0 gets the function;
    the other ranks get None, after all tasks are done. A `UserError` if mpi4py is missing there.
    """
    if rank_count() < 2:
        yield run_all
        return
    MPI = load_mpi()
    from mpi4py.futures import MPICommExecutor

    with MPICommExecutor(MPI.COMM_WORLD, root=0) as pool:
        yield None if pool is None else functools.partial(_run_on_ranks, pool)


def _run_on_ranks(pool, function, tasks, workers):
    numbers = {pool.submit(function, *task): number for number, task in enumerate(tasks)}
    try:
        for future in concurrent.futures.as_completed(numbers):
            yield numbers[future], future
    finally:
        for future in numbers:
            future.cancel()


def run_all(function, tasks, workers):
    """Call ``function(*task)`` of a module-level function for every task, in `workers` spawned processes.

    Yields (number of the task, its concurrent.futures.Future) in the order of completion. The processes are
    ended when the caller leaves the loop early, is interrupted or dies. A `UserError` if one was killed.
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(max(1, min(workers, len(tasks))), context, _obey)
    try:
        numbers = {pool.submit(function, *task): number for number, task in enumerate(tasks)}
        for future in concurrent.futures.as_completed(numbers):
            if isinstance(future.exception(), BrokenProcessPool):
                raise UserError(_why_broken())
            yield numbers[future], future
    except BaseException:
        # Tasks can be ended at any time, because they write to temporary files.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _why_broken():
    """What to say when a worker is gone; each runs a script again, to its last line, before any task."""
    reason = (
        "a worker process was killed, perhaps for lack of memory; start again with fewer --workers "
        "(finished files are kept)"
    )
    main = sys.modules["__main__"]
    if hasattr(main, "__file__") and main.__spec__ is None:
        reason += '; a script must start workers under `if __name__ == "__main__":`'
    return reason


def _obey():
    """End a worker without a traceback when it is interrupted or its parent dies; it is a process of ours."""
    keep_freed_memory()
    collect_less()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
