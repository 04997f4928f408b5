"""Metrics of the detection task: F1 and average precision per joint, over samples and windows.

Labels are (N, 17, 100) bool arrays; probabilities are the network's, for the same windows.
"""

import numpy as np

from pose3d.skeleton import JOINTS, N_JOINTS

# A window is predicted positive if its probability is above this.
DECISION = 0.5


def detection_counts(labels, decisions):
    """True positives, false positives and false negatives per joint; they add up over batches.

    Parameters
    ----------
    labels, decisions : (N, 17, 100) bool arrays

    Returns
    -------
    (3, 17) int array
    """
    labels, decisions = _windows(labels, decisions)
    hits, wrong, missed = labels & decisions, ~labels & decisions, labels & ~decisions
    return np.stack([cells.sum(axis=(0, 2)) for cells in (hits, wrong, missed)])


def f1_from_counts(counts):
    """F1 per joint, ``2 TP / (2 TP + FP + FN)``: (17,), nan for a joint without any positive."""
    hits, wrong, missed = np.asarray(counts)
    total = 2 * hits + wrong + missed
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def f1(labels, decisions):
    """F1 per joint over all samples and windows: (17,); arguments as in `detection_counts`."""
    return f1_from_counts(detection_counts(labels, decisions))


def precision_histograms(labels, probabilities):
    """Histograms of the probabilities of all windows and of positive ones; they add up over batches.

    Probabilities are rounded to float16 (three digits), those above 0.5 by their difference from 1: the
    probabilities of a confident network differ in the digits after 0.999.

    Parameters
    ----------
    labels : (N, 17, 100) bool array
    probabilities : (N, 17, 100) array, 0 to 1

    Returns
    -------
    (2, 17, bins) int array: all windows and positive windows, from probability 0 up
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
    Equal probabilities share a threshold, so the order of the samples does not matter.

    Parameters
    ----------
    histograms : (2, 17, bins) int array of `precision_histograms`

    Returns
    -------
    (17,) float64 array, nan for a joint without a positive window
    """
    found, hits = np.cumsum(np.asarray(histograms)[:, :, ::-1], axis=2)
    positives = hits[:, -1:]
    precision = hits / np.maximum(found, 1)
    gained = np.diff(hits, axis=1, prepend=0) / np.maximum(positives, 1)
    return np.where(positives[:, 0] > 0, (gained * precision).sum(axis=1), np.nan)


def average_precision(labels, probabilities):
    """Average precision per joint of one batch: (17,); arguments as in `precision_histograms`."""
    return average_precision_from_histograms(precision_histograms(labels, probabilities))


def detection_totals(labels, probabilities):
    """Counts of a batch for F1 and average precision; each array adds up over batches.

    Parameters
    ----------
    labels, probabilities : as in `precision_histograms`

    Returns
    -------
    dict of str to int array, for `detection_scores`
    """
    return {
        "decisions": detection_counts(labels, np.asarray(probabilities) > DECISION),
        "histograms": precision_histograms(labels, probabilities),
    }


def detection_scores(totals):
    """F1 and average precision: ``"f1"`` and ``"ap"``, means over the joints, ``"f1 head"`` and so on.

    Parameters
    ----------
    totals : dict, the summed arrays of `detection_totals`

    Returns
    -------
    dict of str to float, nan for a joint without positive windows
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
