import json

import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.motion.assignment import assign_files, motion_provenance


@pytest.fixture
def folder(tmp_path):
    """A function that makes empty BVH files of those names."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x" * len(name))
        return tmp_path

    return make


def files_of(takes):
    return {subject: {takes[subject, take].name for take in (1, 2)} for subject in SUBJECTS}


def test_files_are_found_in_subfolders_and_sorted_by_path(folder):
    out = folder("b/2.BVH", "b/10.bvh", "a/z.bvh", "notes.txt", "c.bvh")
    takes = assign_files(out, ["Posing"])["Posing"]
    found = [takes[subject, 1].relative_to(out).as_posix() for subject in ("S1", "S5", "S6", "S11")]
    assert found == ["a/z.bvh", "b/10.bvh", "b/2.BVH", "c.bvh"]


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 8, 13, 14, 15, 100])
def test_files_are_shared_in_turn_and_the_test_subject_has_his_own(folder, count):
    names = [f"{i:03d}.bvh" for i in range(count)]
    each = files_of(assign_files(folder(*names), ["Posing"])["Posing"])
    shared = set().union(*(own for subject, own in each.items() if subject != "S11"))
    if count < 7:
        assert each["S11"] == {names[-1]}
        assert shared == set(names[: max(1, count - 1)])
    else:
        assert len(shared | each["S11"]) == sum(map(len, each.values()))  # no two subjects share a file
        assert max(map(len, each.values())) == (1 if count == 7 else 2)
        assert [names[i] in own for i, own in enumerate(each.values())] == [True] * 7
    if count == 14:
        assert each["S1"] == {"000.bvh", "007.bvh"}


def test_subfolders_named_after_actions_are_assigned_apart(folder):
    out = folder("Walking/w.bvh", "Posing/a.bvh", "Posing/b.bvh", "other.bvh")
    found = assign_files(out, ["Posing", "Walking"])
    assert {path.name for path in found["Walking"].values()} == {"w.bvh"}
    assert {path.name for path in found["Posing"].values()} == {"a.bvh", "b.bvh"}
    assert assign_files(out, ["Posing"])["Posing"] == found["Posing"]  # whatever else is asked for


@pytest.mark.parametrize(
    ("name", "actions", "message"),
    [
        ("notes.txt", ["Posing"], "no .bvh files"),
        ("Posing/notes.txt", ["Posing"], "Posing: no .bvh files"),
        ("Posing/a.bvh", ["Posing", "Eating"], "Eating: no .bvh files; of .* a subfolder each"),
        ("a.bvh", ["Posing", "Eating"], "Posing: no .bvh files; of several actions"),
    ],
)
def test_missing_files_are_an_error(folder, name, actions, message):
    with pytest.raises(UserError, match=message):
        assign_files(folder(name), actions)


def test_the_provenance_holds_files_and_map(folder):
    out = folder("x/a.bvh", "x/bb.bvh")
    found = motion_provenance(out, assign_files(out, ["Posing"]), {"Head": "skull"})
    assert json.loads(json.dumps(found)) == found
    assert found["takes"]["Posing"]["S11 2"] == "x/bb.bvh"
    assert len(found["takes"]["Posing"]) == 14
    assert found["sha256"].keys() == {"x/a.bvh", "x/bb.bvh"}
    assert found["joint_map"] == {"Head": "skull"}
