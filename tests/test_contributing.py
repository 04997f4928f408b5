"""What CONTRIBUTING.rst names is there."""

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.rst").read_text(encoding="utf-8")
WAYS = ("From a raw file to results.json", "From the disk to an update")


@pytest.mark.parametrize("title", WAYS)
def test_a_way_has_at_most_15_steps_and_each_names_a_function(title):
    way = TEXT.partition(f"{title}\n---")[2].partition("\n---")[0]
    steps = re.findall(r"^(\d+)\. ``([\w.]+)``", way, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert 10 <= len(steps) <= 15
    for _, name in steps:
        assert callable(pkgutil.resolve_name(f"pose3d.{name}")), name


def test_every_file_is_there():
    names = set(re.findall(r"``([\w/]+\.(?:py|sh|rst|css|html))``", TEXT))
    assert len(names) > 15
    for name in names:
        assert (ROOT / name).is_file() or (ROOT / "pose3d" / name).is_file(), name
