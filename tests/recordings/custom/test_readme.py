"""The example of data/README.rst, as a reader would run it."""

import re
import textwrap
from pathlib import Path

import numpy as np

from pose3d.dataset.crop_recording import crop_recording
from pose3d.recordings import custom
from pose3d.skeleton import JOINTS

README = Path(__file__).parents[3] / "data" / "README.rst"


def test_the_example_makes_a_folder_that_can_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = README.read_text()
    (code,) = re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    exec(textwrap.dedent(code), {})
    recordings = custom.find_recordings("mine")
    assert [str(recording) for recording in recordings] == [
        "anna Moving take 1 camera 0", "ben Moving take 1 camera 0",
    ]  # fmt: skip
    blocks = []
    assert crop_recording(recordings[0], 10, blocks.append)["frames"] == 8
    joints = blocks[0]["joints_2d"].round().astype(int)
    images = blocks[0]["images"]
    assert (images[np.arange(8)[:, None], joints[..., 1], joints[..., 0]] > 0).mean() > 0.9


def test_it_names_all_joints():
    words = set(re.findall(r"\w+", README.read_text()))
    assert {joint.replace(" ", "_") for joint in JOINTS} <= words
    assert f"all {len(custom.COLUMNS)} required columns" in " ".join(README.read_text().split())
