import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d import metrics


@pytest.fixture
def truths():
    return np.random.default_rng(0).normal(0, 300, (5, 17, 3))


def test_mpjpe_by_hand():
    truths, predictions = np.zeros((2, 17, 3)), np.zeros((2, 17, 3))
    predictions[0, 3] = (3, 4, 0)
    predictions[1, 5] = (0, 0, -12)
    errors = metrics.joint_errors(predictions, truths)
    assert errors.shape == (2, 17)
    assert errors[0, 3] == 5
    assert errors[1, 5] == 12
    # The pelvis counts among the 17.
    assert metrics.mpjpe(predictions, truths) == pytest.approx(17 / 34)


def test_the_pelvis_is_subtracted_on_both_sides(truths):
    assert metrics.mpjpe(truths + 10, truths - 7) == pytest.approx(0, abs=1e-12)
    moved = truths.copy()
    moved[:, 0, 0] += 1.7  # moving the pelvis alone moves the 16 others against it
    assert metrics.mpjpe(moved, truths) == pytest.approx(1.6)


def test_float32_arguments_are_averaged_in_float64():
    truths = np.zeros((40_000, 17, 3), np.float32)
    predictions = truths.copy()
    predictions[:, 1:, 0] = 0.1
    assert metrics.mpjpe(predictions, truths) == pytest.approx(16 / 17 * float(np.float32(0.1)), rel=1e-12)


def test_scale_and_rotation_are_forgiven_by_their_own_measures_only(truths):
    turned = truths @ Rotation.from_euler("xyz", [0.3, -1, 2]).as_matrix().T
    assert metrics.n_mpjpe(1.1 * truths, truths) == pytest.approx(0, abs=1e-9)
    assert metrics.p_mpjpe(1.1 * turned + 50, truths) == pytest.approx(0, abs=1e-9)
    assert metrics.n_mpjpe(turned, truths) > 10
    assert metrics.mpjpe(1.1 * truths, truths) > 10


def test_procrustes_does_not_mirror(truths):
    assert metrics.p_mpjpe(truths * (-1, 1, 1), truths) > 10


def test_procrustes_finds_the_rotation_that_scipy_finds(truths):
    rng = np.random.default_rng(1)
    truth, prediction = truths[0], rng.normal(0, 300, (17, 3))  # far apart, so the mirror tempts
    p, g = prediction - prediction.mean(axis=0), truth - truth.mean(axis=0)
    turned = Rotation.align_vectors(g, p)[0].apply(p)
    scale = (turned * g).sum() / (p * p).sum()
    expected = np.linalg.norm(scale * turned - g, axis=-1).mean()
    assert metrics.p_mpjpe(prediction, truth) == pytest.approx(expected)


def test_a_degenerate_prediction_gives_a_number(truths):
    zeros = np.zeros_like(truths)
    assert metrics.n_mpjpe(zeros, truths) == pytest.approx(metrics.mpjpe(zeros, truths))
    assert np.isfinite(metrics.p_mpjpe(zeros, truths))
    assert np.isfinite(metrics.p_mpjpe(truths, zeros))


@pytest.mark.parametrize(("a", "b"), [((5, 17, 3), (4, 17, 3)), ((5, 16, 3), (5, 16, 3)), ((17, 2), (17, 2))])
def test_other_shapes_are_refused(a, b):
    with pytest.raises(ValueError, match="17, 3|for"):
        metrics.mpjpe(np.zeros(a), np.zeros(b))


def test_runs_of_constant_predictions():
    poses = np.zeros((6, 17, 3))
    poses[:, 4, 1] = [0, 0, 0, 5, 5.5, 9]
    np.testing.assert_array_equal(metrics.constant_runs(poses), [3, 1, 1, 1])
    np.testing.assert_array_equal(metrics.constant_runs(poses, tolerance=0.5), [3, 2, 1])
    np.testing.assert_array_equal(metrics.constant_runs(poses[:1]), [1])
    assert metrics.constant_runs(poses[:0]).sum() == 0
    with pytest.raises(ValueError, match="one take"):
        metrics.constant_runs(poses[None])


def test_the_spread_of_a_collapsed_network_is_zero(truths):
    assert metrics.spread_ratio(truths, truths) == pytest.approx(1)
    assert metrics.spread_ratio(np.broadcast_to(truths[:1], truths.shape), truths) == pytest.approx(0)
    relative = truths - truths[:, :1]
    assert metrics.spread_ratio(
        relative.mean(0) + 0.5 * (relative - relative.mean(0)), truths
    ) == pytest.approx(0.5)
    assert np.isnan(metrics.spread_ratio(truths[:1], truths[:1]))


def detection(positives, values):
    """One sample whose joint 2 has the given 4 windows, joint 5 has none positive."""
    labels, scores = np.zeros((1, 17, 4), bool), np.zeros((1, 17, 4))
    labels[0, 2], scores[0, 2] = positives, values
    return labels, scores


def test_f1_by_hand():
    labels, decisions = detection([1, 1, 0, 0], [1, 0, 1, 0])
    decisions = decisions > 0
    decisions[0, 5, 0] = True
    counts = metrics.detection_counts(labels, decisions)
    np.testing.assert_array_equal(counts[:, 2], [1, 1, 1])
    scores = metrics.f1(labels, decisions)
    assert scores[2] == pytest.approx(0.5)
    assert scores[5] == 0
    assert np.isnan(scores[0])
    np.testing.assert_array_equal(metrics.f1_from_counts(2 * counts), scores)


@pytest.mark.parametrize(
    ("positives", "probabilities", "expected"),
    [
        ([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6], (1 + 2 / 3) / 2),
        ([0, 1, 0, 1], [0.9, 0.6, 0.5, 0.1], (1 / 2 + 2 / 4) / 2),
        ([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5], 0.5),  # no ranking: the share of positives
        ([0, 1, 1, 0], [0.1, 0.7, 0.7, 0.7], 2 / 3),
        ([1, 1, 0, 0], [1, 1 - 1e-6, 1 - 2e-6, 0], 1),  # sure of itself, and yet ranked
        ([0, 0, 1, 0], [0, 1e-6, 2e-6, 1.5e-6], 1),
    ],
)
def test_average_precision_by_hand(positives, probabilities, expected):
    found = metrics.average_precision(*detection(positives, probabilities))
    assert found[2] == pytest.approx(expected)
    assert np.isnan(found[5])


def test_average_precision_adds_up_over_batches_and_is_that_of_all_thresholds():
    rng = np.random.default_rng(0)
    labels = rng.random((40, 17, 100)) < 0.05
    probabilities = np.clip(rng.beta(0.3, 1.5, labels.shape) + 0.4 * labels * rng.random(labels.shape), 0, 1)
    whole = metrics.precision_histograms(labels, probabilities)
    parts = [metrics.precision_histograms(labels[i::3], probabilities[i::3]) for i in range(3)]
    np.testing.assert_array_equal(sum(parts), whole)
    found = metrics.average_precision_from_histograms(whole)
    for j in (0, 16):
        truth = labels[:, j].ravel()[np.argsort(-probabilities[:, j].ravel(), kind="stable")]
        exact = (np.cumsum(truth) / np.arange(1, len(truth) + 1))[truth].mean()
        assert found[j] == pytest.approx(exact, abs=2e-4)


def test_detection_arguments_are_checked():
    labels, scores = detection([1, 0, 0, 0], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="bool labels"):
        metrics.average_precision(labels.astype(int), scores)
    with pytest.raises(ValueError, match="for"):
        metrics.average_precision(labels, scores[..., :3])
