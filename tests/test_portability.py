"""The way from a raw tree to poses, without what Windows and macOS lack; neither can be run here."""

import os
import subprocess
import sys

import pytest

# Without modules of Unix, functions of Linux, some signals, hard links, and UTF-8 as the text encoding.
PROGRAM = """
import os, signal, sys
from pathlib import Path

for name in ("fcntl", "grp", "pwd", "resource"):
    sys.modules[name] = None
for name in ("getuid", "killpg", "posix_fadvise", "pread", "sched_getaffinity", "sched_setaffinity"):
    delattr(os, name)
def link(*_, **__):
    raise OSError("no hard links")

os.link = link
for name in ("SIGKILL", "SIGHUP", "SIGQUIT"):
    delattr(signal, name)

from pose3d import build_dataset, predict, test, train_regression
from pose3d import synthetic

if __name__ == "__main__":
    synthetic.generate("tree", subjects=("S1", "S5", "S11"), frames=6, image_size=250, workers=1)
    subjects = ["--subjects", "S1", "S5", "S11"]
    assert build_dataset.main(["--source", "tree", "--out", "data", *subjects, "--workers", "1"]) == 0
    settings = "network.kernels=[2,3,4]", "network.dense=[20,30]", "training.epochs=1"
    small = [word for setting in settings for word in ("--set", setting)]
    assert train_regression.main(["--data", "data", "--out", "run", "--init", "none", *small]) == 0
    assert train_regression.main(["--out", "run", "--resume"]) == 0
    assert test.main(["--data", "data", "--weights", "run", "--out", "tested", "--frames", "4"]) == 0
    assert predict.main(["data", "--weights", "run", "--out", "poses"]) == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="takes away what Linux has")
def test_nothing_needs_what_other_systems_lack(tmp_path):
    (tmp_path / "elsewhere.py").write_text(PROGRAM, encoding="utf-8")
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "elsewhere.py"]
    done = subprocess.run(command, cwd=tmp_path, env=ascii_only, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "tested" / "results.json").is_file()
    assert (tmp_path / "poses" / "predictions.json").is_file()
