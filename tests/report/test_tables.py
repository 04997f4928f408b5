import numpy as np

from pose3d.report.tables import group_table, joint_table, text_table


def test_text_is_left_and_numbers_are_right():
    table = text_table(["name", "n", "mm"], [["a", 5, 1.25], ["longer", 1000, None]])
    assert table.splitlines() == [
        "name       n   mm",
        "------  ----  ---",
        "a          5  1.2",
        "longer  1000",
    ]


def test_the_rows_of_the_joint_table_are_the_joints():
    errors = np.arange(17.0) * np.array([[1.0], [3.0], [2.0]])
    lines = joint_table(errors, 2 * errors).splitlines()
    assert len(lines) == 2 + 17 + 1
    assert lines[2].split() == ["pelvis", "0.0", "0.0", "0.0", "0.0"]
    assert lines[4].split() == ["right", "knee", "4.0", "4.0", "5.8", "8.0"]
    assert lines[-1].split() == ["all", "16.0", "16.0", "23.2", "32.0"]


def test_groups_are_those_that_occur_and_the_whole_is_no_mean_of_means():
    errors = np.repeat([[10.0], [20.0], [30.0], [60.0]], 17, axis=1)
    table = group_table(errors, errors + 1, take=np.array([2, 1, 1, 1]), camera=np.array([7, 7, 7, 8]))
    rows = [line.split() for line in table.splitlines()[2:]]
    assert [row[:4] + row[-1:] for row in rows] == [
        ["1", "7", "2", "25.0", "26.0"],
        ["1", "8", "1", "60.0", "61.0"],
        ["2", "7", "1", "10.0", "11.0"],
        ["all", "4", "30.0", rows[-1][3], "31.0"],
    ]
