import pytest

from pose3d.recordings.human36m import CAMERAS, POSES, SUB_ACTIONS, read_poses_2d, verdicts_on, write_poses
from pose3d.recordings.human36m.tree_checks import COLUMNS, verify_raw
from tests.recordings.written import rename_takes, write_gray_video

TWELVE = dict.fromkeys(SUB_ACTIONS, 12)


def verify(tree, actions, subjects, cameras=CAMERAS, expected=TWELVE, metadata=None, verdicts=None):
    verdicts = verdicts_on(False, {}) if verdicts is None else verdicts
    return verify_raw(tree, actions, subjects, cameras, verdicts, expected, metadata)


def row(found, subject, action="Walking"):
    return next(dict(zip(COLUMNS, r, strict=True)) for r in found.rows if r[:2] == (subject, action))


def test_a_sound_tree_has_a_row_for_each_subject_and_no_fault(raw_tree):
    found = verify(raw_tree, ["Walking"], ["S1", "S5", "S11"])
    assert (found.faults, found.notes) == ([], [])
    assert [r[:2] for r in found.rows] == [(s, "Walking") for s in ("S1", "S5", "S11")]
    for subject in ("S1", "S5", "S11"):
        r = row(found, subject)
        assert (r["takes"], r["recordings"], r["poses"], r["expected"]) == (2, 8, 96, 96)
        assert (r["frames"], r["boxes"], r["masks"]) == (96 + 22, 96, 96)
        assert (r["in box %"], r["verdict"]) == (100, "ok")
        assert r["in mask %"] > 95
        assert r["miss px"] < 1e-4


def test_the_poses_are_held_against_the_table_of_human36m(raw_tree):
    found = verify(raw_tree, ["Walking"], ["S1"], CAMERAS[:1], POSES)
    assert row(found, "S1")["expected"] == 3476 + 3134
    assert [fault.partition(":")[2] for fault in found.faults] == [
        " 12 poses, not 3476; extract it again",
        " 12 poses, not 3134; extract it again",
    ]
    assert row(found, "S1")["verdict"] == "2 faults"


def test_what_is_missing_is_a_fault_of_its_row(tree):
    (tree / "S1/MySegmentsMat/ground_truth_bb/Walking.55011271.mat").unlink()
    (tree / "S1/Videos/Walking 1.54138969.mp4").unlink()
    (tree / "S1/Videos/_ALL.54138969.mp4").touch()  # a calibration sequence, none of our business
    found = verify(tree, ["Walking", "Eating"], ["S1", "S5"])
    assert found.faults == [
        "S1 Walking take 1 (Walking 1) camera 54138969: skipped, lacks S1/Videos/Walking 1.54138969.mp4",
        "S1 Walking take 2 (Walking) camera 55011271: has no boxes, "
        "lacks S1/MySegmentsMat/ground_truth_bb/Walking.55011271.mat",
        "S1 Eating take 1 (Eating 2): skipped, none of its files is there",
        "S1 Eating take 2 (Eating): skipped, none of its files is there",
        f"S5: skipped, there is no folder {tree / 'S5'}",
    ]
    assert (row(found, "S1")["recordings"], row(found, "S1")["verdict"]) == (7, "2 faults")
    assert (row(found, "S1")["poses"], row(found, "S1")["expected"]) == (84, 96)
    for missing in (row(found, "S1", "Eating"), row(found, "S5"), row(found, "S5", "Eating")):
        assert (missing["recordings"], missing["poses"], missing["verdict"]) == (0, None, "missing")


