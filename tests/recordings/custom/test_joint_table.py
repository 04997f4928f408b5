import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.custom.joint_table import read_joints
from tests.recordings.custom.drawn import ANNOTATED, POSES, row_of, sample, write_table


def spoiled(folder, change, rows=None):
    """The table with the row of line 3 changed by a dict or a function of it."""
    rows = [row_of(i, f"f{i}.png") for i in ANNOTATED]
    rows[1] = change(rows[1]) if callable(change) else rows[1] | change
    if rows[1].keys() != rows[0].keys():
        rows = [{key: row.get(key, "") for key in rows[1]} for row in rows]
    write_table(folder / "j.csv", rows)


def without(*names):
    return lambda row: {key: value for key, value in row.items() if key not in names}


BOX = {"box_x0": 1, "box_y0": 2, "box_x1": 30, "box_y1": 40}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"right_hip_x": "12a"}, r"j\.csv, line 3, column right_hip_x: is '12a', not a number"),
        ({"head_Z": ""}, r"j\.csv, line 3, column head_Z: is empty"),
        ({"head_Z": "nan"}, r"j\.csv, line 3, column head_Z: is 'nan', not a number"),
        ({"head_x": "-inf"}, r"j\.csv, line 3, column head_x: is '-inf', not a number"),
        ({"head_Z": "1e308"}, r"j\.csv, line 3, column head_Z: is '1e308', beyond 100000"),
        ({"head_Z": "9" * 5000}, r"j\.csv, line 3, column head_Z: is '9+\.\.\.9+', not a number"),
        ({"head_x": "-2e5"}, r"j\.csv, line 3, column head_x: is '-2e5', beyond 100000"),
        ({"head_x": "\0"}, r"j\.csv, line 3, column head_x: is '.x00', not a number"),
        ({"frame": "9" * 5000}, r"j\.csv, line 3, column frame: is '9{200}', which is no image"),
        ({"frame": "f1.png"}, r"j\.csv, line 3, column frame: is the same frame as in line 2"),
        ({"frame": "f77.png"}, r"j\.csv, line 3, column frame: is 'f77.png', which is no image"),
        ({"frame": "12"}, r"j\.csv, line 3, column frame: is '12', which is no image .* from 0 to 11"),
        (without("neck_X", "head_Z"), r"j\.csv: lacks the column\(s\) neck_X, head_Z; training needs all 17"),
        (without("left_hip_y"), r"j\.csv: lacks the column\(s\) left_hip_y$"),
        (lambda row: row | {"box_x0": 3}, r"j\.csv: has some of the columns box_x0, .* but not all"),
        (lambda row: row | BOX | {"box_x1": "1"}, r"j\.csv, line 3, column box_x1: is 1, not above 1"),
        (lambda row: row | BOX | {"box_y0": "1.5"}, r"j\.csv, line 3, column box_y0: is '1.5', not a whole"),
        (lambda row: row | BOX | {"box_y1": "97"}, r"j\.csv, line 3, column box_y1: is 97, beyond .* 96 px"),
    ],
)
def test_a_bad_cell_is_named(folder, change, message):
    spoiled(folder, change)
    with pytest.raises(UserError, match=message):
        sample(folder)


@pytest.mark.parametrize(("unit", "factor"), [("m", 1000), ("cm", 10)])
def test_other_units_are_not_taken_for_millimetres(folder, monkeypatch, unit, factor):
    monkeypatch.setattr("tests.recordings.custom.drawn.POSES", POSES / factor)
    write_table(folder / "j.csv", [row_of(i, f"f{i}.png") for i in ANNOTATED])
    message = rf"j\.csv: in 3D, the joints .* look like {unit}, not mm; multiply by {factor}$"
    with pytest.raises(UserError, match=message):
        sample(folder)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["a0.png", "a1.png", "a2.png"], [0, 1, 2]),
        (["0001.png", "0002.png", "0003.png"], [1, 2, 3]),
        (["cam2_010.png", "cam2_020.png", "cam2_030.png"], [10, 20, 30]),
        (["f_2024.png", "g_2024.png", "h_2024.png"], [0, 1, 2]),
        (["a.png", "b.png", "c.png"], [0, 1, 2]),
        (["a.png", "b1.png", "b2.png"], [0, 1, 2]),
    ],
)
def test_the_numbers_in_names_are_the_frame_numbers(tmp_path, names, numbers):
    for frames in (names, numbers):
        write_table(tmp_path / "j.csv", [row_of(i, frame) for i, frame in enumerate(frames)])
        found = read_joints(tmp_path / "j.csv", names)
        np.testing.assert_array_equal(found.numbers, [0, 1, 2])
        np.testing.assert_array_equal(found.poses_3d, POSES[:3])
    write_table(tmp_path / "j.csv", [row_of(0, numbers[2] + 1)])
    with pytest.raises(UserError, match=f"column frame: is '.*', .* from {numbers[0]} to {numbers[2]}$"):
        read_joints(tmp_path / "j.csv", names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line names the columns"),
        ("frame,frame\n1,1\n", "has two columns 'frame'"),
        ("frame\n\n# none\n1,2\n", "line 4: has 2 cells for 1 columns"),
        (b"frame\n\xff\xfe\n", "is not a CSV file in UTF-8"),
        (",".join(row_of(0, "0")), "has no row"),
    ],
)
def test_a_table_that_is_none_is_named(folder, text, message):
    (folder / "j.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=rf"j\.csv.*{message}"):
        sample(folder)
