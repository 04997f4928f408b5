"""Metrics of the detection task: F1 and average precision per joint, over samples and windows.

Labels and decisions are (N, 17, 100) bool arrays; probabilities, 0 to 1, are the network's for these windows.
"""

import numpy as np

from pose3d.skeleton import JOINTS, N_JOINTS

# A window is predicted positive if its probability is above this.
DECISION = 0.5


def detection_counts(labels, decisions):
    """True and false positives and false negatives per joint, (3, 17) int; they add up over batches."""
    labels, decisions = _windows(labels, decisions)
    hits, wrong, missed = labels & decisions, ~labels & decisions, labels & ~decisions
    return np.stack([cells.sum(axis=(0, 2)) for cells in (hits, wrong, missed)])


def f1_from_counts(counts):
    """F1 per joint, ``2 TP / (2 TP + FP + FN)``: (17,), nan for a joint without any positive."""
    hits, wrong, missed = np.asarray(counts)
    total = 2 * hits + wrong + missed
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def f1(labels, decisions):
    """F1 per joint over all samples and windows: (17,)."""
    return f1_from_counts(detection_counts(labels, decisions))


def precision_histograms(labels, probabilities):
    """Histograms of the probabilities of all windows and of positive ones; they add up over batches.

    Probabilities are rounded to float16 (three digits), those above 0.5 by their difference from 1: the
    probabilities of a confident network differ in the digits after 0.999. Returns (2, 17, bins) ints: all
    windows and positive windows, from probability 0 up.
    """
    labels, probabilities = _windows(labels, probabilities)
    low = probabilities <= 0.5
    # The bits of non-negative float16 numbers, read as integers, sort like the numbers.
    digits = np.where(low, probabilities, 1 - probabilities).astype(np.float16).view(np.uint16)
    bins = np.where(low, digits, 2 * _HALF + 1 - digits.astype(int))
    size = 2 * _HALF + 2
    place = bins + size * np.arange(N_JOINTS)[:, None]
    counts = [np.bincount(some.ravel(), minlength=N_JOINTS * size) for some in (place, place[labels])]
    return np.stack(counts).reshape(2, N_JOINTS, size)


_HALF = int(np.float16(0.5).view(np.uint16))


def average_precision_from_histograms(histograms):
    """Area under the precision-recall steps, per joint, over all samples and windows.

    ``sum_n (R_n - R_(n-1)) P_n`` over the thresholds n = the distinct probabilities, in descending order.
    Equal probabilities share a threshold, so the order of the samples does not matter. Returns (17,), nan for
    a joint without a positive window.
    """
    found, hits = np.cumsum(np.asarray(histograms)[:, :, ::-1], axis=2)
    positives = hits[:, -1:]
    precision = hits / np.maximum(found, 1)
    gained = np.diff(hits, axis=1, prepend=0) / np.maximum(positives, 1)
    return np.where(positives[:, 0] > 0, (gained * precision).sum(axis=1), np.nan)


def average_precision(labels, probabilities):
    """Average precision per joint of one batch: (17,)."""
    return average_precision_from_histograms(precision_histograms(labels, probabilities))


def detection_totals(labels, probabilities):
    """Counts of a batch for `detection_scores`: dict of arrays that add up over batches."""
    return {
        "decisions": detection_counts(labels, np.asarray(probabilities) > DECISION),
        "histograms": precision_histograms(labels, probabilities),
    }


def detection_scores(totals):
    """F1 and average precision of summed `detection_totals`; nan for a joint without positive windows.

    A dict: ``"f1"`` and ``"ap"``, means over the joints, ``"f1 head"``, ``"ap head"`` and so on.
    """
    f1 = f1_from_counts(totals["decisions"])
    precision = average_precision_from_histograms(totals["histograms"])
    found = {"f1": float(np.nanmean(f1)), "ap": float(np.nanmean(precision))}
    for j, joint in enumerate(JOINTS):
        found |= {f"f1 {joint}": float(f1[j]), f"ap {joint}": float(precision[j])}
    return found


def _windows(labels, values):
    labels, values = np.asarray(labels), np.asarray(values)
    if labels.dtype != bool or labels.ndim != 3 or labels.shape[1] != N_JOINTS:
        raise ValueError(f"bool labels (N, {N_JOINTS}, windows) expected, not {labels.dtype} {labels.shape}")
    if labels.shape != values.shape:
        raise ValueError(f"{labels.shape} labels for {values.shape} decisions or scores")
    return labels, values
