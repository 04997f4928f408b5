import numpy as np
import pytest

from pose3d.evaluation import metrics


def moving(positions):
    """A sequence whose joint 4 is at these positions along x; all else, the pelvis too, rests."""
    poses = np.zeros((len(positions), 17, 3))
    poses[:, 4, 0] = positions
    return poses


def test_velocity_and_acceleration_errors_by_hand():
    predictions, truths = moving([0, 3, 4, 9]), moving([0, 1, 2, 3])
    errors = metrics.velocity_errors(predictions, truths)  # ways 3, 1, 5 in place of 1, 1, 1
    np.testing.assert_allclose(errors[:, 4], [2, 0, 4])
    assert errors.sum() == 6
    errors = metrics.acceleration_errors(predictions, truths)  # -2, 4 in place of 0, 0
    np.testing.assert_allclose(errors[:, 4], [2, 4])
    assert errors.shape == (2, 17)


def test_an_error_that_stays_is_none_of_velocity():
    rng = np.random.default_rng(0)
    truths, error = rng.normal(0, 300, (6, 17, 3)), rng.normal(0, 50, (17, 3))
    np.testing.assert_allclose(metrics.velocity_errors(truths + error, truths), 0, atol=1e-9)
    wandering = truths + rng.normal(0, 90, (6, 1, 3))  # the whole body, pelvis included
    np.testing.assert_allclose(metrics.velocity_errors(wandering, truths), 0, atol=1e-9)
    np.testing.assert_allclose(metrics.acceleration_errors(wandering, truths), 0, atol=1e-9)


def test_too_few_frames_have_no_velocity():
    one = moving([5])
    assert metrics.velocity_errors(one, one).shape == (0, 17)
    assert metrics.acceleration_errors(one, one).shape == (0, 17)
    with pytest.raises(ValueError, match="one take"):
        metrics.velocity_errors(one[None], one[None])


def test_frames_follow_each_other_within_one_recording_only():
    action = np.array(["Walking"] * 6 + ["Eating"] * 3)
    camera = np.array([1, 2, 1, 2, 1, 1, 1, 1, 1])
    frame = np.array([0, 0, 1, 1, 2, 4, 5, 6, 7])  # 3 is missing of camera 1; 5 is of another action
    order, follows, step = metrics.successions(frame, action, camera)
    pairs = {(int(order[i]), int(order[i + 1])) for i in np.flatnonzero(follows)}
    assert pairs == {(0, 2), (2, 4), (1, 3), (6, 7), (7, 8)}
    assert step == 1
    assert sorted(order) == list(range(9))


def test_every_fifth_frame_follows_the_fifth_before():
    take = np.array([1, 1, 1, 1, 2, 2])
    _, follows, step = metrics.successions(np.array([0, 5, 10, 20, 25, 25]), take)
    assert step == 5
    assert follows.tolist() == [True, True, False, False, False]  # a number twice is no succession


@pytest.mark.parametrize(("frames", "takes"), [([], []), ([3], [1]), ([3, 4], [1, 2]), ([3, 3], [1, 1])])
def test_without_two_frames_of_a_recording_nothing_follows(frames, takes):
    order, follows, step = metrics.successions(np.array(frames, int), np.array(takes))
    assert len(order) == len(frames)
    assert not follows.any()
    assert step == 1


def test_runs_of_constant_predictions():
    poses = np.zeros((6, 17, 3))
    poses[:, 4, 1] = [0, 0, 0, 5, 5.5, 9]
    np.testing.assert_array_equal(metrics.constant_runs(poses), [3, 1, 1, 1])
    np.testing.assert_array_equal(metrics.constant_runs(poses, tolerance=0.5), [3, 2, 1])
    follows = np.array([True, False, True, True, True])
    np.testing.assert_array_equal(metrics.constant_runs(0 * poses, 0.0, follows), [2, 4])
    np.testing.assert_array_equal(metrics.constant_runs(poses[:1]), [1])
    assert metrics.constant_runs(poses[:0]).sum() == 0
    with pytest.raises(ValueError, match="one take"):
        metrics.constant_runs(poses[None])
