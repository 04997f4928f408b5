"""Environments of users that other programs fail in: each is started for real, and draws a picture."""

import os
import subprocess
import sys

import pytest

# Imports all that compiles, draws text, and prints a path that is no ASCII.
PROGRAM = """
import sys
from pathlib import Path
from pose3d.io.process_setup import prepare_process
prepare_process()
from pose3d import predict, train_regression
from pose3d.errors import command
from pose3d.report.plots import drawing, figures

@command
def main(argv):
    rows = [{"epoch": epoch, "a_b": 2.0} for epoch in range(3)]
    figures.curve_figure(Path(argv[0]), rows, {"a_b": "a_b"}, "mm")
    print(argv[0])

sys.exit(main(sys.argv[1:]))
"""
HOMELESS = "note: the home folder cannot be written; compiled code is kept in "
# Variables, and the beginnings of the lines that are printed. Those of a row do not touch each other.
TABLE = [
    ({"HOME": "/proc", "OMP_NUM_THREADS": "4,2"}, [HOMELESS]),
    ({"HOME": "/dev/null/home", "OMP_NUM_THREADS": ""}, [HOMELESS]),
    (
        {
            "NUMBA_NUM_THREADS": "0", "OPENBLAS_NUM_THREADS": "all", "NUMBA_DISABLE_JIT": "1",
            "NUMBA_THREADING_LAYER": "tbb",
        },
        [
            "note: NUMBA_DISABLE_JIT=1 is ignored, ",
            "note: NUMBA_THREADING_LAYER=tbb is ignored, ",
            "note: NUMBA_NUM_THREADS=0 is ignored, ",
            "note: OPENBLAS_NUM_THREADS=all is ignored, ",
        ],
    ),
    (
        {
            "PMI_SIZE": "many", "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0",
        },
        [],
    ),
    (
        {
            "MPLBACKEND": "junk", "MATPLOTLIBRC": "usetex", "PYTHONIOENCODING": "ascii",
            "PYTENSOR_FLAGS": "floatX=float16,mode=FAST_COMPILE,linker=py",
        },
        [],
    ),
]  # fmt: skip

# What another program shares with the library: it looks before pose3d is imported, and after a step.
HOST = """
import os, sys
os.environ["KMP_DUPLICATE_LIB_OK"] = "True"  # which threadpoolctl sets, where it is installed
before = dict(os.environ)
import pose3d
assert dict(os.environ) == before and os.listdir(os.environ["HOME"]) == []
import numba, pytensor
from numba.core import caching

def state():
    return dict(os.environ), dict(vars(caching.IndexDataCacheFile)), dict(vars(caching.FunctionCache))

def refuse():
    raise AssertionError("it changes the host's memory")

held = state()
pose3d.io.process_setup.keep_freed_memory = refuse
import numpy as np
from pose3d import build_dataset, config, predict, train_detection
from pose3d.model.detection import DetectionGraph
small = ["network.kernels=[2,3,4]", "network.dense=[20,30]"]
graph = DetectionGraph(config.load("detection", overrides=small))
graph.step(np.zeros((2, 128, 128), np.uint8), np.zeros((2, 1700)))
assert state() == held
"""


def test_a_program_that_imports_it_stays_as_it_is(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("GOMP_SPINCOUNT", None)
    done = subprocess.run([sys.executable, "-c", HOST], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


ENDING = """
from pose3d.io.process_setup import prepare_process
prepare_process()

class Circle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("searched for")

Circle()
"""


def test_a_process_ends_without_a_search_for_what_nobody_needs():
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="these are environments of Unix")
@pytest.mark.parametrize(
    ("words", "prepared"),
    [
        (["-m", "pose3d.predict", "--help"], True),
        (["-um", "pose3d.predict", "--help"], True),
        (["-mpose3d.predict", "--help"], True),
        (["-c", "import pose3d.predict", "-m", "pose3d2"], False),
        (["-c", "import pose3d.predict", "pose3d.predict"], False),
    ],
)
def test_only_a_command_prepares_its_process(words, prepared):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "all"}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("note: OPENBLAS_NUM_THREADS=all is ignored" in done.stderr) == prepared


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="these are environments of Unix")
@pytest.mark.parametrize(("variables", "notes"), TABLE, ids=lambda value: str(value)[:50])
def test_it_starts_draws_and_says_what_it_ignores(tmp_path, variables, notes):
    (tmp_path / "usetex").write_text("text.usetex: True\n", encoding="utf-8")
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path), **variables}
    if "HOME" in variables:
        environment.pop("PYTENSOR_FLAGS", None)
        environment |= {"TMPDIR": str(tmp_path)}
    picture = tmp_path / "café.png"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(picture)], env=environment, cwd=tmp_path, capture_output=True
    )
    errors = done.stderr.decode("utf-8")
    assert done.returncode == 0, errors
    lines = errors.splitlines()
    assert [line.startswith(note) for line, note in zip(lines, notes, strict=True)] == [True] * len(notes)
    assert picture.read_bytes()[:4] == b"\x89PNG"
