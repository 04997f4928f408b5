"""Files of predictions: written, read again, and refused with one line if they are damaged."""

import json
import re

import h5py
import numpy as np
import pytest

from pose3d.dataset.built_files import built_path
from pose3d.dataset.samples import Dataset
from pose3d.errors import UserError
from pose3d.evaluation.pose_file_formats import FORMATS, KEYS, WRITERS
from pose3d.evaluation.pose_pairs import Pair, read_pair, write
from pose3d.skeleton import JOINTS


@pytest.fixture
def pair():
    """130 frames of float32 poses, more than a batch of text; among them numbers that are hard to print."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 300, (2, 130, 17, 3)).astype(np.float32)
    poses[0, 0, 1] = 1e-30, -np.float32(0.1), 12345.6789
    keys = {
        "action": np.array(["Walking"] * 100 + ["WalkTogether, 2"] * 30), "subject": np.array(["S11"] * 130),
        "take": np.repeat([1, 2], 65), "camera": np.full(130, 54138969), "frame": np.arange(130) * 5,
    }  # fmt: skip
    return Pair(*poses, keys)


def test_several_formats_are_written_once_each(tmp_path, pair):
    paths = write(tmp_path, ["json", "txt", "json"], pair)
    assert [path.name for path in paths] == ["predictions.json", "predictions.txt", "truths.txt"]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_written_is_read_again(tmp_path, pair, kind):
    paths = write(tmp_path / "new", [kind], pair)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    found = read_pair(*paths)  # of txt two files, of all others one
    np.testing.assert_array_equal(found.predictions.astype(np.float32), pair.predictions)
    np.testing.assert_array_equal(found.truths.astype(np.float32), pair.truths)
    if kind == "txt":
        assert found.keys == {}
    else:
        assert list(found.keys) == list(KEYS)
        for name, values in found.keys.items():
            np.testing.assert_array_equal(values, pair.keys[name])
    assert paths[0].suffix == ".npz" or f"{JOINTS[-1]}" in paths[0].read_text()


@pytest.mark.parametrize("kind", ["json", "csv", "txt"])
def test_a_byte_order_mark_is_skipped(tmp_path, pair, kind):
    paths = write(tmp_path, [kind], pair)
    for path in paths:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        if kind == "txt":  # without the comment, the first list follows the mark
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().partition(b"\n")[2])
    np.testing.assert_array_equal(read_pair(*paths).truths.astype(np.float32), pair.truths)


def test_keys_that_are_not_known_are_not_written(tmp_path, pair):
    for kind in ("npz", "csv", "json"):
        (path,) = write(tmp_path, [kind], Pair(pair.predictions, pair.truths, {"frame": np.arange(130)}))
        assert list(read_pair(path).keys) == ["frame"]
        (path,) = write(tmp_path, [kind], Pair(pair.predictions, pair.truths, {}))
        assert read_pair(path).keys == {}


def test_joints_in_another_order_are_put_into_ours(tmp_path, pair):
    turned = np.arange(17)[::-1]
    names = [JOINTS[j] for j in turned]
    np.savez(tmp_path / "a.npz", poses=pair.predictions[:, turned], joints=names)
    np.savez(tmp_path / "b.npz", anything=pair.truths[:, turned].reshape(130, 51), joints=names)
    found = read_pair(tmp_path / "a.npz", tmp_path / "b.npz")
    np.testing.assert_array_equal(found.predictions, pair.predictions)
    np.testing.assert_array_equal(found.truths, pair.truths)


def test_a_bare_list_and_an_array_of_any_name(tmp_path, pair):
    (tmp_path / "a.json").write_text(json.dumps(pair.predictions.reshape(130, 51).tolist()))
    np.savez(tmp_path / "b.npz", anything=pair.truths)
    found = read_pair(tmp_path / "a.json", tmp_path / "b.npz")
    np.testing.assert_array_equal(found.predictions, pair.predictions)
    np.testing.assert_array_equal(found.truths, pair.truths)


def zeros(*shape):
    return np.zeros(shape)


def saved(**arrays):
    return lambda path: np.savez(path, **arrays)


def text(content):
    return lambda path: path.write_text(content)


def cut(kind):
    """A file that we wrote, without its second half."""

    def spoil(path):
        whole, *_ = write(path.parent / "whole", [kind], Pair(zeros(9, 17, 3), zeros(9, 17, 3), {}))
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    return spoil


def table(*rows, columns=tuple(f"{joint} {axis}" for joint in JOINTS for axis in "xyz")):
    return text("\n".join(",".join(map(str, row)) for row in (columns, *rows)))


NOT_FINITE = zeros(5, 17, 3)
NOT_FINITE[3, 2, 1] = np.nan
ROW = str([1.0] * 51)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("a.npz", lambda path: None, "no such file"),
        ("a.npy", text("x"), "unknown suffix; convert it to one of .npz, .csv, .json, .txt"),
        *((f"a.{kind}", text(""), "the file is empty; write it again") for kind in FORMATS),
        ("a.npz", saved(a=zeros(0, 17, 3)), "no frames; write it again"),
        ("a.csv", table(), "no frames; write it again"),
        ("a.npz", cut("npz"), "not an npz file of plain arrays, or damaged"),
        ("a.json", cut("json"), "not JSON, or truncated"),
        ("a.txt", cut("txt"), "brackets do not match; the file is truncated or damaged"),
        ("a.csv", cut("csv"), "cells for 102 columns"),
        ("a.npz", saved(a=zeros(5, 16, 3)), "a has 16 x 3 numbers per frame; give 51 or 17 x 3"),
        ("a.json", text(str([[1.0] * 48] * 2)), "has 48 numbers per frame; give 51 or 17 x 3"),
        ("a.txt", text(f"[{ROW}, {str([1.0] * 50)}]"), "frame 2 has 50 numbers; give 51"),
        ("a.csv", table([0, 0], columns=("pelvis x", "pelvis y")), "column 'pelvis z' is missing"),
        ("a.csv", table([0], columns=("x",)), "the first line must name the columns 'pelvis x' and so on"),
        ("a.npz", saved(a=zeros(5, 17, 3), joints=JOINTS[:16]), "joints are pelvis, "),
        ("a.npz", saved(a=NOT_FINITE), "frame 4 of a: right knee has the coordinate nan, not"),
        ("a.txt", text(f"[{ROW}] [{ROW.replace('1.0', 'nan')}]"), "frame 2 of the text: pelvis has the"),
        ("a.csv", table([0] * 50 + ["nan"]), "line 2, column right wrist z: is 'nan', not a number"),
        ("a.txt", text(f"[{ROW.replace('1.0]', 'x]')}]"), "frame 1 holds something other than numbers"),
        ("a.json", text(str([[1.0] * 51, [1.0] * 50])), "frame 2 of the list differs in size"),
        ("a.json", text('[["x"]]'), "frame 1 of the list holds something other than numbers"),
        ("a.json", text('{"poses": 5}'), "poses is not a list"),
        ("a.npz", saved(a=np.array([object()])), "not an npz file of plain arrays, or damaged"),
        ("a.txt", text(ROW), "not batches of frames"),
        ("a.txt", text(f"array([{ROW}])"), "not batches of frames"),
        ("a.txt", lambda path: path.write_bytes(b"\xff\xfe\xff"), "not a text file"),
        ("a.npz", saved(a=zeros(5, 17, 3), b=zeros(5, 17, 3)), "holds a, b; call the array of poses"),
        ("a.npz", saved(joints=JOINTS), "holds no poses; call the array of poses predictions_mm"),
        ("a.npz", saved(a=zeros(5, 17, 3), take=np.ones(4, int)), "take has 4 entries for 5 frames"),
        ("a.npz", saved(a=zeros(5, 17, 3), take=np.ones(5)), "take must be a whole number for each frame"),
        ("a.json", text('{"a": [], "action": [1]}'), "action must be text for each frame"),
        ("a.json", text(r'{"a": [], "action": ["\ud800"]}'), "action must be text for each frame"),
        ("a.json", text('{"a": [], "take": [-1]}'), "take must lie in 0 to 1000000000"),
        ("a.json", text('{"a": [], "joints": [["pelvis"], 5]}'), "joints is no list of names"),
        ("a.json", text("[[1" + "0" * 4000 + "]]"), "frame 1 of the list holds something other than numbers"),
        ("a.json", text("[[1" + "0" * 5000 + "]]"), "not JSON"),
        ("a.json", text("[" * 10**5 + "]" * 10**5), "not JSON"),
        ("a.json", text("[" * 500 + "]" * 500), "frame 1 of the list holds something other than numbers"),
        ("a.npz", saved(a=zeros(5, 17, 3) + 1j), "a holds something other than numbers"),
        ("a.csv", table([0] * 50 + ["1e308"]), "right wrist has the coordinate 1e+308, not of"),
        ("a.txt", text(f"[{ROW}] [{ROW.replace('1.0', '1e6')}]"), "frame 2 of the text: pelvis has"),
        ("a.h5", text("x" * 999), "is no HDF5 file"),
    ],
)  # fmt: skip
def test_bad_files_are_refused(tmp_path, name, spoil, message):
    path, truth = tmp_path / name, tmp_path / "truth.npz"
    np.savez(truth, truths_mm=zeros(5, 17, 3))
    spoil(path)
    with pytest.raises(UserError) as raised:
        read_pair(path, truth)
    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)


def test_both_must_be_of_the_same_frames(tmp_path):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(a, poses=zeros(5, 17, 3), frame=np.arange(5))
    with pytest.raises(
        UserError, match="a.npz: no truths_mm beside the predictions; give the ground truth by --truth FILE"
    ):
        read_pair(a)
    np.savez(b, poses=zeros(4, 17, 3))
    with pytest.raises(UserError, match="a.npz holds 5 frames, .*b.npz 4; give the same frames in both"):
        read_pair(a, b)
    np.savez(b, poses=zeros(5, 17, 3), frame=[0, 1, 3, 4, 5])
    with pytest.raises(UserError, match="b.npz: row 3 is frame 2 in one and 3 in the other; give the same"):
        read_pair(a, b)
    np.savez(b, poses=zeros(5, 17, 3), camera=[7] * 5)
    assert set(read_pair(a, b).keys) == {"frame", "camera"}


@pytest.mark.parametrize(("unit", "factor"), [("m", 1000), ("cm", 10)])
def test_each_side_that_is_not_in_mm_is_named_with_its_unit(tmp_path, pair, unit, factor):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    sides = {"predictions of .*a.npz": pair.predictions, "truths of .*b.npz": pair.truths}
    for wrong in ((0, 1), (0,), (1,)):
        scaled = [poses / factor ** (i in wrong) for i, poses in enumerate(sides.values())]
        for path, poses in zip((a, b), scaled, strict=True):
            np.savez(path, poses=poses)
        told = f": the joints .* look like {unit}, not mm; multiply by {factor}"
        with pytest.raises(UserError) as raised:
            read_pair(a, b)
        pattern = "; ".join(f"{name}{told}" for i, name in enumerate(sides) if i in wrong)
        assert re.fullmatch(pattern, str(raised.value))


@pytest.mark.parametrize("kind", ["npz", "json", "csv"])
def test_one_side_never_stands_in_for_the_other(tmp_path, pair, kind):
    for name in ("predictions_mm", "truths_mm"):
        WRITERS[kind](tmp_path / f"{name}.{kind}", {name: pair.truths})
    predictions, truths = tmp_path / f"predictions_mm.{kind}", tmp_path / f"truths_mm.{kind}"
    for paths in ((truths,), (truths, truths), (predictions, predictions), (predictions,)):
        with pytest.raises(UserError, match="call the array of poses|no truths_mm beside"):
            read_pair(*paths)
    read_pair(predictions, truths)


def test_a_built_file_is_ground_truth(tmp_path, built, pair):
    path, data = built_path(built, "Walking", "S11"), Dataset.open(built, subjects=["S11"])
    np.savez(tmp_path / "a.npz", predictions_mm=pair.predictions, action=["Walking"] * 130)
    found = read_pair(tmp_path / "a.npz", path)
    np.testing.assert_array_equal(found.truths, data.poses)
    for name in KEYS:
        np.testing.assert_array_equal(found.keys[name], getattr(data, name))
    with pytest.raises(UserError, match="h5: holds truths_mm; call the array of poses predictions_mm"):
        read_pair(path)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["poses_mm"], file["subject"] = pair.truths, "S11"
    with pytest.raises(UserError, match=r"foreign\.h5 is no built file of pose3d"):
        read_pair(tmp_path / "a.npz", tmp_path / "foreign.h5")
