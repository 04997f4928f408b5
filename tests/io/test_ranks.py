"""What ranks agree on and how they end: small programs under mpiexec, without any network."""

import os
import subprocess
import sys

import pytest

from pose3d.io.ranks import ALONE, Alone, world
from tests.launching import run_ranks


@pytest.mark.parametrize(("n", "size"), [(128, 2), (11, 3), (1, 3), (0, 2), (7, 7), (5, 1)])
def test_shares_cover_everything_once_and_differ_by_at_most_1(n, size):
    shares = []
    for rank in range(size):
        one = Alone()
        one.rank, one.size = rank, size
        shares.append(list(range(n)[one.share(n)]))
    assert sum(shares, []) == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_is_shared():
    with world() as ranks:
        assert ranks is ALONE
        assert ranks.share(5) == slice(0, 5)
        assert ranks.highest(3, False) == (3, False)
        assert ranks.everyones("it") == ["it"]
        ranks.agree("anything", None)  # is not even called


def test_alone_no_mpi_is_loaded():
    program = (
        "import sys; from pose3d import train_regression; from pose3d.io import ranks\n"
        "with ranks.world(): assert 'mpi4py' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Rank and size stand for themselves in the results, which every rank checks.
PROGRAM = """
import signal, sys, time
import numpy as np
from pose3d.io import ranks as parallel
from pose3d.errors import Stopped, UserError, command

def work(ranks):
    rank, size = ranks.rank, ranks.size
    array = np.array([rank, 1], np.float32)
    ranks.add_up(array)
    assert array.tolist() == [size * (size - 1) / 2, size]
    mine = {"all": np.array([rank, 2.0])} | ({"last": 7} if rank == size - 1 else {})
    total = ranks.total(mine)
    assert total["last"] == 7 and total["all"].tolist() == [size * (size - 1) / 2, 2.0 * size]
    assert ranks.highest(rank == 1, -rank) == (1, 0)
    assert ranks.everyones(rank) == list(range(size))
    ranks.agree("nothing", lambda: 5)
    print(f"{size} ranks agree")

def alike(ranks):
    raise UserError("there is no such folder")

def differ(ranks):
    ranks.agree("their luck", lambda: max(1, ranks.rank))

def each(ranks):
    raise UserError("this" if ranks.rank < 2 else "that")

def stop(ranks):
    raise Stopped("stopped by SIGTERM", signal.SIGTERM)

def usage(ranks):
    print("usage: so and so", file=sys.stderr)
    sys.exit(2)

def bug(ranks):
    1 / 0

def alone_last(ranks):
    if ranks.rank == ranks.size - 1:
        raise OSError("its disk is full")
    ranks.everyones(None)  # waits for the one that failed

def alone_first(ranks):
    if ranks.rank == 0:
        raise UserError("the disk is full")
    ranks.add_up(np.zeros(1))

def alone_bug(ranks):
    if ranks.rank == 1:
        1 / 0
    time.sleep(60)

@command
def main(argv=None):
    parallel.GRACE = 0.5 if sys.argv[1].startswith("alone") else 30
    with parallel.world() as ranks:
        globals()[sys.argv[1]](ranks)

sys.exit(main())
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM)
    return path


def test_ranks_add_up_and_agree_and_rank_0_prints(program):
    done = run_ranks(3, program, "work")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3 ranks agree\n"
    assert run_ranks(1, program, "alike").stderr == "error: there is no such folder\n"


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("alike", 1, "error: there is no such folder\n"),
        ("differ", 1, "error: of 3 ranks, 2 differ from rank 0 in their luck\n"),
        ("each", 1, "rank 2: error: that\nerror: this\n"),
        ("stop", 128 + 15, "stopped by SIGTERM\n"),
        ("usage", 2, "usage: so and so\n"),
    ],
)
def test_a_common_error_is_printed_once(program, how, status, told):
    done = run_ranks(3, program, how)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", told)


def test_a_bug_keeps_its_traceback_once(program):
    done = run_ranks(3, program, "bug")
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == done.stderr.count("ZeroDivisionError") == 1


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("alone_last", "rank 2: error: its disk is full (for the traceback, set POSE3D_DEBUG=1)\n"),
        ("alone_first", "rank 0: error: the disk is full\n"),
        ("alone_bug", "ZeroDivisionError: division by zero\n"),
    ],
)
def test_a_rank_that_fails_alone_prints_its_error_and_ends_the_others(program, how, told):
    done = run_ranks(3, program, how)
    assert done.returncode == 1
    assert done.stderr.count(told) == 1
    assert ("Traceback" in done.stderr) == (how == "alone_bug")


LACKING = """
import os, sys
if os.environ.get("PMI_RANK") == "1":
    sys.modules["h5py"] = None
"""


def test_a_rank_that_fails_while_it_imports_ends_the_others(tmp_path):
    """They wait in MPI's start, where nothing of ours runs."""
    (tmp_path / "sitecustomize.py").write_text(LACKING, encoding="utf-8")
    words = "-m", "pose3d.train_regression", "--data", tmp_path, "--out", tmp_path / "run"
    done = run_ranks(2, *words, timeout=60, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode != 0
    assert done.stderr.count("import of h5py halted") == 1
    assert done.stderr.count("error: this rank failed before MPI was started; it ends the others") == 1


def test_a_launcher_of_another_mpi_is_refused():
    """As ``srun -n 4`` with an MPI that does not know Slurm: each process is rank 0 of one."""
    pytest.importorskip("mpi4py")
    program = "from pose3d import build_dataset; raise SystemExit(build_dataset.main([]))"
    environment = {**os.environ, "SLURM_STEP_NUM_TASKS": "4"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: the launcher started 4 ranks, but mpi4py's MPI (MPICH" in done.stderr
    assert "Traceback" not in done.stderr
