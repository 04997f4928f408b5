from pose3d.io.tables import text_table


def test_text_is_left_and_numbers_are_right():
    table = text_table(["name", "n", "mm"], [["a", 5, 1.25], ["longer", 1000, None]])
    assert table.splitlines() == [
        "name       n   mm",
        "------  ----  ---",
        "a          5  1.2",
        "longer  1000",
    ]
