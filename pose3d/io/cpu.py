"""Cores, MPI ranks and memory allocator of this process.

This module imports no numerical library, because those read its environment variables when they are loaded.
"""

import ctypes
import os
import sys
from functools import cache

# Number of ranks, as set by MPICH and its relatives, by Open MPI, and by PMIx and Slurm (srun).
_RANK_COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS")
# Number of ranks on this machine. The first variable that is set is used, so launchers come before Slurm.
# Slurm writes "2(x3)" for two tasks on each of three machines.
_LOCAL_COUNTS = (
    "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE",
)  # fmt: skip
_THREAD_COUNTS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")

# Names of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def cores():
    """The number of cores that this process may use."""
    return len(_allowed(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rank_count():
    """The number of ranks that mpiexec or another launcher started; 1 without a launcher."""
    return max(int(os.environ.get(name, 1)) for name in _RANK_COUNTS)


def local_rank_count():
    """The number of ranks on this machine; 1 if the launcher does not say."""
    counts = [os.environ[name] for name in _LOCAL_COUNTS if name in os.environ]
    if rank_count() < 2 or not counts:
        return 1
    return max(int(part.partition("(")[0]) for part in counts[0].split(","))


def share_cores():
    """Give each rank of this machine its share of the cores, unless the user has set a number of threads.

    Numba and OpenBLAS read these variables when they are loaded. Without them, each rank would start one
    thread for every core of the machine.
    """
    ranks = local_rank_count()
    if ranks > 1:
        threads = os.environ.get("OMP_NUM_THREADS", str(_threads(ranks)))
        for name in _THREAD_COUNTS:
            os.environ.setdefault(name, threads)


def _threads(ranks):
    """Threads of this rank: the cores that the launcher has bound it to, or its share if it is not bound."""
    bound = hasattr(os, "sched_getaffinity") and _allowed(0) < _allowed(os.getppid())
    return cores() if bound else max(1, cores() // ranks)


def _allowed(process):
    """The set of cores that a process of this machine may use; empty if the process has ended."""
    try:
        return os.sched_getaffinity(process)
    except OSError:
        return set()


@cache
def keep_freed_memory():
    """Let glibc keep freed memory, to save the page faults of allocating it again.

    Every training step, and every frame of a build, frees and allocates the same large arrays. Nothing
    changes under other C libraries.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26)):
            library.mallopt(option, value)
