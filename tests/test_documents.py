"""Every command and every piece of Python in README.rst and data/README.rst, run as it stands and in order.

They run in a folder like a clone, with a very small data/human36m, which the quickstart leaves alone.
Commands of pose3d run in this process, for one of their own would import for longer than most of them work;
scripts, ranks and pieces of Python have one.
"""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pose3d import synthetic
from pose3d.io.video import video_writer
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.tree.appearance import body_of
from tests.inference.drawn import draw_person, meadow
from tests.shorter import shorten
from tests.synthetic.motion.skeletons import write_motion

ROOT = Path(__file__).parents[1]
COMMAND = re.compile(r"(?:python|mpiexec|sh|pip|git|\.) ")
# The first is what runs this test, the second was done before it.
SKIPPED = ("sh tests/run.sh", "pip install .")
# The small tree lacks five of the six actions.
STATUS = {"python -m pose3d.build_dataset --verify --actions report": 1}
# The synthetic people are few, of two of the families, each of which is a file for each subject.
FEWER = ("--source people --frames 200000", "--source people --actions Walking Lying --frames 300")
ENVIRONMENT = "PATH=$PWD/.venv/bin:$PATH\nexport PATH\n"


def blocks(document):
    """The literal blocks of a document: list of (whether it is Python, its text)."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.findall(r"^(.*::(?: \w+)?)\n\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    return [(start == ".. code-block:: python", textwrap.dedent(block)) for start, block in found]


def steps(document):
    """What a reader runs: list of (whether it is Python, its text)."""
    found = []
    for is_python, block in blocks(document):
        lines = block.replace("\\\n", "").replace(*FEWER).splitlines()
        found += [(True, block)] if is_python else [(False, line) for line in lines if COMMAND.match(line)]
    return [step for step in found if not step[1].startswith(SKIPPED)]


def test_steps_are_found():
    commands = [step for is_python, step in steps("README.rst") if not is_python]
    assert commands[0].startswith("python -m pose3d.predict photo.jpg ")
    assert sum(command.startswith("python -m pose3d.predict ") for command in commands) == 4
    assert sum(command.startswith("sh experiments/quickstart.sh ") for command in commands) == 1
    assert sum(is_python for is_python, _ in steps("data/README.rst")) == 1
    joined = "python -m pose3d.train_regression --data data/mine --init runs/mine/detection"
    (line,) = [step for _, step in steps("data/README.rst") if step.startswith(joined)]
    assert line.endswith("""--set 'data.test=["ben"]' --set training.batch_size=8""")


def raw_tree(folder):
    """Three subjects of synthetic walkers under the name of Human3.6M."""
    for subject, frames in (("S1", 12), ("S5", 12), ("S11", 14)):
        tree = folder.with_name(subject)
        synthetic.generate(tree, subjects=[subject], frames=frames, image_size=250, workers=1)
        shutil.copytree(tree, folder, dirs_exist_ok=True)
        shutil.rmtree(tree)


def pictures(folder):
    """A photograph with a mask, one without a background, and a video in which something moves."""
    photo = meadow(180, 120)
    mask = np.uint8(255) * draw_person(photo, 60, 90, 70)
    Image.fromarray(photo).save(folder / "photo.jpg")
    Image.fromarray(mask).save(folder / "mask.png")
    Image.fromarray(np.dstack([photo, mask])).save(folder / "me.png")
    with video_writer(folder / "walk.mp4", 90, 160, 25) as append:
        for i in range(12):
            frame = np.full((90, 160, 3), 60, np.uint8)
            frame[20:80, 10 + 8 * i : 30 + 8 * i] = 220
            append(frame)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clone")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "pose3d").symlink_to(ROOT / "pose3d")
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    (folder / "experiments" / "environment.sh").write_text(ENVIRONMENT)
    (folder / "short").mkdir()
    (folder / "short" / "sitecustomize.py").write_text(
        "from tests.shorter import shorten\nshorten(setattr)\n"
    )
    raw_tree(folder / "data" / "human36m")
    pictures(folder)
    (folder / "bvh" / "posing").mkdir(parents=True)
    body = body_of("S1")
    write_motion(
        folder / "bvh" / "posing" / "1.bvh",
        body,
        walk(body, GAITS["S1"], 8, False, np.random.default_rng(0)),
    )
    return folder


@pytest.fixture
def run(clone, monkeypatch, capfd):
    """A function that runs a step of a document."""
    monkeypatch.chdir(clone)
    shorten(monkeypatch.setattr)
    # As after ``. .venv/bin/activate``, which the README gives.
    path = os.pathsep.join([str(clone / ".venv" / "bin"), os.environ["PATH"]])
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(clone / "short"), str(ROOT)]),
    }

    def call(is_python, step):
        wanted = next((status for start, status in STATUS.items() if step.startswith(start)), 0)
        words = shlex.split(step, comments=True)
        if words[:2] == ["python", "-m"] and not set(words) & set("|&;<>"):
            name = words[2].replace("pose3d.synthetic", "pose3d.synthetic.__main__")
            monkeypatch.setattr(sys, "argv", words[2:])
            assert importlib.import_module(name).main(words[3:]) == wanted, step
            assert "Traceback" not in capfd.readouterr().err
            return
        command = [sys.executable, "-c", step] if is_python else ["sh", "-c", step]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == wanted, f"{step}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr

    return call


@pytest.mark.slow
def test_what_the_documents_say_runs(run, clone):
    for step in steps("README.rst"):
        run(*step)
    for step in steps("data/README.rst"):
        run(*step)
    assert (clone / "runs" / "mine" / "test" / "results.json").is_file()
