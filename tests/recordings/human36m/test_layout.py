import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, find_recordings

# Folder -> ending.
OFFICIAL = {
    "Videos": "mp4", "MyPoseFeatures/D2_Positions": "cdf", "MyPoseFeatures/D3_Positions_mono": "cdf",
    "MySegmentsMat/ground_truth_bb": "mat", "MySegmentsMat/ground_truth_bs": "mat",
}  # fmt: skip
STRIPPED = {
    "Videos": "mp4", "Poses_D2_Positions": "cdf", "Poses_D3_Positions_mono": "cdf",
    "Segments_mat_gt_bb": "mat", "Segments_mat_gt_bs": "mat",
}  # fmt: skip


def touch(root, subject, name, layout):
    for folder, ending in layout.items():
        for camera in CAMERAS:
            path = root / subject / folder / f"{name}.{camera}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.mark.parametrize("layout", [OFFICIAL, STRIPPED])
def test_both_layouts_are_found_complete(tmp_path, layout):
    touch(tmp_path, "S7", "Walking 1", layout)
    touch(tmp_path, "S7", "Walking 2", layout)
    recordings, problems = find_recordings(tmp_path, subjects=["S7"])
    assert problems == []
    assert [(r.take, r.camera) for r in recordings] == [(t, c) for t in (1, 2) for c in CAMERAS]
    first = recordings[0]
    assert first.masks == tmp_path / "S7" / list(layout)[4] / "Walking 1.54138969.mat"
    assert str(first) == "S7 Walking take 1 (Walking 1) camera 54138969"


def test_aliases_reach_the_names_of_each_subject(tmp_path):
    touch(tmp_path, "S1", "TakingPhoto 1", OFFICIAL)
    touch(tmp_path, "S5", "Photo 2", OFFICIAL)
    recordings, problems = find_recordings(tmp_path, ["Photo"], ["S1", "S5"], CAMERAS[:1])
    assert [(r.subject, r.action, r.take, r.name) for r in recordings] == [
        ("S1", "TakingPhoto", 1, "TakingPhoto 1"),
        ("S5", "TakingPhoto", 2, "Photo 2"),
    ]
    assert problems == [
        "S1 TakingPhoto take 2 (TakingPhoto): skipped, none of its files is there",
        "S5 TakingPhoto take 1 (Photo): skipped, none of its files is there",
    ]


def test_names_are_matched_whole(tmp_path):
    touch(tmp_path, "S5", "SittingDown", OFFICIAL)
    touch(tmp_path, "S5", "Sitting 1", OFFICIAL)
    recordings, _ = find_recordings(tmp_path, ["Sitting"], ["S5"])
    assert {r.name for r in recordings} == {"Sitting 1"}


def test_what_is_missing_is_named(tmp_path):
    touch(tmp_path, "S6", "Walking 1", OFFICIAL)
    touch(tmp_path, "S6", "Walking", OFFICIAL)
    (tmp_path / "S6/MyPoseFeatures/D2_Positions/Walking.55011271.cdf").unlink()
    (tmp_path / "S6/MySegmentsMat/ground_truth_bs/Walking 1.60457274.mat").unlink()
    (tmp_path / "S6/MySegmentsMat/ground_truth_bs/Walking 1.60457274.mp4").touch()  # not used
    recordings, problems = find_recordings(tmp_path, subjects=["S6", "S8"])
    assert len(recordings) == 7
    assert [r.masks for r in recordings if r.camera == "60457274" and r.take == 1] == [None]
    assert problems == [
        "S6 Walking take 1 (Walking 1) camera 60457274: has no masks, "
        "lacks S6/MySegmentsMat/ground_truth_bs/Walking 1.60457274.mat",
        "S6 Walking take 2 (Walking) camera 55011271: skipped, "
        "lacks S6/MyPoseFeatures/D2_Positions/Walking.55011271.cdf",
        f"S8: skipped, there is no folder {tmp_path / 'S8'}",
    ]


def test_a_wrong_folder_or_name_is_said_in_one_line(tmp_path):
    (tmp_path / "S9").mkdir()
    with pytest.raises(UserError, match=f"{tmp_path} holds no complete recording of Walking by S9"):
        find_recordings(tmp_path, subjects=["S9"])
    with pytest.raises(UserError, match="no subject 'S2'"):
        find_recordings(tmp_path, subjects=["S2"])
    with pytest.raises(UserError, match="no camera '1'"):
        find_recordings(tmp_path, cameras=["1"])
