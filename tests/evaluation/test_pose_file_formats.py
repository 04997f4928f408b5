"""The original project's text: nested lists, batch after batch, however they are laid out."""

import ast
import sys

import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.evaluation.pose_file_formats import READERS
from pose3d.evaluation.pose_pairs import Pair, write


@pytest.fixture
def frames():
    return np.random.default_rng(0).normal(0, 300, (5, 51)).round(3)


def array_text(batch):
    return np.array2string(batch, threshold=sys.maxsize, floatmode="unique")


LAYOUTS = {
    "lists in lines": lambda a, b: f"{a.tolist()}\n{b.tolist()}\n",
    "lists with no line between": lambda a, b: f"{a.tolist()}{b.tolist()}",
    "lists over many lines": lambda a, b: str(a.tolist()).replace(", ", ",\n ") + ",\n" + str(b.tolist()),
    "arrays without commas": lambda a, b: array_text(a) + "\n\n" + array_text(b),
    "with remarks": lambda a, b: f"# [first]\n{a.tolist()}  # [[2]]\n{b.tolist()}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(tmp_path, frames, layout):
    (tmp_path / "a.txt").write_text(LAYOUTS[layout](frames[:3], frames[3:]))
    (found,) = READERS[".txt"](tmp_path / "a.txt").values()
    np.testing.assert_array_equal(found, frames)


def test_text_is_never_evaluated(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("[[__import__('os').mkdir('made')]]")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="frame 1 has 1 numbers"):
        READERS[".txt"](tmp_path / "a.txt")
    assert not (tmp_path / "made").exists()


def test_written_text_is_batches_of_python_lists(tmp_path):
    poses = np.random.default_rng(0).normal(0, 300, (130, 17, 3)).astype(np.float32)
    write(tmp_path, ["txt"], Pair(poses, poses, {}))
    remark, *batches = (tmp_path / "predictions.txt").read_text().splitlines()
    assert remark.startswith("# x, y, z in mm of pelvis, right hip")
    first, second = map(ast.literal_eval, batches)
    assert (len(first), len(second)) == (128, 2)
    np.testing.assert_array_equal(np.float32(first + second).reshape(poses.shape), poses)
    digits = [len(repr(x).lstrip("-0.").replace(".", "")) for x in first[0] if "e" not in repr(x)]
    assert max(digits) == 9
