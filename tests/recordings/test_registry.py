import pytest

from pose3d.errors import UserError
from pose3d.recordings import human36m
from pose3d.recordings.custom import CustomRecording
from pose3d.recordings.registry import CUSTOM, RAW, Selection, kind_of


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if "." not in path.name else path.write_bytes(b"")
    return folder


@pytest.mark.parametrize(("name", "kind"), [("S7", RAW), ("recordings.csv", CUSTOM)])
def test_a_folder_is_known_by_what_it_holds(tmp_path, name, kind):
    assert kind_of(make(tmp_path / "here", name)) is kind


def test_what_is_of_no_kind_is_shown_all_kinds(tmp_path):
    with pytest.raises(UserError) as caught:
        kind_of(make(tmp_path / "here", "Walking/pose_3DS1.mat", "T1"))
    for kind in (RAW, CUSTOM):
        assert f"{kind.sign} ({kind.name})" in str(caught.value)
    with pytest.raises(UserError, match="nowhere is no folder; give the one that holds S1"):
        kind_of("nowhere")


def test_what_is_of_two_kinds_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"looks like a raw Human3\.6M tree and a folder of custom record"):
        kind_of(make(tmp_path / "here", "S1", "recordings.csv"))


def test_a_raw_tree_gives_walking_of_all_unless_asked(raw_tree):
    recordings, lines = RAW.find(raw_tree, Selection())
    assert recordings == human36m.find_recordings(raw_tree)[0]
    assert any("S6: skipped" in line for line in lines)
    some, _ = RAW.find(raw_tree, Selection(["Walking"], ["S5"], ["54138969"]))
    assert [str(recording) for recording in some] == [
        "S5 Walking take 1 (Walking 1) camera 54138969", "S5 Walking take 2 (Walking) camera 54138969",
    ]  # fmt: skip
    with pytest.raises(UserError, match="no action 'Dancing'"):
        RAW.find(raw_tree, Selection(["Dancing"]))


def test_actions_of_other_sources_are_any():
    assert Selection().action_names() is Selection(["Dancing", "all"]).action_names() is None
    names = Selection(["Dancing", "report", "Walking"]).action_names()
    assert names == ["Dancing", *human36m.REPORT_ACTIONS]


def test_provenance_lists_the_files_in_an_order_that_stays(raw_tree, tmp_path):
    """Built files are reused only while it does."""
    recording = RAW.find(raw_tree, Selection())[0][0]
    assert recording.files == tuple(
        getattr(recording, name) for name in ("video", "poses_2d", "poses_3d", "boxes", "masks")
    )
    paths = [tmp_path / name for name in "abc"]
    assert CustomRecording("a", "Walk", 1, "0", *paths).files == tuple(paths)
