import json
import shutil

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d import synthetic
from pose3d.errors import UserError
from pose3d.io.atomic_files import LOCK
from pose3d.io.video import count_frames, read_frames
from pose3d.recordings.human36m import (
    CAMERAS,
    SUBJECTS,
    find_recordings,
    open_masks,
    project,
    read_poses_2d,
    read_poses_3d,
    world_to_camera,
)
from pose3d.skeleton import KEPT
from pose3d.synthetic.motion.capture import load
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.retargeting import retarget
from pose3d.synthetic.tree.appearance import body_of
from pose3d.synthetic.tree.scene import camera_of, empty_room, placed
from pose3d.synthetic.tree.writer import Task
from tests.synthetic.motion.skeletons import write_motion

FRAMES, SIZE = 12, 250
SURPLUS = {"54138969": 1, "55011271": 5, "58860488": 3, "60457274": 2}  # frames of video after the poses
TINY = {"subjects": ("S1",), "takes": (1,), "frames": 2, "image_size": 100, "workers": 1}


@pytest.fixture(scope="module")
def recordings(raw_tree):
    found, problems = find_recordings(raw_tree)
    assert problems == [f"{s}: skipped, there is no folder {raw_tree / s}" for s in ("S6", "S7", "S8", "S9")]
    return found


def test_the_reader_finds_every_recording_with_boxes_and_masks(recordings):
    assert len(recordings) == 3 * 2 * 4
    assert all(r.boxes and r.masks for r in recordings)
    assert {r.name for r in recordings} == {"Walking 1", "Walking"}


def test_poses_come_back_to_float32(raw_tree, recordings):
    for r in recordings[::5]:
        task = Task(raw_tree, r.subject, "Walking", r.take, r.camera, FRAMES, SIZE, seed=0)
        motion = walk(body_of(r.subject), GAITS[r.subject], FRAMES + 5, r.take == 2, task.rng())
        world = motion.joints(body_of(r.subject))[:FRAMES].astype(np.float32)
        np.testing.assert_array_equal(
            read_poses_3d(raw_tree / r.subject / "MyPoseFeatures/D3_Positions" / f"{r.name}.cdf"), world
        )
        mono = world_to_camera(camera_of(r.camera, SIZE), world).astype(np.float32)
        np.testing.assert_array_equal(read_poses_3d(r.poses_3d), mono)
        px = project(camera_of(r.camera, SIZE), mono)
        np.testing.assert_allclose(read_poses_2d(r.poses_2d), px, atol=0.01)


def test_files_agree_in_size_and_number(recordings):
    for r in recordings:
        rows = 252 if r.camera in (CAMERAS[0], CAMERAS[3]) else 250
        assert count_frames(r.video) == FRAMES + SURPLUS[r.camera]
        assert next(read_frames(r.video)).shape == (rows, SIZE)
        for path in (r.boxes, r.masks):
            with open_masks(path) as masks:
                assert len(masks) == FRAMES
                assert masks[0].shape == (rows, SIZE)


@pytest.mark.parametrize("tree", ["raw_tree", "driven"])
def test_joints_lie_in_boxes_and_almost_all_in_masks(request, tree):
    """Swapped axes would put both shares near zero: the walkers are tall and narrow."""
    in_mask = []
    for r in find_recordings(request.getfixturevalue(tree), ["Walking", "TakingPhoto"])[0]:
        at = np.rint(read_poses_2d(r.poses_2d)[:, KEPT]).astype(int)
        with open_masks(r.masks) as masks, open_masks(r.boxes) as boxes:
            assert len(masks) == len(boxes) == len(at)
            for i, joints in enumerate(at):
                assert boxes[i][joints[:, 1], joints[:, 0]].all()
                in_mask.append(masks[i][joints[:, 1], joints[:, 0]])
    assert np.mean(in_mask) > 0.97


