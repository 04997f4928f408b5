import pytest

from pose3d.errors import UserError
from pose3d.io.tables import read_table, text_table


def test_text_is_left_and_numbers_are_right():
    table = text_table(["name", "n", "mm"], [["a", 5, 1.25], ["longer", 1000, None]])
    assert table.splitlines() == [
        "name       n   mm",
        "------  ----  ---",
        "a          5  1.2",
        "longer  1000",
    ]


def test_comments_are_skipped_but_no_row_whose_first_cell_begins_like_one(tmp_path):
    text = "# made by hand, twice\n\n#\npicture,x\n#1.png,5\n# a remark\n# one, or, another\n2.png,6\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    columns, rows = read_table(tmp_path / "a.csv")
    assert columns == ("picture", "x")
    assert [(row.line, row.text("picture"), row.text("x")) for row in rows] == [
        (5, "#1.png", "5"),
        (8, "2.png", "6"),
    ]
    for text in ("# nothing\n", "\n"):
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"a\.csv: is empty"):
            read_table(tmp_path / "a.csv")
