import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings import legacy_mat as prepared
from tests.recordings.legacy_mat.written import N, drawn, extract, find, given, stored, write


def test_orders_that_cannot_be_told_are_asked_for(tmp_path):
    values = drawn()
    values["images"][:, 40:80, 2:126] = values["images"][:, 2:126, 40:80].transpose(0, 2, 1)  # a cross
    write(tmp_path / "Walking", stored(values))
    with pytest.raises(UserError, match=r"cannot tell the order of its pixels: .*give --pixel-order"):
        find(tmp_path)
    (recording,) = find(tmp_path, pixel_order="columns")
    samples, _ = extract(recording)
    np.testing.assert_array_equal(samples["images"], values["images"].transpose(0, 2, 1))
    np.testing.assert_array_equal(given(samples), values["labels"].transpose(0, 1, 3, 2))
    assert recording.options == {"pixel_order": "columns", "window_order": "columns"}


def test_half_of_the_votes_decide_nothing(tmp_path):
    values = drawn()
    values["images"][:35] = values["images"][:35].transpose(0, 2, 1)
    write(tmp_path / "Walking", stored(values))
    with pytest.raises(
        UserError, match="of its pixels: of 32 samples 16 show an upright person if stored by"
    ):
        find(tmp_path)


def test_orders_are_told_apart_and_once_for_the_folder(tmp_path):
    """The windows by rows, the pixels by columns; one file of three is of people who lie."""
    for subject in ("S1", "S5", "S11"):
        values = drawn()
        if subject == "S1":
            values["images"] = values["images"].transpose(0, 2, 1)
        write(tmp_path / "Lying", stored(values) | {"images": stored(values, "columns")["images"]}, subject)
    recordings = find(tmp_path)
    assert [recording.subject for recording in recordings] == ["S1", "S5", "S11"]
    assert {(r.pixel_order, r.window_order) for r in recordings} == {("columns", "rows")}


def test_a_file_of_no_use_costs_itself_only(tmp_path):
    for subject in ("S1", "S5", "S6"):
        write(tmp_path / "Walking", stored(drawn()), subject)
    damaged = tmp_path / "Walking" / "pose_2DS5.mat"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    (tmp_path / "Walking" / "pose_3DS6.mat").unlink()
    recordings, lines = prepared.find_prepared(tmp_path, ["Walking", "Eating"])
    assert [recording.subject for recording in recordings] == ["S1", "S5"]
    assert lines[0] == f"S6 Walking: left out, lacks {tmp_path / 'Walking' / 'pose_3DS6.mat'}"
    assert lines[1] == "Eating: left out, there are no prepared files"
    assert len(extract(recordings[0])[0]["frame"]) == N
    with pytest.raises(UserError, match=r"pose_2DS5\.mat: cannot be read as a MATLAB file of v7\.3"):
        extract(recordings[1])
    with pytest.raises(
        UserError, match="holds no prepared files of what is asked for; there are: S1 Walking"
    ):
        find(tmp_path, subjects=["S11"])


def test_the_folder_of_one_action_will_do(tmp_path):
    write(tmp_path / "Walking", stored(drawn()))
    assert prepared.is_prepared(tmp_path)
    assert prepared.is_prepared(tmp_path / "Walking")
    assert not prepared.is_prepared(tmp_path.parent)
    assert find(tmp_path / "Walking") == find(tmp_path)
