import json

import numpy as np
import pytest

from pose3d.evaluation import metrics
from pose3d.evaluation.evaluate import BONES, EQUAL_MM, evaluate_poses
from pose3d.skeleton import JOINTS


@pytest.fixture(scope="module")
def poses():
    """Predictions and truths of 40 frames, with an error of its own size in each action."""
    rng = np.random.default_rng(0)
    truths = rng.normal(0, 300, (40, 17, 3))
    size = np.where(np.arange(40) < 24, 20, 90)[:, None, None]
    return truths + size * rng.normal(size=truths.shape), truths


@pytest.fixture(scope="module")
def keys():
    """Two actions, one of them by two subjects; two interleaved cameras; frames in no order."""
    action = np.array(["Walking"] * 24 + ["Eating"] * 16)
    subject = np.array(["S9"] * 12 + ["S11"] * 28)
    order = np.random.default_rng(1).permutation(40)
    return {
        "action": action, "subject": subject, "take": np.ones(40, int), "camera": np.tile([5, 7], 20),
        "frame": order.argsort(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def results(poses, keys):
    return evaluate_poses(*poses, keys, {"mean_pose": np.broadcast_to(poses[1].mean(axis=0), poses[1].shape)})


def test_the_figures_over_all_frames_are_the_metrics(poses, results):
    errors = metrics.joint_errors(*poses)
    frames = errors.mean(axis=1)
    whole = results["over_frames"]
    expected = {
        "frames": 40, "mpjpe_mm": metrics.mpjpe(*poses), "median_mm": np.median(frames),
        "sd_mm": frames.std(), "p95_mm": np.percentile(frames, 95),
        "n_mpjpe_mm": metrics.n_joint_errors(*poses).mean(),
        "p_mpjpe_mm": metrics.p_joint_errors(*poses).mean(),
        "pck_150mm_percent": 100 * (errors < 150).mean(), "auc_150mm_percent": 100 * metrics.auc(errors),
    }  # fmt: skip
    assert {name: whole[name] for name in expected} == pytest.approx(expected)
    assert results["mpjpe_mm"] == whole["mpjpe_mm"]
    assert results["mpjpe_16_joints_mm"] == pytest.approx(errors[:, 1:].mean())
    assert results["mpjpe_as_it_stands_mm"] == pytest.approx(metrics.absolute_errors(*poses).mean())
    mean_pose = metrics.mpjpe(np.broadcast_to(poses[1].mean(axis=0), poses[1].shape), poses[1])
    assert results["mean_pose_mpjpe_mm"] == whole["mean_pose_mpjpe_mm"] == pytest.approx(mean_pose)
    assert results["baselines"]["mean_pose"]["mpjpe_mm"] == pytest.approx(mean_pose)
    json.dumps(results, allow_nan=False)


def test_a_joint_s_figures_are_its_own(poses, results):
    errors = metrics.joint_errors(*poses)
    assert [row["joint"] for row in results["by_joint"]] == list(JOINTS)
    for j in (0, 3, 16):
        row = results["by_joint"][j]
        assert row["mpjpe_mm"] == pytest.approx(errors[:, j].mean())
        assert row["median_mm"] == pytest.approx(np.median(errors[:, j]))
        assert row["p_mpjpe_mm"] == pytest.approx(metrics.p_joint_errors(*poses)[:, j].mean())
        assert results["per_joint_mm"][JOINTS[j]] == row["mpjpe_mm"]


def test_groups_and_the_mean_of_actions(poses, keys, results):
    errors = metrics.joint_errors(*poses).mean(axis=1)
    for name in ("action", "subject", "take", "camera"):
        found = {row[name]: (row["frames"], row["mpjpe_mm"]) for row in results[f"by_{name}"]}
        expected = {
            value.item(): ((keys[name] == value).sum(), pytest.approx(errors[keys[name] == value].mean()))
            for value in np.unique(keys[name])
        }
        assert found == expected
    walking = keys["action"] == "Walking"
    assert results["over_actions"]["actions"] == 2
    assert results["over_actions"]["mpjpe_mm"] == pytest.approx(
        (errors[walking].mean() + errors[~walking].mean()) / 2
    )
    assert results["over_actions"]["mpjpe_mm"] != pytest.approx(results["mpjpe_mm"], rel=0.01)
    recordings = [
        (row["action"], row["subject"], row["camera"], row["frames"]) for row in results["by_recording"]
    ]
    assert recordings == [
        ("Eating", "S11", 5, 8), ("Eating", "S11", 7, 8), ("Walking", "S11", 5, 6), ("Walking", "S11", 7, 6),
        ("Walking", "S9", 5, 6), ("Walking", "S9", 7, 6),
    ]  # fmt: skip


def test_velocities_stay_within_takes_and_cameras():
    """Two cameras, interleaved: joint 4 moves by 17 mm a frame in one and rests in the other."""
    truths = np.zeros((8, 17, 3))
    predictions = truths.copy()
    predictions[0::2, 4, 0] = 17 * np.array([0, 1, 3, 40])  # a gap before the last
    keys = {"camera": np.tile([5, 7], 4), "frame": np.repeat([3, 4, 5, 9], 2)}
    results = evaluate_poses(predictions, truths, keys)
    by_camera = {row["camera"]: row for row in results["by_camera"]}
    assert by_camera[5]["mpjve_mm_per_frame"] == pytest.approx(1.5)
    assert by_camera[5]["acceleration_error_mm_per_frame2"] == pytest.approx(1)
    assert by_camera[7]["acceleration_error_mm_per_frame2"] == 0
    assert by_camera[7]["mpjve_mm_per_frame"] == 0
    assert results["over_frames"]["mpjve_mm_per_frame"] == pytest.approx(0.75)
    assert results["over_frames"]["acceleration_error_mm_per_frame2"] == pytest.approx(0.5)
    assert results["by_joint"][4]["mpjve_mm_per_frame"] == pytest.approx(17 * 0.75)
    assert results["over_actions"] is None


def test_every_fifth_frame_s_velocity_is_per_frame():
    truths = np.zeros((3, 17, 3))
    predictions = truths.copy()
    predictions[:, 4, 0] = 17 * np.array([0, 10, 70])
    results = evaluate_poses(predictions, truths, {"frame": np.array([0, 5, 10])})
    assert results["frame_step"] == 5
    assert results["over_frames"]["mpjve_mm_per_frame"] == pytest.approx((2 + 12) / 2)
    assert results["over_frames"]["acceleration_error_mm_per_frame2"] == pytest.approx(50 / 25)


def test_undefined_values_are_none():
    one = np.random.default_rng(0).normal(size=(1, 17, 3))
    results = evaluate_poses(one, one, {"subject": np.array(["S1"])})
    assert results["over_frames"]["mpjve_mm_per_frame"] is None
    assert results["spread_ratio"] is None
    assert results["subjects"] == ["S1"]
    json.dumps(results, allow_nan=False)
    with pytest.raises(ValueError, match="no frames"):
        evaluate_poses(one[:0], one[:0], {})


def test_runs_end_with_their_take_and_camera():
    keys = {
        "take": np.array([1, 1, 1, 1, 2, 2]), "camera": np.array([1, 2, 1, 2, 1, 1]),  # interleaved
        "frame": np.array([0, 0, 1, 1, 2, 3]),
    }  # fmt: skip
    poses = np.zeros((6, 17, 3))
    poses[3, 5] = 0, 0, 2 * EQUAL_MM  # camera 2 of take 1 moves by more than what counts as equal
    poses[5, 5] = 0, 0, EQUAL_MM / 2
    results = evaluate_poses(poses, poses, keys)
    assert results["constant_runs"] == {1: 2, 2: 2}
    assert results["mean_constant_run"] == 1.5
    assert results["longest_constant_run"] == 2


def test_bone_lengths_vary_within_a_subject():
    truths = np.zeros((4, 17, 3))
    predictions = truths.copy()
    head = JOINTS.index("head")
    predictions[:, head, 1] = [10, 14, 100, 100]  # by subject: sd 2 and 0
    results = evaluate_poses(predictions, truths, {"subject": np.array(["S1", "S1", "S5", "S5"])})
    assert [row["bone"] for row in results["by_bone"]] == list(BONES)
    assert results["by_bone"][BONES.index("neck to head")] == {
        "bone": "neck to head", "length_error_mm": 56, "length_sd_mm": {"S1": 2, "S5": 0},
    }  # fmt: skip
    assert results["bone_length_error_mm"] == pytest.approx(56 / 16)
    assert results["bone_length_sd_mm"] == pytest.approx(2 / 32)
