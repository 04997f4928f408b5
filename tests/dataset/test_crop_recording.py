"""On a recording in files of Human3.6M: a white square on gray, that moves by known steps."""

from dataclasses import replace

import numpy as np
import pytest

from pose3d.dataset import crop_recording
from pose3d.dataset.crop import Transform
from pose3d.errors import UserError
from pose3d.io.images import Picture
from pose3d.io.video import video_writer
from pose3d.recordings import human36m
from pose3d.recordings.human36m import Recording, write_poses
from pose3d.skeleton import KEPT
from tests.recordings.custom.drawn import FRAMES, HEIGHT, WIDTH, corner, mask_of
from tests.recordings.sampled import sample
from tests.recordings.written import write_masks


def write_video(path, count):
    with video_writer(path, HEIGHT, WIDTH, 50) as show:
        for i in range(count):
            frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            frame[mask_of(i)] = 255
            show(frame)


@pytest.fixture
def recording(tmp_path):
    """12 poses, 12 boxes, 12 masks, 14 frames."""
    rng = np.random.default_rng(0)
    joints = np.array([corner(i) for i in range(FRAMES)])[:, None] + rng.uniform((0, 0), (19, 39), (32, 2))
    poses = rng.normal(0, 500, (FRAMES, 32, 3)) + (100, -50, 4000)
    paths = {kind: tmp_path / f"{kind}.{'cdf' if 'poses' in kind else 'mat'}" for kind in
             ("poses_2d", "poses_3d", "boxes", "masks")}  # fmt: skip
    write_poses(paths["poses_2d"], joints)
    write_poses(paths["poses_3d"], poses)
    write_masks(paths["boxes"], map(mask_of, range(FRAMES)))
    write_masks(paths["masks"], map(mask_of, range(FRAMES)))
    write_video(tmp_path / "video.mp4", FRAMES + 2)
    return Recording("S1", "Walking", 1, "54138969", "Walking 1", tmp_path / "video.mp4", **paths)


def test_every_frame_is_cropped_with_its_own_box_and_pose(recording):
    samples, facts = sample(recording)
    np.testing.assert_array_equal(samples["frame"], np.arange(FRAMES))
    boxes = [(x, y, x + 20, y + 40) for x, y in map(corner, range(FRAMES))]
    np.testing.assert_array_equal(samples["box"], boxes)
    # White, 20 of 40 px wide, centred: columns 32 to 95 of the crop.
    assert samples["images"][:, :, 34:94].min() > 240
    assert samples["images"][:, :, :28].max() == samples["images"][:, :, 100:].max() == 0
    joints = human36m.read_poses_2d(recording.poses_2d)[:, KEPT]
    expected = [Transform.of_box(box).to_crop(points) for box, points in zip(boxes, joints, strict=True)]
    np.testing.assert_allclose(samples["joints_2d"], expected, atol=1e-4)
    poses = human36m.read_poses_3d(recording.poses_3d)[:, KEPT].astype(float)
    np.testing.assert_allclose(samples["poses"], poses - poses[:, :1], atol=1e-3)
    np.testing.assert_allclose(samples["pelvis"], poses[:, 0], rtol=1e-6)
    assert (samples["poses"][:, 0] == 0).all()
    assert set(samples["camera"]) == {54138969}
    assert set(samples["take"]) == {1}
    assert facts["frames"] == FRAMES
    assert facts["surplus"] == 2
    assert facts["background"] == "subtracted"
    assert facts["notes"] == []
    third, facts = sample(recording, every=3)
    for name, values in samples.items():
        np.testing.assert_array_equal(third[name], values[::3], err_msg=name)
    assert facts["frames"] == 4


def test_only_masks_of_wanted_frames_are_read(recording, tmp_path):
    # Reading any but every fourth would fail: it has another size.
    masks = [mask_of(i) if i % 4 == 0 else np.ones((3, 5), bool) for i in range(FRAMES)]
    write_masks(recording.masks, masks)
    samples, _ = sample(recording, every=4)
    assert len(samples["images"]) == 3
    with pytest.raises(UserError, match=r"masks\.mat: mask 1 has 5 x 3 px, the frame 160 x 96"):
        sample(recording)


