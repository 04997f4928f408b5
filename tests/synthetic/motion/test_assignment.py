import json

import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.motion.assignment import assign_files, bvh_files, motion_provenance


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


def files_of(assigned):
    return {subject: {assigned[subject, take].name for take in (1, 2)} for subject in SUBJECTS}


def test_files_are_found_in_subfolders_and_sorted_by_path(folder):
    out = folder("b/2.BVH", "b/10.bvh", "a/z.bvh", "notes.txt", "c.bvh")
    found = [path.relative_to(out).as_posix() for path in bvh_files(out)]
    assert found == ["a/z.bvh", "b/10.bvh", "b/2.BVH", "c.bvh"]


def test_fourteen_files_are_fourteen_takes_assigned_in_turn(folder):
    assigned = assign_files(folder(*numbered(14)), ["Posing"])["Posing"]
    assert assigned["S1", 1].name == "000.bvh"
    assert assigned["S5", 1].name == "001.bvh"
    assert assigned["S11", 1].name == "006.bvh"
    assert assigned["S1", 2].name == "007.bvh"
    assert len({path.name for path in assigned.values()}) == 14


@pytest.mark.parametrize("count", [7, 8, 13, 14, 15, 100])
def test_enough_files_are_shared_by_no_two_subjects(folder, count):
    each = files_of(assign_files(folder(*numbered(count)), ["Posing"])["Posing"])
    assert len(set().union(*each.values())) == sum(map(len, each.values()))
    assert max(map(len, each.values())) == (1 if count == 7 else 2)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_with_too_few_files_the_test_subject_still_has_his_own(folder, count):
    each = files_of(assign_files(folder(*numbered(count)), ["Posing"])["Posing"])
    assert each["S11"] == {f"{count - 1:03d}.bvh"}
    shared = set().union(*(own for subject, own in each.items() if subject != "S11"))
    assert shared == set(numbered(max(1, count - 1)))


def test_subfolders_named_after_actions_are_assigned_apart(folder):
    out = folder("Walking/w.bvh", "Posing/a.bvh", "Posing/b.bvh", "other.bvh")
    assigned = assign_files(out, ["Posing", "Walking"])
    assert {path.name for path in assigned["Walking"].values()} == {"w.bvh"}
    assert {path.name for path in assigned["Posing"].values()} == {"a.bvh", "b.bvh"}
    assert assign_files(out, ["Posing"]) == assigned  # what is assigned does not depend on what is wanted
    with pytest.raises(UserError, match="no subfolder Eating"):
        assign_files(out, ["Posing", "Eating"])


@pytest.mark.parametrize(
    ("name", "actions", "message"),
    [
        ("notes.txt", ["Posing"], "no .bvh files"),
        ("Posing/notes.txt", ["Posing"], "Posing: no .bvh files"),
        (
            "a.bvh",
            ["Posing", "Eating"],
            "for several actions, put the BVH files into subfolders Posing, Eating",
        ),
    ],
)
def test_missing_files_are_an_error(folder, name, actions, message):
    with pytest.raises(UserError, match=message):
        assign_files(folder(name), actions)


def test_the_provenance_holds_files_sizes_and_map(folder):
    out = folder("x/a.bvh", "x/bb.bvh")
    found = motion_provenance(out, assign_files(out, ["Posing"]), {"Head": "skull"})
    assert json.loads(json.dumps(found)) == found
    assert found["takes"]["Posing"]["S11 2"] == "x/bb.bvh"
    assert len(found["takes"]["Posing"]) == 14
    assert found["bytes"] == {"x/a.bvh": 7, "x/bb.bvh": 8}
    assert found["sha256"].keys() == {"x/a.bvh", "x/bb.bvh"}
    assert found["joint_map"] == {"Head": "skull"}
