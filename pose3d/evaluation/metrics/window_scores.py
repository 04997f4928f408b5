"""Metrics of the detection task: F1 and average precision per joint, over samples and windows.

Labels are (N, 17, 100) bool arrays; probabilities, 0 to 1, are the network's for these windows.
"""

import numpy as np

from pose3d.skeleton import JOINTS, N_JOINTS

# A window is predicted positive if its probability is above this.
DECISION = 0.5
_HALF = int(np.float16(0.5).view(np.uint16))


def detection_totals(labels, probabilities):
    """Counts of a batch for `detection_scores`, by name: arrays that add up over batches.

    ``decisions`` are true and false positives and false negatives, (3, 17). ``histograms``, (2, 17, bins),
    are of the probabilities of all windows and of positive ones, from 0 up. ValueError for other shapes.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if labels.dtype != bool or labels.ndim != 3 or labels.shape[1] != N_JOINTS:
        raise ValueError(f"bool labels (N, {N_JOINTS}, windows) expected, not {labels.dtype} {labels.shape}")
    if probabilities.shape != labels.shape:
        raise ValueError(f"{probabilities.shape} predictions for {labels.shape} labels")
    positive = probabilities > DECISION
    cells = labels & positive, ~labels & positive, labels & ~positive
    decisions = np.stack([each.sum(axis=(0, 2)) for each in cells])
    return {"decisions": decisions, "histograms": _histograms(labels, probabilities)}


def detection_scores(totals):
    """F1 and average precision of summed `detection_totals`; nan for a joint without positive windows.

    A dict: ``"f1"`` and ``"ap"``, means over the joints, ``"f1 head"``, ``"ap head"`` and so on.
    """
    hits, wrong, missed = totals["decisions"]
    total = 2 * hits + wrong + missed
    f1 = np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)
    precision = _average_precision(totals["histograms"])
    found = {"f1": float(np.nanmean(f1)), "ap": float(np.nanmean(precision))}
    for j, joint in enumerate(JOINTS):
        found |= {f"f1 {joint}": float(f1[j]), f"ap {joint}": float(precision[j])}
    return found


def _histograms(labels, probabilities):
    """Probabilities are rounded to float16 (three digits), those above 0.5 by their difference from 1.

    The probabilities of a confident network differ in the digits after 0.999.
    """
    low = probabilities <= 0.5
    # The bits of non-negative float16 numbers, read as integers, sort like the numbers.
    digits = np.where(low, probabilities, 1 - probabilities).astype(np.float16).view(np.uint16)
    bins = np.where(low, digits, 2 * _HALF + 1 - digits.astype(int))
    size = 2 * _HALF + 2
    place = bins + size * np.arange(N_JOINTS)[:, None]
    counts = [np.bincount(some.ravel(), minlength=N_JOINTS * size) for some in (place, place[labels])]
    return np.stack(counts).reshape(2, N_JOINTS, size)


def _average_precision(histograms):
    """Area under the precision-recall steps, ``sum_n (R_n - R_(n-1)) P_n``, of each joint: (17,).

    The thresholds n are the distinct probabilities, in descending order. Equal probabilities share a
    threshold, so the order of the samples does not matter.
    """
    found, hits = np.cumsum(histograms[:, :, ::-1], axis=2)
    positives = hits[:, -1:]
    precision = hits / np.maximum(found, 1)
    gained = np.diff(hits, axis=1, prepend=0) / np.maximum(positives, 1)
    return np.where(positives[:, 0] > 0, (gained * precision).sum(axis=1), np.nan)
