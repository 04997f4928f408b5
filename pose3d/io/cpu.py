"""What a process can tell of how it was started, before it loads anything: its cores and its fellow ranks."""

import os

# Set for each process by the launchers of MPICH and its kin, of Open MPI, and by PMIx (srun).
_RANK_COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS")
# The same for the ranks on this machine alone. The first that is set counts: a launcher's own word goes
# before that of the batch system around it, which writes "2(x3)" for two tasks on each of three machines.
_LOCAL_COUNTS = (
    "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE",
)  # fmt: skip
_THREAD_COUNTS = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def cores():
    """The number of cores this process may use."""
    return len(_allowed(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rank_count():
    """The number of ranks that mpiexec or its like started, this process among them; 1 without."""
    return max(int(os.environ.get(name, 1)) for name in _RANK_COUNTS)


def local_rank_count():
    """How many of the ranks are on this machine; 1 where the launcher does not tell."""
    told = [os.environ[name] for name in _LOCAL_COUNTS if name in os.environ]
    if rank_count() < 2 or not told:
        return 1
    return max(int(part.partition("(")[0]) for part in told[0].split(","))


def share_cores():
    """Give each of this machine's ranks its share of the cores, unless the user said how many threads.

    The kernels and the matrix library read these variables when they are loaded, and left alone both
    start a thread for every core, in every rank.
    """
    ranks = local_rank_count()
    if ranks > 1:
        threads = os.environ.get("OMP_NUM_THREADS", str(_threads(ranks)))
        for name in _THREAD_COUNTS:
            os.environ.setdefault(name, threads)


def _threads(ranks):
    """The cores of this rank: all it may use if the launcher has bound it to some, else its share."""
    bound = hasattr(os, "sched_getaffinity") and _allowed(0) < _allowed(os.getppid())
    return cores() if bound else max(1, cores() // ranks)


def _allowed(process):
    """The cores that a process of this machine may use; nobody knows those of one that has gone."""
    try:
        return os.sched_getaffinity(process)
    except OSError:
        return set()
