"""``python -m pose3d`` lists the commands."""

import importlib
import re
import subprocess
import sys

import pytest

import pose3d
from pose3d import __main__
from tests.test_structure import COMMANDS


def test_it_lists_every_command(capsys):
    assert __main__.main([]) == 0
    listed = re.findall(r"^  python -m pose3d\.(\w+) +\S", capsys.readouterr().out, re.MULTILINE)
    assert set(listed) == COMMANDS | {"synthetic"}


def test_it_knows_its_version(capsys):
    with pytest.raises(SystemExit) as done:
        __main__.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"pose3d {pose3d.__version__}\n"


@pytest.mark.parametrize("name", sorted(COMMANDS | {"synthetic.__main__"}))
def test_each_command_names_itself_as_it_is_called(name, capsys):
    with pytest.raises(SystemExit) as done:
        importlib.import_module(f"pose3d.{name}").main(["--help"])
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m pose3d.{name.partition('.')[0]} ")


@pytest.mark.parametrize(
    ("name", "unused"),
    [
        ("build_dataset", {"numba", "pytensor", "matplotlib", "pose3d.synthetic.people"}),
        ("train_regression", {"scipy.ndimage", "scipy.spatial", "av", "cdflib", "matplotlib"}),
        ("predict", {"scipy.spatial", "cdflib", "matplotlib"}),
    ],
)
def test_a_command_and_its_workers_start_without_what_they_may_never_use(name, unused):
    code = f"import sys, pose3d.{name}; print({unused} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
