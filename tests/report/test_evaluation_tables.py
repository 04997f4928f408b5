import numpy as np

from pose3d.evaluation.evaluate import evaluate_poses
from pose3d.report import evaluation_tables
from pose3d.skeleton import JOINTS


def results_of(step, **keys):
    """Frames wrong by `step` mm in all joints but the pelvis; the mean pose is 1 mm worse."""
    truths = np.random.default_rng(0).normal(0, 300, (len(step), 17, 3))
    wrong = np.zeros((len(step), 17, 3))
    wrong[:, 1:, 0] = np.reshape(step, (-1, 1))
    worse = wrong + np.where(wrong > 0, 1, 0)
    return evaluate_poses(truths + wrong, truths, keys, {"mean_pose": truths + worse})


def rows(table):
    return [line.split() for line in str(table).splitlines()[2:]]


def test_the_rows_of_the_joint_table_are_the_joints():
    table = evaluation_tables.joint_table(results_of([17.0, 51.0, 34.0]))
    found = rows(table)
    assert len(found) == 17 + 1
    assert found[0][:5] == ["pelvis", "0.0", "0.0", "0.0", "0.0"]
    assert found[2][:6] == ["right", "knee", "34.0", "34.0", "13.9", "49.3"]
    assert found[2][-1] == "35.0"
    assert found[-1][:5] == ["all", "32.0", "32.0", "13.1", "46.4"]
    assert str(table).splitlines()[0].split("  ")[-1] == "mean pose"


def test_groups_are_those_that_occur_and_the_whole_is_no_mean_of_means():
    results = results_of(
        np.array([10.0, 20, 30, 60]) * 17 / 16,
        take=np.array([2, 1, 1, 1]),
        camera=np.array([7, 7, 7, 8]),
        frame=np.array([0, 1, 2, 3]),
    )
    by = {table.title: rows(table) for table in evaluation_tables.tables(results)}
    found = by["By recording"]
    assert [row[:4] + row[-1:] for row in found] == [
        ["1", "7", "2", "25.0", "25.9"],
        ["1", "8", "1", "60.0", "60.9"],
        ["2", "7", "1", "10.0", "10.9"],
        ["all", "4", "30.0", found[-1][3], "30.9"],
    ]
    assert "By subject" not in by
    assert [row[:3] for row in by["By take"]] == [
        ["1", "3", "36.7"],
        ["2", "1", "10.0"],
        ["all", "4", "30.0"],
    ]
    assert [row[:3] for row in by["By camera"]] == [
        ["7", "3", "20.0"],
        ["8", "1", "60.0"],
        ["all", "4", "30.0"],
    ]


def test_both_averages_are_named():
    action = np.array(["Eating", "Walking", "Walking", "Walking"])
    results = results_of(np.array([10.0, 20, 30, 60]) * 17 / 16, action=action, subject=np.full(4, "S9"))
    found = {
        line.split("  ")[0]: line.split()
        for line in str(evaluation_tables.summary_table(results)).splitlines()[2:]
    }
    assert found["over frames"][2] == "30.0"
    assert found["over actions (2)"][3] == "23.3"
    assert found["mean pose, over frames"][4] == "30.9"
    headline = "MPJPE 30.00 mm (mean pose 30.94 mm) on S9, 4 frames"
    assert evaluation_tables.headline(results) == headline


def test_without_keys_and_baselines_the_tables_hold_what_there_is():
    truths = np.random.default_rng(0).normal(0, 300, (2, 17, 3))
    results = evaluate_poses(truths + 3, truths, {}) | {"note": "no camera"}
    text = evaluation_tables.text(results)
    assert "note: no camera\n" in text
    assert "mean pose" not in text
    assert "camera " not in text
    assert evaluation_tables.headline(results) == "MPJPE 0.00 mm (as it stands 5.20 mm), 2 frames"


def test_many_recordings_are_left_to_the_file():
    many = evaluation_tables.SHOWN_RECORDINGS + 1
    columns = {"take": np.arange(many), "camera": np.full(many, 5), "action": np.full(many, "Walking")}
    text = evaluation_tables.text(results_of(np.ones(many), **columns))
    assert "action   take  camera" not in text
    few = {name: values[1:] for name, values in columns.items()}
    assert "action   take  camera" in evaluation_tables.text(results_of(np.ones(many - 1), **few))


def test_the_detection_table_shows_a_joint_that_has_no_window():
    scores = {"f1": 0.5, "ap": 0.625} | {f"{name} {joint}": 0.25 for joint in JOINTS for name in ("f1", "ap")}
    found = rows(evaluation_tables.detection_table(scores | {"ap head": None}))
    assert found[JOINTS.index("head")] == ["head", "0.250"]
    assert found[0] == ["pelvis", "0.250", "0.250"]
    assert found[-1] == ["mean", "0.500", "0.625"]
