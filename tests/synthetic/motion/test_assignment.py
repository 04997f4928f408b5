import json

import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.motion.assignment import bvh_files, cast, playbill


@pytest.fixture
def folder(tmp_path):
    """A function that makes empty BVH files of those names."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x" * len(name))
        return tmp_path

    return make


def numbered(count):
    return [f"{i:03d}.bvh" for i in range(count)]


def hands(dealt):
    return {subject: {dealt[subject, take].name for take in (1, 2)} for subject in SUBJECTS}


def test_files_are_found_in_subfolders_and_sorted_by_path(folder):
    out = folder("b/2.BVH", "b/10.bvh", "a/z.bvh", "notes.txt", "c.bvh")
    found = [path.relative_to(out).as_posix() for path in bvh_files(out)]
    assert found == ["a/z.bvh", "b/10.bvh", "b/2.BVH", "c.bvh"]


def test_fourteen_files_are_fourteen_takes_dealt_in_turn(folder):
    dealt = cast(folder(*numbered(14)), ["Posing"])["Posing"]
    assert dealt["S1", 1].name == "000.bvh"
    assert dealt["S5", 1].name == "001.bvh"
    assert dealt["S11", 1].name == "006.bvh"
    assert dealt["S1", 2].name == "007.bvh"
    assert len({path.name for path in dealt.values()}) == 14


@pytest.mark.parametrize("count", [7, 8, 13, 14, 15, 100])
def test_enough_files_are_shared_by_no_two_subjects(folder, count):
    each = hands(cast(folder(*numbered(count)), ["Posing"])["Posing"])
    assert len(set().union(*each.values())) == sum(map(len, each.values()))
    assert max(map(len, each.values())) == (1 if count == 7 else 2)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_with_too_few_files_the_test_subject_still_has_his_own(folder, count):
    each = hands(cast(folder(*numbered(count)), ["Posing"])["Posing"])
    assert each["S11"] == {f"{count - 1:03d}.bvh"}
    assert all(each["S11"].isdisjoint(hand) for subject, hand in each.items() if subject != "S11")
    assert len(set().union(*each.values())) == count


def test_a_single_file_drives_everybody(folder):
    assert set().union(*hands(cast(folder("a.bvh"), ["Posing"])["Posing"]).values()) == {"a.bvh"}


def test_subfolders_named_after_actions_are_dealt_apart(folder):
    out = folder("Walking/w.bvh", "Posing/a.bvh", "Posing/b.bvh", "other.bvh")
    dealt = cast(out, ["Posing", "Walking"])
    assert {path.name for path in dealt["Walking"].values()} == {"w.bvh"}
    assert {path.name for path in dealt["Posing"].values()} == {"a.bvh", "b.bvh"}
    assert cast(out, ["Posing"]) == dealt  # what is dealt does not depend on what is wanted
    with pytest.raises(UserError, match="there is no subfolder Eating"):
        cast(out, ["Posing", "Eating"])


def test_what_cannot_be_dealt_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        cast(tmp_path / "nowhere", ["Posing"])
    with pytest.raises(UserError, match="there is no .bvh file in it"):
        cast(folder("notes.txt"), ["Posing"])
    with pytest.raises(
        UserError, match="for several actions, put the BVH files into subfolders Posing, Eating"
    ):
        cast(folder("a.bvh"), ["Posing", "Eating"])
    with pytest.raises(UserError, match="Posing: there is no .bvh file"):
        cast(folder("Posing/notes.txt"), ["Posing"])


def test_the_playbill_tells_files_sizes_and_map(folder):
    out = folder("x/a.bvh", "x/bb.bvh")
    bill = playbill(out, cast(out, ["Posing"]), {"Head": "skull"})
    assert json.loads(json.dumps(bill)) == bill
    assert bill["takes"]["Posing"]["S11 2"] == "x/bb.bvh"
    assert len(bill["takes"]["Posing"]) == 14
    assert bill["bytes"] == {"x/a.bvh": 7, "x/bb.bvh": 8}
    assert bill["joint_map"] == {"Head": "skull"}
