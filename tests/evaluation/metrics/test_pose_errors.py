import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from pose3d.evaluation import metrics
from pose3d.skeleton import EDGES, JOINTS


@pytest.fixture
def truths():
    return np.random.default_rng(0).normal(0, 300, (5, 17, 3))


def n_mpjpe(predictions, truths):
    return metrics.n_joint_errors(predictions, truths).mean()


def p_mpjpe(predictions, truths):
    return metrics.p_joint_errors(predictions, truths).mean()


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
    np.testing.assert_allclose(metrics.absolute_errors(truths + (10, 0, 0), truths), 10)
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
    assert n_mpjpe(1.1 * truths, truths) == pytest.approx(0, abs=1e-9)
    assert p_mpjpe(1.1 * turned + 50, truths) == pytest.approx(0, abs=1e-9)
    assert p_mpjpe(truths * (-1, 1, 1), truths) > 10  # not mirrored
    assert n_mpjpe(turned, truths) > 10
    assert metrics.mpjpe(1.1 * truths, truths) > 10


def test_procrustes_finds_the_rotation_that_scipy_finds(truths):
    rng = np.random.default_rng(1)
    truth, prediction = truths[0], rng.normal(0, 300, (17, 3))  # far apart, so the mirror tempts
    p, g = prediction - prediction.mean(axis=0), truth - truth.mean(axis=0)
    turned = Rotation.align_vectors(g, p)[0].apply(p)
    scale = (turned * g).sum() / (p * p).sum()
    expected = np.linalg.norm(scale * turned - g, axis=-1).mean()
    assert p_mpjpe(prediction, truth) == pytest.approx(expected)


def test_a_degenerate_prediction_gives_a_number(truths):
    zeros = np.zeros_like(truths)
    assert n_mpjpe(zeros, truths) == pytest.approx(metrics.mpjpe(zeros, truths))
    relative = truths - truths[:, :1]
    from_centre = np.linalg.norm(relative - relative.mean(axis=1, keepdims=True), axis=-1).mean()
    assert p_mpjpe(zeros, truths) == pytest.approx(from_centre)
    for measure in (n_mpjpe, p_mpjpe):
        assert measure(truths, zeros) == pytest.approx(0)  # the best scale is zero, too
        assert measure(zeros, zeros) == 0


@pytest.mark.parametrize(("a", "b"), [((5, 17, 3), (4, 17, 3)), ((5, 16, 3), (5, 16, 3)), ((17, 2), (17, 2))])
def test_other_shapes_are_refused(a, b):
    with pytest.raises(ValueError, match="17, 3|for"):
        metrics.mpjpe(np.zeros(a), np.zeros(b))


def test_the_spread_of_a_collapsed_network_is_zero(truths):
    assert metrics.spread_ratio(truths, truths) == pytest.approx(1)
    assert metrics.spread_ratio(np.broadcast_to(truths[:1], truths.shape), truths) == pytest.approx(0)
    relative = truths - truths[:, :1]
    half = relative.mean(0) + 0.5 * (relative - relative.mean(0))
    assert metrics.spread_ratio(half, truths) == pytest.approx(0.5)
    assert np.isnan(metrics.spread_ratio(truths[:1], truths[:1]))


def test_the_best_scale_by_hand():
    truth, prediction = np.zeros((17, 3)), np.zeros((17, 3))
    truth[3], prediction[3] = (10, 0, 0), (3, 4, 0)  # s = 30 / 25
    prediction[0] = truth[0] = (1, 1, 1)  # the pelvis, and with it the 15 others, at one place
    truth[1:] += 1
    prediction[1:] += 1
    np.testing.assert_allclose(metrics.scaled(prediction, truth)[3], (3.6, 4.8, 0))
    expected = np.where(np.arange(17) == 3, 8, 0)  # (6.4, -4.8, 0)
    np.testing.assert_allclose(metrics.n_joint_errors(prediction, truth), expected, atol=1e-12)


def test_many_alignments_at_once_are_those_that_scipy_finds_one_by_one(truths):
    rng = np.random.default_rng(2)
    predictions = truths + rng.normal(0, 200, truths.shape)
    found = metrics.aligned(predictions, truths)
    relative = truths - truths[:, :1]
    for prediction, truth, pose in zip(predictions, relative, found, strict=True):
        # scipy's procrustes may mirror, and scales the truth to unit size: near poses need no mirror.
        size = np.linalg.norm(truth - truth.mean(axis=0))
        _, expected, disparity = procrustes(truth, prediction)
        np.testing.assert_allclose(pose, expected * size + truth.mean(axis=0), atol=1e-9 * size)
        assert ((pose - truth) ** 2).sum() == pytest.approx(disparity * size**2)
    expected = np.linalg.norm(found - relative, axis=-1)
    np.testing.assert_allclose(metrics.p_joint_errors(predictions, truths), expected)


def test_pck_is_strict_and_auc_counts_31_thresholds():
    errors = np.array([0, 149.999, 150, 151])
    assert metrics.pck(errors) == 0.5
    assert metrics.pck(errors, 151) == 0.75
    assert metrics.auc(0) == pytest.approx(30 / 31)  # nothing is below 0
    assert metrics.auc(np.array([4.999, 5, 150])) == pytest.approx((30 + 29 + 0) / 3 / 31)
    many = np.random.default_rng(0).uniform(0, 200, (50, 17)).round()  # many lie upon a threshold
    expected = np.mean([metrics.pck(many, 5 * k) for k in range(31)])
    assert metrics.auc(many) == pytest.approx(expected)


def test_bone_lengths_by_hand():
    pose = np.zeros((17, 3))
    for parent, child in EDGES:
        pose[child] = pose[parent] + (0, 3 * child, 4 * child)
    np.testing.assert_allclose(metrics.bone_lengths(pose), [5 * child for _, child in EDGES])
    longer = pose.copy()
    longer[JOINTS.index("head")] += (0, 3, 4)  # a leaf: only the bone from neck to head changes
    shorter = pose.copy()
    shorter[JOINTS.index("head")] -= (0, 3, 4)
    expected = [5 * (JOINTS[child] == "head") for _, child in EDGES]
    np.testing.assert_allclose(metrics.bone_length_errors(longer + 7, pose), expected, atol=1e-9)
    np.testing.assert_allclose(metrics.bone_length_errors(shorter, pose), expected, atol=1e-9)
