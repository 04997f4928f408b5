"""What this process may use of the machine: cores, memory, and the MPI ranks that share them."""

import math
import os
from pathlib import Path

# Number of ranks, as set by MPICH and its relatives, by Open MPI, and by PMIx and Slurm (srun).
_RANK_COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS")
# Number of ranks on this machine. The first variable that is set is used, so launchers come before Slurm.
# Slurm writes "2(x3)" for two tasks on each of three machines.
_LOCAL_COUNTS = (
    "MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE",
)  # fmt: skip
# Seconds between a rank's last output and its end: mpiexec drops output that arrives after it.
HEAD_START = 1

# Files of a control group: its limit of memory, versions 2 and 1; quota and period of time, version 1.
_LIMITS = ("memory.max", "memory.limit_in_bytes")
_QUOTA = ("cpu.cfs_quota_us", "cpu.cfs_period_us")


def cores(root=Path("/")):
    """The number of cores that this process may use, within the quotas of its control groups.

    Linux keeps ``proc`` and ``sys`` below `root`.
    """
    found = [affinity()]
    for group in _control_groups("cpu", root):
        words = _text(group / "cpu.max").split() or [_text(group / name).strip() for name in _QUOTA]
        if all(word.isdecimal() for word in words):  # neither "max" nor -1
            found.append(math.ceil(int(words[0]) / int(words[1])))
    return min(found)


def affinity():
    """The number of cores that this process may use, whatever its quotas."""
    return len(allowed_cores(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rank_count():
    """The number of ranks that mpiexec or another launcher says it started; 1 without a launcher."""
    counts = (os.environ.get(name, "") for name in _RANK_COUNTS)
    return max((int(count) for count in counts if count.isdecimal()), default=1)


def local_rank_count():
    """The number of ranks on this machine; 1 if the launcher does not say."""
    counts = [os.environ[name] for name in _LOCAL_COUNTS if name in os.environ]
    if rank_count() < 2 or not counts:
        return 1
    parts = (part.partition("(")[0] for part in counts[0].split(","))
    return max((int(part) for part in parts if part.isdecimal()), default=1)


def allowed_cores(process):
    """The set of cores that a process of this machine may use; empty if the process has ended."""
    try:
        return os.sched_getaffinity(process)
    except OSError:
        return set()


def usable_memory(root=Path("/")):
    """Bytes of memory that this process may take: what is free, within the limits of its control groups.

    4 GB where the system does not say. Linux keeps ``proc`` and ``sys`` below `root`.
    """
    words = _text(root / "proc" / "meminfo").split()
    found = [1024 * int(words[words.index("MemAvailable:") + 1])] if "MemAvailable:" in words else []
    limits = (_text(group / name) for group in _control_groups("memory", root) for name in _LIMITS)
    return min(found + [int(limit) for limit in limits if limit.strip().isdecimal()], default=4 * 10**9)


def _control_groups(controller, root):
    """Yield the folders of this process's control groups, versions 1 and 2, and of those around them."""
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = controller in controllers.split(",")
        if version_1 or not controllers:
            group = root / "sys" / "fs" / "cgroup" / (controller if version_1 else "") / path.lstrip("/")
            yield from (group, *group.parents)


def _text(path):
    """What a file of the system says; nothing if it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