def test_the_walker_is_what_differs_from_the_empty_room(recordings):
    """Frames, masks and poses belong to the same moment, and the picture is the right way up."""
    r = recordings[0]
    frames = [frame.rgb() for frame in read_frames(r.video)]
    room = empty_room(r.camera, frames[0].shape[:2], 0).astype(int)
    with open_masks(r.masks) as masks:
        for i in range(len(masks)):
            changed = np.abs(frames[i] - room).max(axis=-1) > 15
            rows, columns = np.nonzero(changed)
            mask_rows, mask_columns = np.nonzero(masks[i])
            assert abs(rows.mean() - mask_rows.mean()) < 4
            assert abs(columns.mean() - mask_columns.mean()) < 2


def test_a_second_run_writes_only_what_is_missing(tmp_path):
    out = synthetic.generate(tmp_path / "tree", **TINY)
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != LOCK)
    assert len(files) == 1 + 1 + 1 + 4 * 5  # provenance, cameras, world poses, and five files for each camera
    lost = next(p for p in files if p.suffix == ".mp4")
    before = {p: p.read_bytes() for p in files}
    stamps = {p: p.stat().st_mtime_ns for p in files}
    synthetic.generate(out, **TINY)
    assert {p: p.stat().st_mtime_ns for p in files} == stamps
    lost.with_name(f".{lost.stem}.partial-0123abcd.mp4").touch()  # by a killed run
    (out / "metadata.xml").unlink()
    synthetic.generate(out, **TINY)
    lost.unlink()
    synthetic.generate(out, **TINY)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name != LOCK} == before
    camera = lost.name.split(".")[1]
    others = [p for p in files if camera not in p.name and p.suffix in (".mp4", ".mat")]
    assert [p.stat().st_mtime_ns for p in others] == [stamps[p] for p in others]
    assert json.loads((out / "synthetic.json").read_text())["complete"] is True


def test_the_number_of_processes_changes_nothing(tmp_path):
    one = synthetic.generate(tmp_path / "one", **TINY)
    two = synthetic.generate(tmp_path / "two", **{**TINY, "workers": 2})
    for path in one.rglob("*.mp4"):
        assert (two / path.relative_to(one)).read_bytes() == path.read_bytes()


def test_headings_cover_the_circle_for_every_camera():
    """With the default number of frames, from each camera, over the two takes of each walker."""
    for subject in SUBJECTS:
        ahead = []
        for take in (1, 2):
            task = Task("", subject, "Walking", take, CAMERAS[0], synthetic.FRAMES, SIZE, seed=0)
            motion = walk(body_of(subject), GAITS[subject], synthetic.FRAMES + 5, take == 2, task.rng())
            ahead.append(motion.rotations[:, 0, :, 0])
        for camera in CAMERAS:
            x, _, z = (np.concatenate(ahead) @ camera_of(camera, SIZE).R.T).T
            counts, _ = np.histogram(np.arctan2(x, z), bins=12, range=(-np.pi, np.pi))
            assert counts.min() > 0.4 * counts.mean()


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """Two BVH files of other bodies' walks: 13 frames of 1/60 s (11 poses), and 41 of 1/120 s (17 poses)."""
    folder = tmp_path_factory.mktemp("motions")
    for name, subject, frames, fps in (("a", "S5", 13, 60), ("b", "S9", 41, 120)):
        motion = walk(body_of(subject), GAITS[subject], frames, False, np.random.default_rng(2))
        write_motion(folder / f"{name}.bvh", body_of(subject), motion, rest="T", fps=fps)
    return folder


DRIVEN = {"subjects": ("S7", "S11"), "actions": ("Photo",), "takes": (1,), "image_size": SIZE, "workers": 1}


@pytest.fixture(scope="module")
def driven(motions, tmp_path_factory):
    out = tmp_path_factory.mktemp("driven") / "tree"
    return synthetic.generate(out, motion=motions, **DRIVEN)


