import numpy as np
import pytest

from pose3d.evaluation import metrics
from pose3d.skeleton import JOINTS


def detection(positives, values):
    """One sample whose joint 2 has the given 4 windows, joint 5 has none positive."""
    labels, scores = np.zeros((1, 17, 4), bool), np.zeros((1, 17, 4))
    labels[0, 2], scores[0, 2] = positives, values
    return labels, scores


def scores_of(labels, probabilities):
    return metrics.detection_scores(metrics.detection_totals(labels, probabilities))


def test_f1_by_hand():
    labels, probabilities = detection([1, 1, 0, 0], [0.6, 0.5, 0.7, 0.3])
    probabilities[0, 5, 0] = 1
    decisions = metrics.detection_totals(labels, probabilities)["decisions"]
    np.testing.assert_array_equal(decisions[:, [2, 5]], [[1, 0], [1, 1], [1, 0]])
    scores = scores_of(labels, probabilities)
    assert [scores[f"f1 {JOINTS[j]}"] for j in (2, 5)] == [0.5, 0]
    assert np.isnan(scores[f"f1 {JOINTS[0]}"])
    assert scores["f1"] == 0.25


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
    found = scores_of(*detection(positives, probabilities))
    assert found["ap"] == found[f"ap {JOINTS[2]}"] == pytest.approx(expected)
    assert np.isnan(found[f"ap {JOINTS[5]}"])


def test_totals_add_up_over_batches_and_the_precision_is_that_of_all_thresholds():
    rng = np.random.default_rng(0)
    labels = rng.random((40, 17, 100)) < 0.05
    labels[:, 4] = False
    probabilities = np.clip(rng.beta(0.3, 1.5, labels.shape) + 0.4 * labels * rng.random(labels.shape), 0, 1)
    whole = metrics.detection_totals(labels, probabilities)
    parts = [metrics.detection_totals(labels[i::3], probabilities[i::3]) for i in range(3)]
    for name, total in whole.items():
        np.testing.assert_array_equal(sum(part[name] for part in parts), total)
    scores = metrics.detection_scores(whole)
    for j in (0, 16):
        truth = labels[:, j].ravel()[np.argsort(-probabilities[:, j].ravel(), kind="stable")]
        exact = (np.cumsum(truth) / np.arange(1, len(truth) + 1))[truth].mean()
        assert scores[f"ap {JOINTS[j]}"] == pytest.approx(exact, abs=2e-4)
    for kind in ("f1", "ap"):
        each = [scores[f"{kind} {joint}"] for joint in JOINTS]
        assert scores[kind] == pytest.approx(np.nanmean(each))
    assert np.isnan(scores[f"ap {JOINTS[4]}"])
    assert len(scores) == 2 + 2 * 17


def test_detection_arguments_are_checked():
    labels, scores = detection([1, 0, 0, 0], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="bool labels"):
        metrics.detection_totals(labels.astype(int), scores)
    with pytest.raises(ValueError, match="for"):
        metrics.detection_totals(labels, scores[..., :3])
