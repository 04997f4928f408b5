"""Starting ranks and runs, for several tests."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pose3d.training.checkpoint import NAME


def mpiexec(ranks):
    """The launcher that the mpi extra brings, beside this Python; else the system's."""
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("there is no mpiexec: install pose3d[mpi]")
    return [found, "-n", str(ranks)]


def run_ranks(ranks, *words, timeout=1200, env=None):
    """Run Python with these words on that many ranks, to its end."""
    command = [*mpiexec(ranks), sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env)


def written(run):
    """When the checkpoint of a run was last written, or None."""
    path = run / NAME
    return path.stat().st_mtime_ns if path.exists() else None


def wait_for(condition, process, seconds=600):
    """Whether the condition came to hold before the process ended; after so many seconds, end it and fail."""
    for _ in range(100 * seconds):
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    process.kill()
    raise AssertionError("waited in vain")