def test_captured_motion_is_read_back_as_a_take_of_the_action(motions, driven):
    found, problems = find_recordings(driven, ["TakingPhoto"], ["S7", "S11"])
    assert [line.split(" (")[0] for line in problems] == ["S7 TakingPhoto take 2", "S11 TakingPhoto take 2"]
    assert len(found) == 8
    for r in found:
        task = Task(driven, r.subject, "TakingPhoto", 1, r.camera, None, SIZE, seed=0)
        name, poses = {"S7": ("a", 11), "S11": ("b", 17)}[r.subject]
        angle = task.rng().uniform(0, 2 * np.pi)
        body = body_of(r.subject)
        motion = retarget(load(motions / f"{name}.bvh", {}).turned(Rotation.from_euler("z", angle)), body)
        world = placed(motion, body, "").joints(body).astype(np.float32)
        mono = world_to_camera(camera_of(r.camera, SIZE), world).astype(np.float32)
        np.testing.assert_array_equal(read_poses_3d(r.poses_3d), mono)
        assert len(mono) == poses
        assert count_frames(r.video) == poses + SURPLUS[r.camera]


def test_the_provenance_names_the_files_and_guards_the_tree(motions, driven, tmp_path):
    recorded = (driven / "synthetic.json").read_text()
    provenance = json.loads(recorded)
    assert provenance["motion"]["takes"]["TakingPhoto"]["S7 1"] == "a.bvh"
    assert provenance["motion"]["takes"]["TakingPhoto"]["S11 2"] == "b.bvh"
    assert provenance["motion"]["sha256"].keys() == {"a.bvh", "b.bvh"}
    before = {path: path.stat().st_mtime_ns for path in driven.rglob("*.*")}
    synthetic.generate(driven, motion=motions, **DRIVEN)
    assert {path: path.stat().st_mtime_ns for path in driven.rglob("*.*")} == before
    with pytest.raises(UserError, match=r"other options \(frames None, BVH files\); remove it"):
        synthetic.generate(driven, **DRIVEN)
    (tmp_path / "map.toml").write_text('Spine1 = "LowerBack"')
    others = (
        {"motion": motions, "joint_map": tmp_path / "map.toml"},
        {"motion": motions, "actions": ("Posing",)},
        {"motion": write_motion(tmp_path / "more" / "a.bvh", body_of("S1"), short(), rest="T").parent},
    )
    changed = shutil.copytree(motions, tmp_path / "changed")
    text = (changed / "b.bvh").read_text()
    (changed / "b.bvh").write_text(text[:-2] + str((int(text[-2]) + 1) % 10) + "\n")  # of the same size
    others += ({"motion": changed},)
    for options in others:
        with pytest.raises(UserError, match=r"other options \(other BVH files, joint map or actions\)"):
            synthetic.generate(driven, **{**DRIVEN, **options})


def short():
    return walk(body_of("S1"), GAITS["S1"], 4, False, np.random.default_rng(0))


def test_frames_limit_a_captured_take(tmp_path, motions):
    out = synthetic.generate(tmp_path / "tree", motion=motions, **{**TINY, "frames": 2})
    assert len(read_poses_3d(find_recordings(out, subjects=["S1"])[0][0].poses_3d)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subjects": ("S2",)}, "no subject 'S2'"),
        ({"actions": ("Flying",)}, "no action 'Flying'"),
        ({"takes": (3,)}, "no take 3"),
        ({"frames": 0}, "must be at least 1"),
        ({"image_size": 251}, "251: give an even number"),
        ({"motion": "nowhere"}, "nowhere: no such folder"),
        ({"joint_map": "map.toml"}, "map.toml: a joint map needs BVH files"),
    ],
)
def test_invalid_options_are_named_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        synthetic.generate(tmp_path / "tree", **{**TINY, **options})
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    ("fps", "old", "new", "message"),
    [
        (0.5, "", "", "a.bvh: Frame Time: 2 is no time in s .* correct it in the file"),
        (50, "Frames: 4", "Frames: 5", "a.bvh, line .*: 5 frames announced"),
    ],
)
def test_nothing_is_written_if_a_file_cannot_be_used(tmp_path, fps, old, new, message):
    path = write_motion(tmp_path / "motions" / "a.bvh", body_of("S1"), short(), rest="T", fps=fps)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        synthetic.generate(tmp_path / "tree", motion=path.parent, **TINY)
    assert not (tmp_path / "tree").exists()