def test_without_masks_the_background_stays(recording):
    # The box is the square: what is around it is outside, so widen it to see the background.
    write_masks(recording.boxes, [np.ones((HEIGHT, WIDTH), bool)] * FRAMES)
    samples, facts = sample(replace(recording, masks=None))
    assert facts["background"] == "kept"
    assert abs(int(samples["images"][0, 64, 120]) - 90) < 8


def test_without_boxes_they_come_from_the_mask_then_from_the_joints(recording):
    by_box, _ = sample(recording)
    by_mask, facts = sample(replace(recording, boxes=None))
    np.testing.assert_array_equal(by_mask["box"], by_box["box"])
    assert facts["notes"] == [f"{recording}: boxes not from ground_truth_bb but 12 from the mask"]
    by_joints, facts = sample(replace(recording, boxes=None, masks=None))
    assert facts["notes"] == [f"{recording}: boxes not from ground_truth_bb but 12 from the 2D joints"]
    assert (by_joints["joints_2d"] > 0).all()
    assert (by_joints["joints_2d"] < 127).all()


def test_a_frame_whose_box_and_mask_are_empty_is_blank_and_noted(recording):
    masks = [mask_of(i) if i != 4 else np.zeros((HEIGHT, WIDTH), bool) for i in range(FRAMES)]
    write_masks(recording.masks, masks)
    write_masks(recording.boxes, masks)
    samples, facts = sample(recording)
    assert facts["blank"] == 1
    assert not samples["images"][4].any()
    assert facts["notes"] == [f"{recording}: boxes not from ground_truth_bb but 1 from the 2D joints"]


def test_samples_come_in_blocks_whatever_the_length(recording, monkeypatch):
    whole, facts = sample(recording)
    monkeypatch.setattr(crop_recording, "BLOCK", 5)
    blocks = []
    assert crop_recording.crop_recording(recording, 1, blocks.append) == facts
    assert [len(block["frame"]) for block in blocks] == [5, 5, 2]
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([block[name] for block in blocks]), values)


def test_repeated_frames_are_counted(recording, monkeypatch):
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 256, (3, HEIGHT, WIDTH), dtype=np.uint8)
    # 12 frames of only 3 images, as in the original's data: 3 runs of 4, thus 9 repetitions.
    shown = [Picture("", np.dstack([image] * 3)) for image in drawn for _ in range(4)]
    monkeypatch.setattr("pose3d.recordings.human36m.reader.read_frames", lambda _: shown)
    write_masks(recording.boxes, [mask_of(0)] * FRAMES)
    write_masks(recording.masks, [mask_of(0)] * FRAMES)
    assert sample(recording)[1]["repeated"] == 9
    assert sample(recording, every=4)[1]["repeated"] == 0


def test_missing_masks_and_frames_cost_the_rest_and_are_noted(recording):
    write_masks(recording.masks, map(mask_of, range(FRAMES - 3)))
    samples, facts = sample(recording)
    assert len(samples["images"]) == len(samples["poses"]) == FRAMES - 3
    listed = "12 2D poses, 12 3D poses, 12 boxes, 9 masks, 14 frames"
    assert facts["notes"] == [f"{recording}: {listed}; cut to 9"]
    write_video(recording.video, 5)
    samples, facts = sample(recording)
    assert {len(values) for values in samples.values()} == {5}
    assert facts["surplus"] == 7
    assert "cut to 5" in facts["notes"][0]


def test_a_video_that_lost_frames_is_named(recording, monkeypatch):
    write_video(recording.video, 5)
    monkeypatch.setattr("pose3d.recordings.human36m.reader.count_frames", lambda _: 14)  # as a header says
    with pytest.raises(UserError, match=r"video\.mp4: ends after 5 of 14 frames"):
        sample(recording)
