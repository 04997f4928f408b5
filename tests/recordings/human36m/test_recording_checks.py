"""Trees are spoiled for real, file by file, as downloads and careless tools spoil them."""

from types import SimpleNamespace

import numpy as np
import pytest

from pose3d.recordings.checks import failed
from pose3d.recordings.human36m import (
    CAMERAS,
    box,
    find_recordings,
    open_masks,
    project,
    read_cameras,
    read_poses_3d,
    write_poses,
)
from pose3d.recordings.human36m.recording_checks import (
    LEAST,
    MASK_CHECKS,
    RECORDING_CHECKS,
    TOLERANCE,
    inspect,
    reprojection_miss,
)
from pose3d.recordings.observation import share_inside
from tests.recordings.written import write_gray_video, write_masks

SQUARE = CAMERAS[1]  # its images have as many rows as columns
TALL = CAMERAS[0]


def camera_of(tree, camera):
    return read_cameras(tree / "metadata.xml")["S1", camera]


def recording_of(tree, camera=SQUARE):
    return find_recordings(tree, subjects=["S1"], cameras=[camera])[0][0]


def checked(tree, camera=SQUARE, **options):
    return inspect(recording_of(tree, camera), camera_of(tree, camera), **options)


def only_fault(found):
    assert len(found.faults) == 1, found.faults
    assert "\n" not in found.faults[0]
    return found.faults[0]


def rewrite_masks(path, change):
    with open_masks(path) as masks:
        kept = change([masks[i] for i in range(len(masks))])
    write_masks(path, kept)


def test_a_sound_recording_has_no_fault(tree):
    for camera in CAMERAS:
        found = checked(tree, camera, expected=12)
        assert (found.faults, found.notes) == ([], [])
        values = found.values
        assert (values["poses"], values["boxes"], values["masks"]) == (12, 12, 12)
        assert values["surplus"] == {"54138969": 1, "55011271": 5, "58860488": 3, "60457274": 2}[camera]
        assert values["in_boxes"] == 100
        assert values["in_masks"] > 98
        assert 0 < values["miss"] < 1e-4


@pytest.mark.parametrize("camera", [SQUARE, TALL])
@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_swapped_rows_and_columns_are_found_in_square_images_too(tree, camera, kind):
    path = getattr(recording_of(tree, camera), kind)
    rewrite_masks(path, lambda masks: [mask.T for mask in masks])
    found = checked(tree, camera)
    assert found.values[f"in_{kind}"] < LEAST[kind] - 30
    assert all(fault.startswith(str(path)) for fault in found.faults)
    assert f"of the 2D joints lie in its {kind}" in found.faults[-1]
    assert "its rows and columns are swapped" in found.faults[-1]
    if camera == TALL:
        assert "252 x 250 px, the video 250 x 252" in found.faults[0]
    else:
        only_fault(found)


@pytest.mark.parametrize("camera", CAMERAS)
def test_shifted_motion_capture_misses_the_silhouettes_and_nothing_else_shows_it(tree, camera):
    """As with S9: poses, projections and boxes agree with each other, 200 mm beside the person."""
    recording, calibration = recording_of(tree, camera), camera_of(tree, camera)
    poses = (read_poses_3d(recording.poses_3d) + calibration.R @ [200, 0, 0]).astype(np.float32)
    pixels = project(calibration, poses)
    write_poses(recording.poses_3d, poses)
    write_poses(recording.poses_2d, pixels)
    rewrite_masks(
        recording.boxes,
        lambda masks: [box(*pair, calibration.f, masks[0].shape) for pair in zip(poses, pixels, strict=True)],
    )
    found = checked(tree, camera)
    fault = only_fault(found)
    assert fault.startswith(f"{recording.masks}: only ")
    assert "poses or masks are shifted or of another recording" in fault
    assert (found.values["in_boxes"], found.values["miss"] < TOLERANCE) == (100, True)


def test_empty_cells_are_passed_over_and_all_empty_ones_are_a_fault(tree):
    path = recording_of(tree).masks
    rewrite_masks(path, lambda masks: [mask & (i % 3 == 0) for i, mask in enumerate(masks)])
    assert checked(tree).faults == []
    rewrite_masks(path, lambda masks: [np.zeros_like(mask) for mask in masks])
    assert only_fault(checked(tree)) == f"{path}: all masks of the sample are empty; extract it again"


@pytest.mark.parametrize("kind", ["poses_2d", "poses_3d"])
def test_files_of_another_camera_miss(tree, kind):
    recording, other = recording_of(tree, CAMERAS[1]), recording_of(tree, CAMERAS[2])
    getattr(recording, kind).write_bytes(getattr(other, kind).read_bytes())
    found = checked(tree, recording.camera)
    assert found.values["miss"] > 5
    assert (
        f"{recording.poses_3d}: projected, its poses miss those of {recording.poses_2d}" in found.faults[-1]
    )


def test_scrambled_joints_do_not_project_onto_the_pixels(tree):
    recording = recording_of(tree)
    poses = read_poses_3d(recording.poses_3d)
    order = np.arange(32)
    order[[17, 25]] = 25, 17  # left and right shoulder
    column_major = np.ascontiguousarray(poses.reshape(len(poses), -1)).reshape(-1, len(poses)).T
    for spoiled in (poses[:, order], column_major.reshape(poses.shape), poses[::-1], np.zeros_like(poses)):
        write_poses(recording.poses_3d, spoiled)
        found = checked(tree)
        assert found.values["miss"] > TOLERANCE
        assert "one is of another camera, take or frame, or its joints are" in only_fault(found)


