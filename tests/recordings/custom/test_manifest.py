import pytest

from pose3d.errors import UserError
from pose3d.recordings import custom
from tests.recordings.custom.drawn import ROW, write_recordings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "anna-lena"}, r"line 2, column subject: is 'anna-lena'; the name must not contain '-'"),
        ({"action": "a/b"}, "line 2, column action: is 'a/b'"),
        ({"action": ".a"}, "line 2, column action: is '.a'; the name must not begin with a dot"),
        ({"take": "0"}, "line 2, column take: is '0', not a whole number from 1 to 127"),
        ({"camera": "left"}, "line 2, column camera: is 'left', not a whole number"),
        ({"camera": "9" * 5000}, r"line 2, column camera: is '9+\.\.\.9+', not a whole number"),
        ({"subject": "a\0b"}, r"line 2, column subject: is 'a.x00b'; the name must not contain"),
        ({"images": "a\0b"}, r"line 2, column images: there is no "),
        ({"subject": " "}, "line 2, column subject: is empty"),
        ({"images": "nowhere"}, "line 2, column images: there is no .*nowhere"),
        ({"joints": "frames"}, "line 2, column joints: .*frames is no file"),
        ({"masks": "j.csv"}, "line 2, column masks: .*j.csv is no folder"),
        ({"mask": "masks"}, "recordings.csv: has an unknown column 'mask'; the columns are subject, action"),
    ],
)
def test_a_bad_list_is_named(folder, change, message):
    write_recordings(folder, [ROW | change])
    with pytest.raises(UserError, match=message):
        custom.find_recordings(folder)


def test_recordings_are_chosen_by_name(folder):
    rows = [
        ROW,
        ROW | {"camera": "8"},
        ROW | {"subject": "ben"},
        ROW | {"subject": "ben", "action": "Walking"},
    ]
    write_recordings(folder, rows)
    assert [str(recording) for recording in custom.find_recordings(folder)] == [
        "anna Dancing take 2 camera 7", "anna Dancing take 2 camera 8",
        "ben Dancing take 2 camera 7", "ben Walking take 2 camera 7",
    ]  # fmt: skip
    assert len(custom.find_recordings(folder, ["Dancing"], ["anna"], ["8"])) == 1
    with pytest.raises(UserError, match="lists no subject 'S1', only anna, ben"):
        custom.find_recordings(folder, subjects=["S1"])
    with pytest.raises(UserError, match="lists no recording of the actions, subjects and cameras asked for"):
        custom.find_recordings(folder, ["Walking"], ["anna"])
    write_recordings(folder, [*rows, ROW | {"camera": "07"}])
    with pytest.raises(UserError, match="line 6: repeats anna Dancing take 2 camera 7 of line 2"):
        custom.find_recordings(folder)
