import re
import shutil
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from pose3d import build_dataset
from pose3d.dataset import build as building
from pose3d.dataset.built_files import built_path, read_provenance
from pose3d.dataset.crop import Transform
from pose3d.dataset.crop_recording import crop_recording
from pose3d.dataset.samples import Dataset
from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError
from pose3d.io.processes import run_all
from pose3d.recordings import custom, human36m
from pose3d.skeleton import KEPT
from tests.io.test_video import cut_short
from tests.recordings.custom import drawn

CAMERAS = ("54138969", "60457274")


@pytest.fixture
def tree(raw_tree, tmp_path):
    """A copy, to be spoiled."""
    return shutil.copytree(raw_tree, tmp_path / "raw")


@pytest.fixture
def in_process(monkeypatch):
    """Run the tasks here, where they can be watched and made to fail."""
    done = []

    def run(function, tasks, workers):
        for number, task in enumerate(tasks):
            done.append(task[0])
            yield number, SimpleNamespace(result=partial(function, *task))

    monkeypatch.setattr(sys.modules[__name__], "run_all", run)
    return done


def build(recordings, out, source, every=1, workers=1):
    return building.build(recordings, out, source, run_all, every, workers)


def find(tree, subjects=("S1", "S11"), cameras=CAMERAS):
    return human36m.find_recordings(tree, subjects=subjects, cameras=cameras)[0]


def test_the_built_files_hold_the_samples(raw_tree, tmp_path):
    recordings = find(raw_tree)
    built, failures = build(recordings, tmp_path / "out", raw_tree, workers=2)
    assert failures == []
    assert [(file.subject, len(file.facts), file.seconds > 0) for file in built] == [
        ("S1", 4, True), ("S11", 4, True),
    ]  # fmt: skip
    assert visible(tmp_path / "out") == ["Walking-S1.h5", "Walking-S11.h5"]
    data, expected = Dataset.open(tmp_path / "out"), []
    for recording in recordings:
        crop_recording(recording, 1, expected.append)
    assert len(data) == 8 * 12
    for name in expected[0]:
        found = data.images(slice(None)) if name == "images" else getattr(data, name)
        np.testing.assert_array_equal(found, np.concatenate([part[name] for part in expected]), err_msg=name)


def test_joints_lie_on_the_person(raw_tree, tmp_path):
    """The check that catches a transposed mask, a shifted frame or swapped axes."""
    build(find(raw_tree), tmp_path, raw_tree, workers=1)
    data = Dataset.open(tmp_path)
    images = data.images(np.arange(len(data)))
    x, y = np.clip(data.joints_2d.round().astype(int), 0, 127).transpose(2, 0, 1)
    near = [images[np.arange(len(data))[:, None], np.clip(y + dy, 0, 127), x] for dy in (-3, 0, 3)]
    assert np.greater(near, 0).any(axis=0).mean() > 0.85
    # And the way back gives the raw px.
    raw = human36m.read_poses_2d(find(raw_tree)[0].poses_2d)[:, KEPT]
    back = [Transform.of_box(data.box[i]).to_frame(data.joints_2d[i]) for i in range(12)]
    np.testing.assert_allclose(back, raw, atol=1e-3)


def test_a_second_build_makes_only_what_is_missing(raw_tree, tmp_path, in_process):
    first, _ = build(find(raw_tree, ["S1"]), tmp_path, raw_tree)
    before = built_path(tmp_path, "Walking", "S1").stat().st_mtime_ns
    in_process.clear()
    second, _ = build(find(raw_tree), tmp_path, raw_tree)
    assert {recording.subject for recording in in_process} == {"S11"}
    assert built_path(tmp_path, "Walking", "S1").stat().st_mtime_ns == before
    assert second[0].facts == first[0].facts
    assert second[0].seconds == 0


def test_the_same_tree_makes_the_same_bytes(raw_tree, tmp_path):
    for name in "ab":
        build(find(raw_tree, ["S1"]), tmp_path / name, raw_tree, workers=2)
    assert (tmp_path / "a" / "Walking-S1.h5").read_bytes() == (tmp_path / "b" / "Walking-S1.h5").read_bytes()