def test_the_wrong_model_of_the_distortion_is_distinguished_from_rounding(tree):
    """OpenCV's tangential term counts p1 y + p2 x twice."""
    recording, calibration = recording_of(tree), camera_of(tree, SQUARE)
    poses = read_poses_3d(recording.poses_3d)
    pixels = project(calibration, poses)
    xy = poses[..., :2] / poses[..., 2:]
    extra = xy * (xy @ calibration.p[::-1])[..., None]
    assert TOLERANCE < reprojection_miss(calibration, poses, pixels + calibration.f * extra) < 1
    assert reprojection_miss(calibration, poses, pixels) == 0
    assert reprojection_miss(calibration, 0 * poses, pixels) == np.inf


@pytest.mark.parametrize(
    ("kind", "spoil", "message", "is_expected_of_short_captures"),
    [
        ("poses_3d", lambda path: write_poses(path, read_poses_3d(path)[:9]),
         "{0.poses_2d}: 12 poses, but 9 in {0.poses_3d}; extract both again", False),
        ("video", lambda path: write_gray_video(path, 11),
         "{0.video}: 11 frames for 12 poses; extract it again", False),
        ("video", lambda path: write_gray_video(path, 33),
         "{0.video}: 21 frames more than poses, where up to 20 are usual; extract it and {0.poses_2d} again",
         True),
        ("masks", lambda path: rewrite_masks(path, lambda masks: masks * 6),
         "{0.masks}: 42 masks for 12 poses; extract it again", True),
        ("masks", lambda path: rewrite_masks(path, lambda masks: []),
         "{0.masks}: 0 masks for 12 poses; extract it again", False),
    ],
)  # fmt: skip
def test_numbers_that_differ_are_a_fault(tree, kind, spoil, message, is_expected_of_short_captures):
    recording = recording_of(tree)
    if kind == "masks":  # 7 for 12 poses are none
        rewrite_masks(recording.masks, lambda masks: masks[:7])
        found = checked(tree)
        assert found.faults == []
        assert found.notes == [f"{recording.masks}: 7 masks for 12 poses; the build cuts to 7"]
    spoil(getattr(recording, kind))
    assert only_fault(checked(tree)) == message.format(recording)
    assert (checked(tree, short=True).faults == []) == is_expected_of_short_captures


@pytest.mark.parametrize(
    ("checks", "sound", "wrong", "message"),
    [
        (RECORDING_CHECKS, {"frames": 9, "promised": 9}, {"frames": 8}, "v: cut short, holds 8 of the 9"),
        (RECORDING_CHECKS, {"surplus": 20, "most": 20}, {"surplus": 21}, "v: 21 frames more than poses"),
        (
            RECORDING_CHECKS,
            {"miss": 0.0099, "cause": ""},
            {"miss": 0.01},
            "miss those of p2 by up to 0.01 px",
        ),
        (MASK_CHECKS, {"count": 5, "excess": -20, "most": 20}, {"excess": -21}, "m: 5 boxes for 26 poses"),
        (MASK_CHECKS, {"inside": 80, "least": 80, "cause": ""}, {"inside": 79}, "m: only 79 % of the 2D"),
    ],
)
def test_limits(checks, sound, wrong, message):
    files = SimpleNamespace(video="v", poses_2d="p2", poses_3d="p3")
    sound |= {"files": files, "path": "m", "kind": "boxes", "poses": 26}
    assert failed(checks, sound) == []
    (fault,) = failed(checks, sound | wrong)
    assert message in fault


@pytest.mark.parametrize("kind", ["video", "poses_2d", "poses_3d", "boxes", "masks"])
def test_damage_anywhere_is_a_line_and_the_other_files_are_checked_on(tree, kind):
    """Truncated and overwritten at random places: never an exception, never a line break."""
    rng = np.random.default_rng(0)
    path = getattr(recording_of(tree), kind)
    whole = path.read_bytes()
    for share in (0, 0.01, 0.3, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        found = checked(tree)
        assert any(str(path) in fault for fault in found.faults), share
        assert not any("\n" in fault for fault in found.faults)
        assert ("poses" not in found.values) == (kind == "poses_2d")
        assert ("frames" not in found.values) == (kind == "video")
    for _ in range(12):
        spoiled = bytearray(whole)
        start = rng.integers(len(whole))
        spoiled[start : start + 200] = rng.bytes(len(spoiled[start : start + 200]))
        path.write_bytes(spoiled)
        checked(tree)


def test_a_joint_counts_within_reach_and_not_outside_the_image():
    mask = np.zeros((40, 50), bool)
    mask[10:20, 30:40] = True
    on, near, far, outside = (30, 10), (27.6, 10), (27.4, 10), (-300, 10)
    assert share_inside(mask, np.array([on]), 0) == 1
    assert share_inside(mask, np.array([near, far])) == 0
    assert share_inside(mask, np.array([near, far]), 0.04) == 0.5
    mask[:, :] = True
    assert share_inside(mask, np.array([outside, (20, 60), (1e30, -1e30)]), 0.04) == 0
    assert share_inside(mask, np.array([(0, 0), (-1, 1), (49, 39), (51, 41)]), 0.04) == 1
