import os
from pathlib import Path

import pytest

from pose3d.io import process_setup
from pose3d.io.resources import (
    _LOCAL_COUNTS,
    _RANK_COUNTS,
    cores,
    local_rank_count,
    rank_count,
    usable_memory,
)

NOWHERE = Path("/nowhere")
VARIABLES = (*_RANK_COUNTS, *_LOCAL_COUNTS, *process_setup._THREAD_COUNTS)


@pytest.fixture
def started(monkeypatch):
    """``started(cores, launcher's cores, variables)``: the threads that a process so started would have."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def start(mine, launchers, root=NOWHERE, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        allowed = {0: set(range(mine)), os.getppid(): set(range(launchers))}
        monkeypatch.setattr(os, "sched_getaffinity", allowed.__getitem__)
        process_setup.share_cores(root)
        found = [os.environ.get(name) for name in process_setup._THREAD_COUNTS]
        for name in process_setup._THREAD_COUNTS:  # what was set here, monkeypatch does not know of
            monkeypatch.delenv(name, raising=False)
        return found

    return start


@pytest.mark.parametrize(
    ("variables", "ranks", "here"),
    [
        ({}, 1, 1),
        ({"PMI_SIZE": "1", "MPI_LOCALNRANKS": "1"}, 1, 1),
        ({"PMI_SIZE": "8", "MPI_LOCALNRANKS": "4"}, 8, 4),
        ({"OMPI_COMM_WORLD_SIZE": "6", "OMPI_COMM_WORLD_LOCAL_SIZE": "3"}, 6, 3),
        ({"SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_TASKS_PER_NODE": "1,2(x2)"}, 5, 2),
        ({"SLURM_NTASKS_PER_NODE": "4"}, 1, 1),  # in a batch job, but not one of its tasks
        ({"PMI_SIZE": "4", "MPI_LOCALNRANKS": "2", "SLURM_NTASKS_PER_NODE": "16"}, 4, 2),
        ({"PMI_SIZE": "4"}, 4, 1),
    ],
)
def test_numbers_of_ranks_from_each_launcher(started, variables, ranks, here):
    started(8, 8, **variables)
    assert (rank_count(), local_rank_count()) == (ranks, here)


def test_ranks_of_a_machine_share_its_cores(started):
    ranks = {"PMI_SIZE": "6", "MPI_LOCALNRANKS": "3"}
    assert started(8, 8, **ranks) == ["2", "2", "2"]
    assert started(2, 2, **ranks) == ["1", "1", "1"]
    assert started(4, 16, **ranks) == ["4", "4", "4"]  # the launcher has bound it to these
    assert started(8, 8, **ranks, OMP_NUM_THREADS="5") == ["5", "5", "5"]
    assert started(8, 8, **ranks, NUMBA_NUM_THREADS="7") == ["7", "2", "2"]


def test_a_single_process_keeps_the_defaults(started):
    assert started(8, 8) == [None, None, None]
    assert started(8, 8, PMI_SIZE="2", MPI_LOCALNRANKS="1") == [None, None, None]


def put(root, files):
    files = {**files, "proc/self/cgroup": "8:pids:/x\n4:memory:/c\n3:cpu,cpuacct:/d/e\n0::/a/b\n"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"a/b/cpu.max": "max 100000\n"}, 8),
        ({"a/b/cpu.max": "200000 100000\n"}, 2),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "250000 100000\n"}, 3),  # two and a half
        ({"a/b/cpu.max": "1000 100000\n"}, 1),
        ({"a/b/cpu.max": "3200000 100000\n"}, 8),
        ({"cpu/d/e/cpu.cfs_quota_us": "-1\n", "cpu/d/e/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/d/cpu.cfs_quota_us": "400000\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "10000\n"}, 5),  # of a container
    ],
)
def test_a_quota_of_control_groups_counts_as_cores(started, tmp_path, files, expected):
    put(tmp_path, {f"sys/fs/cgroup/{name}": text for name, text in files.items()})
    threads = started(8, 8, root=tmp_path)
    assert cores(tmp_path) == expected
    assert threads == [None if expected == 8 else str(expected)] * 3
    ranks = {"PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"}
    assert started(8, 8, root=tmp_path, **ranks) == [str(max(1, expected // 2))] * 3


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4 * 10**9),  # macOS, Windows
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   2000 kB\n"}, 2_048_000),
        ({"proc/meminfo": "MemAvailable: 2000 kB\n", "sys/fs/cgroup/a/memory.max": "5000\n"}, 5000),
        ({"proc/meminfo": "MemAvailable: 2 kB\n", "sys/fs/cgroup/a/b/memory.max": "5000\n"}, 2048),
        ({"proc/meminfo": "MemAvailable: 2 kB\n", "sys/fs/cgroup/memory.max": "max\n"}, 2048),
        ({"sys/fs/cgroup/memory/c/memory.limit_in_bytes": "7000\n"}, 7000),
    ],
)
def test_usable_memory_is_the_machines_within_the_limits_of_control_groups(tmp_path, files, expected):
    put(tmp_path, files)
    assert usable_memory(tmp_path) == expected