def test_a_killed_build_is_resumed_where_it_stopped(raw_tree, tmp_path, in_process, monkeypatch):
    recordings = find(raw_tree, ["S1"])

    def killed_at_the_third(recording, every, write):
        if recording == recordings[2]:
            raise KeyboardInterrupt
        return crop_recording(recording, every, write)

    with monkeypatch.context() as patch:
        patch.setattr(building, "crop_recording", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            build(recordings, tmp_path, raw_tree)
    assert not built_path(tmp_path, "Walking", "S1").exists()
    (tmp_path / building.PARTS / ".half.partial-0123abcd.h5").write_bytes(b"half")  # as a kill -9 leaves it
    in_process.clear()
    build(recordings, tmp_path, raw_tree)
    assert in_process == recordings[2:]
    assert visible(tmp_path) == ["Walking-S1.h5"]
    assert not (tmp_path / building.PARTS).exists()


def test_parts_that_a_kill_left_after_they_were_merged_are_removed(raw_tree, tmp_path, in_process, capsys):
    build(find(raw_tree, ["S1"]), tmp_path, raw_tree)
    parts = tmp_path / building.PARTS
    parts.mkdir()
    for name in ("Walking-S1-1-54138969.h5", "Walking-S5-1-54138969.h5"):
        shutil.copy(built_path(tmp_path, "Walking", "S1"), parts / name)
    build_dataset.main(["--verify", "--source", str(raw_tree), "--out", str(tmp_path)])
    assert "Walking-S1-1-54138969.h5: left by a killed build" in capsys.readouterr().out
    build(find(raw_tree, ["S1"]), tmp_path, raw_tree)
    assert [path.name for path in parts.iterdir()] == ["Walking-S5-1-54138969.h5"]  # that file is unfinished


def test_parts_of_other_options_and_damaged_ones_are_made_anew(raw_tree, tmp_path, in_process, monkeypatch):
    recordings = find(raw_tree, ["S1"])
    monkeypatch.setattr(building, "_merge", lambda *_: None)  # as if killed just before
    parts = tmp_path / building.PARTS

    def made(every):
        in_process.clear()
        build(recordings, tmp_path, raw_tree, every=every)
        return len(in_process)

    assert made(every=5) == len(list(parts.iterdir())) == 4
    assert made(every=5) == 0
    assert made(every=2) == 4
    part = next(parts.iterdir())
    part.write_bytes(part.read_bytes()[:-100])
    assert made(every=2) == 1


def test_a_file_made_otherwise_is_not_mixed_in(tree, tmp_path, in_process):
    out = tmp_path / "out"
    build(find(tree, ["S1"]), out, tree)
    before = built_path(out, "Walking", "S1").read_bytes()
    in_process.clear()

    def refuses(message, recordings, source=tree, **options):
        with pytest.raises(UserError, match=rf"Walking-S1\.h5 was built {message}.*; give another --out, or"):
            build(recordings, out, source, **options)

    refuses("with every 1, not 2", find(tree), every=2)
    refuses(r"with cameras \['54138969', '60457274'\], not \['54138969'\]", find(tree, cameras=CAMERAS[:1]))
    recordings = find(tree)
    refuses("from 4 recordings, which are not the 2 asked for now", recordings[:2])
    recordings[0].video.write_bytes(recordings[0].video.read_bytes() + b"more")
    refuses("before files in .*raw changed", recordings)
    refuses("with source .*raw, not second", recordings, source="second")
    assert in_process == []
    assert built_path(out, "Walking", "S1").read_bytes() == before


def test_a_tree_may_be_moved(tree, tmp_path, in_process):
    build(find(tree, ["S1"]), tmp_path / "out", tree)
    in_process.clear()
    moved = tree.rename(tmp_path / "elsewhere")
    build(find(moved, ["S1"]), tmp_path / "out", moved)
    assert in_process == []


def test_a_change_that_leaves_sizes_alone_is_seen(tmp_path, in_process, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn.write_folder(Path("mine"))
    long = Path("mine/frames/f4.png")
    long.write_bytes(long.read_bytes() + bytes(30_000))  # after the picture's end
    build(custom.find_recordings("mine"), "anew", "mine")
    in_process.clear()
    shutil.copytree("mine", "copied")  # other times, the same contents
    Path("copied/frames/.DS_Store").touch()
    build(custom.find_recordings("copied"), "anew", "copied")
    assert in_process == []
    table, mask, image = Path("mine/j.csv"), Path("mine/masks/f2.png"), Path("mine/frames/f1.png")
    changes = {
        table: table.read_bytes().replace(b"left_hip", b"left_eye"),
        mask: mask.read_bytes()[:-20] + bytes(20),
        image: Path("mine/frames/f2.png").read_bytes().ljust(image.stat().st_size, b"\0"),
        long: long.read_bytes()[:-15_000] + b"1" + bytes(14_999),
    }
    for path, content in changes.items():
        before = path.read_bytes()
        path.write_bytes(content[: len(before)])
        with pytest.raises(UserError, match=r"Dancing-anna\.h5 was built before files in mine changed"):
            build(custom.find_recordings("mine"), "anew", "mine")
        path.write_bytes(before)
    build(custom.find_recordings("mine"), "anew", "mine")


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def spoil_chunk(path):
    """Damage one packed image of a .mat file."""
    with h5py.File(path) as file:
        element = file[file["Masks"][3, 0]]
        place = element.id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0xFF
    path.write_bytes(content)


def cut_video(path):
    """Drop the last packets, as a download that broke off does where the index stands in front."""
    cut_short(path, 7).rename(path)


def spoil_size(path):
    """Give mask 3 another size than its frame."""
    with h5py.File(path, "r+") as file:
        wrong = file.create_dataset("#refs#/wrong", data=np.ones((7, 9), np.uint8))
        file["Masks"][3, 0] = wrong.ref


def cut_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("kind", "spoil", "message"),
    [
        ("video", cut_half, "cannot be read as a video"),
        ("video", cut_video, "ends after|decoding ends|cannot be read"),
        ("poses_2d", cut_half, "cannot be read as a CDF file"),
        ("boxes", cut_half, "extract"),
        ("masks", cut_half, "extract"),
        ("boxes", spoil_chunk, "mask 3 is damaged"),
        ("masks", spoil_chunk, "mask 3 is damaged"),
        ("boxes", spoil_size, "mask 3 has 7 x 9 px"),
        ("masks", spoil_size, "mask 3 has 7 x 9 px"),
    ],
)
def test_a_damaged_file_costs_its_subject_alone(tree, tmp_path, in_process, kind, spoil, message):
    recordings, out = find(tree), tmp_path / "out"
    path = getattr(recordings[1], kind)
    sound = path.read_bytes()
    spoil(path)
    built, (failure,) = build(recordings, out, tree)
    assert failure.startswith(f"{path}: ")
    assert re.search(message, failure)
    assert [path.name for path in out.glob("*.h5")] == ["Walking-S11.h5"]
    assert [len(file.facts) for file in built] == [0, 4]
    path.write_bytes(sound)  # extracted again: only the damaged recording is read
    in_process.clear()
    assert build(recordings, out, tree)[1] == []
    assert in_process == [recordings[1]]
    assert visible(out) == ["Walking-S1.h5", "Walking-S11.h5"]


def test_a_full_disk_stops_the_build_at_once(raw_tree, tmp_path, in_process, monkeypatch):
    build(find(raw_tree, ["S1"]), tmp_path, raw_tree)

    def full(*_):
        raise DiskFullError("full")

    monkeypatch.setattr(building, "build_part", full)
    in_process.clear()
    with pytest.raises(UserError, match="full"):
        build(find(raw_tree), tmp_path, raw_tree)
    assert len(in_process) == 1
    assert len(Dataset.open(tmp_path)) == 48


def test_the_provenance_holds_what_was_made_of_what(raw_tree, tmp_path, in_process):
    build(find(raw_tree, ["S1"]), tmp_path, raw_tree, every=3)
    provenance = read_provenance(tmp_path / "Walking-S1.h5")
    assert provenance["every"] == 3
    assert provenance["source"] == str(raw_tree)
    assert [fact["frames"] for fact in provenance["facts"]] == [4] * 4
    assert [row[:3] for row in provenance["recordings"]] == [
        [take, camera, name] for take, name in ((1, "Walking 1"), (2, "Walking")) for camera in CAMERAS
    ]
