import pytest

from pose3d.errors import UserError
from pose3d.recordings.legacy_mat import find_recordings, is_legacy
from tests.recordings.legacy_mat.written import N, drawn, find, stored, write
from tests.recordings.sampled import sample


def test_a_file_of_no_use_costs_itself_only(tmp_path):
    for subject in ("S1", "S5", "S6"):
        write(tmp_path / "Walking", stored(drawn()), subject)
    damaged = tmp_path / "Walking" / "pose_2DS5.mat"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    (tmp_path / "Walking" / "pose_3DS6.mat").unlink()
    recordings, lines = find_recordings(tmp_path, ["Walking", "Eating"])
    assert [recording.subject for recording in recordings] == ["S1", "S5"]
    assert lines[0] == f"S6 Walking: skipped, lacks {tmp_path / 'Walking' / 'pose_3DS6.mat'}"
    assert lines[1] == "Eating: skipped, there are no legacy .mat files"
    assert len(sample(recordings[0])[0]["frame"]) == N
    with pytest.raises(UserError, match=r"pose_2DS5\.mat: is cut short"):
        sample(recordings[1])
    with pytest.raises(
        UserError, match="holds no legacy .mat files of the actions and subjects asked for, only: S1 Walking"
    ):
        find(tmp_path, subjects=["S11"])


def test_the_folder_of_one_action_will_do(tmp_path):
    write(tmp_path / "Walking", stored(drawn()))
    assert is_legacy(tmp_path)
    assert is_legacy(tmp_path / "Walking")
    assert not is_legacy(tmp_path.parent)
    assert find(tmp_path / "Walking") == find(tmp_path)