def test_what_a_rule_drops_is_neither_checked_nor_missed(tree):
    rename_takes(tree, "S9", "Greeting")
    video = tree / "S9/Videos/Greeting.54138969.mp4"
    video.write_bytes(b"")
    (tree / "S9/Videos/Greeting.55011271.mp4").unlink()
    found = verify(tree, ["Greeting"], ["S9"])
    assert found.faults == []
    assert [note.split(":")[0] for note in found.notes] == ["rule s9-shifted-poses"]
    r = row(found, "S9", "Greeting")
    assert (r["takes"], r["recordings"], r["poses"], r["expected"], r["verdict"]) == (1, 4, 48, 48, "ok")

    found = verify(tree, ["Greeting"], ["S9"], verdicts=verdicts_on(False, {"s9-shifted-poses": "keep"}))
    assert [fault.split(":")[0] for fault in found.faults] == [
        "S9 Greeting take 2 (Greeting) camera 55011271",
        str(video),
    ]
    assert row(found, "S9", "Greeting")["verdict"] == "2 faults"


def test_a_user_may_have_removed_what_a_rule_drops(tree):
    rename_takes(tree, "S11", "Directions")
    for path in list(tree.rglob("Directions.54138969.*")):
        path.unlink()  # as many have done
    found = verify(tree, ["Directions"], ["S11"], ["54138969"])
    assert (found.faults, row(found, "S11", "Directions")["recordings"]) == ([], 1)
    found = verify(tree, ["Directions"], ["S11"])
    assert (found.faults, row(found, "S11", "Directions")["expected"]) == ([], 7 * 12)
    found = verify(tree, ["Directions"], ["S11"], verdicts={})
    assert found.faults == ["S11 Directions take 2 (Directions) camera 54138969: skipped, lacks "
        "S11/Videos/Directions.54138969.mp4, S11/MyPoseFeatures/D2_Positions/Directions.54138969.cdf, "
        "S11/MyPoseFeatures/D3_Positions_mono/Directions.54138969.cdf"]  # fmt: skip


def test_short_captures_of_s9_are_expected_there_and_only_there(tree):
    rename_takes(tree, "S9", "Walking")
    for name in ("Walking 1", "Walking"):
        write_gray_video(tree / f"S9/Videos/{name}.55011271.mp4", 40)
    found = verify(tree, ["Walking"], ["S9"])
    assert len(found.faults) == 1
    assert "Walking 1.55011271.mp4: 28 frames more than poses" in found.faults[0]
    assert [note.split(",")[0] for note in found.notes] == ["rule s9-short-capture: 4 recording(s) kept"]
    assert len(verify(tree, ["Walking"], ["S9"], verdicts={}).faults) == 2


def test_actions_without_a_known_number_are_shown_as_such(tree):
    rename_takes(tree, "S6", "Sitting")
    found = verify(tree, ["Sitting"], ["S6"], expected=POSES)
    assert found.faults == []
    assert row(found, "S6", "Sitting")["expected"] is None
    assert found.notes == ["no number of poses is known for Sitting: the column expected stays empty"]


def test_metadata_is_the_trees_own_or_that_given_or_its_absence_is_noted(tree, tmp_path):
    (tree / "metadata.xml").rename(tmp_path / "elsewhere.xml")
    found = verify(tree, ["Walking"], ["S1"])
    assert (found.faults, row(found, "S1")["miss px"]) == ([], None)
    assert found.notes[0].startswith(f"there is no {tree / 'metadata.xml'}: 3D poses are not checked")
    given = tmp_path / "elsewhere.xml"
    found = verify(tree, ["Walking"], ["S1"], metadata=given)
    assert (found.notes, row(found, "S1")["miss px"] < 1e-4) == ([], True)
    given.write_text("<broken")
    found = verify(tree, ["Walking"], ["S1"], metadata=given)
    assert len(found.faults) == 1
    assert found.faults[0].startswith(f"{given}: cannot be read as XML")
    assert row(found, "S1")["poses"] == 96  # the check went on


def test_the_worst_recording_makes_the_row(tree):
    path = tree / "S1/MyPoseFeatures/D2_Positions/Walking.58860488.cdf"
    write_poses(path, read_poses_2d(path) + 3)
    found = verify(tree, ["Walking"], ["S1"])
    assert row(found, "S1")["miss px"] == pytest.approx(3 * 2**0.5, abs=1e-3)
    assert (len(found.faults), row(found, "S1")["verdict"]) == (1, "1 fault")
