import numpy as np
import pytest

from pose3d.evaluation import metrics
from pose3d.skeleton import JOINTS


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


def test_totals_of_batches_add_up_to_the_scores_of_the_whole():
    rng = np.random.default_rng(1)
    labels = rng.random((6, 17, 100)) < 0.1
    labels[:, 4] = False
    probabilities = rng.random(labels.shape)
    parts = [metrics.detection_totals(labels[some], probabilities[some]) for some in ([0, 1, 2, 3], [4, 5])]
    scores = metrics.detection_scores({name: parts[0][name] + parts[1][name] for name in parts[0]})
    f1, precision = metrics.f1(labels, probabilities > 0.5), metrics.average_precision(labels, probabilities)
    assert scores["f1"] == pytest.approx(np.nanmean(f1))
    assert scores["ap"] == pytest.approx(np.nanmean(precision))
    assert np.isnan(scores[f"ap {JOINTS[4]}"])
    assert scores["f1 head"] == f1[JOINTS.index("head")]
    assert scores["ap head"] == pytest.approx(precision[JOINTS.index("head")])
    assert len(scores) == 2 + 2 * 17
