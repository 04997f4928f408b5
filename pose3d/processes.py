"""Tasks over several processes, which end with the one that started them."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

from pose3d.errors import UserError


def cores():
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(function, tasks, workers):
    """Call ``function(*task)`` for every task, in spawned processes.

    The processes end at once when the caller leaves the loop early, is interrupted or dies.

    Parameters
    ----------
    function : function of a module
    tasks : list of tuples of arguments
    workers : int

    Yields
    ------
    (int, concurrent.futures.Future)
        the task's number and its finished future, in the order in which they finish

    Raises
    ------
    UserError
        if a process was killed
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(max(1, min(workers, len(tasks))), context, _obey)
    try:
        numbers = {pool.submit(function, *task): number for number, task in enumerate(tasks)}
        for future in concurrent.futures.as_completed(numbers):
            if isinstance(future.exception(), BrokenProcessPool):
                raise UserError(
                    "a worker process was killed, perhaps for want of memory; start again with fewer "
                    "--workers, what was finished is kept"
                )
            yield numbers[future], future
    except BaseException:
        # Without waiting for the tasks that run: what they write, they write under temporary names.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _obey():
    """In a worker: an interrupt ends it without a traceback, and so does its parent's death."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
