import pytest

from pose3d.errors import UserError
from tests.recordings.custom.drawn import (
    ANNOTATED,
    POSES,
    row_of,
    sample,
    write_table,
)


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
        ({"frame": "9" * 5000}, r"j\.csv, line 3, column frame: is '9+\.\.\.9+', not a whole number"),
        ({"frame": "f1.png"}, r"j\.csv, line 3, column frame: is the same frame as in line 2"),
        ({"frame": "f77.png"}, r"j\.csv, line 3, column frame: is 'f77.png', which is no image"),
        ({"frame": "12"}, r"j\.csv, line 3, column frame: is '12', not a whole number from 0 to 11"),
        (
            without("left_hip_X", "head_Z"),
            r"j\.csv: lacks the column\(s\) left_hip_X, head_Z; training needs all 17",
        ),
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
