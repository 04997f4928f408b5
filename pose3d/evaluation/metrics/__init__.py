"""Metrics of poses, of sequences and of the detection task, computed in float64.

Poses are (..., 17, 3) arrays in mm. Metrics of position are computed after root alignment, unless their
name says otherwise. The pelvis, whose error is then zero, counts among the 17 joints, as is customary.
"""

from pose3d.evaluation.metrics.pose_errors import (
    AUC_THRESHOLDS,
    PCK_THRESHOLD,
    absolute_errors,
    aligned,
    auc,
    bone_length_errors,
    bone_lengths,
    joint_errors,
    mpjpe,
    n_joint_errors,
    n_mpjpe,
    p_joint_errors,
    p_mpjpe,
    pck,
    scaled,
    spread_ratio,
)
from pose3d.evaluation.metrics.sequence_errors import (
    acceleration_errors,
    constant_runs,
    mpjve,
    successions,
    velocity_errors,
)
from pose3d.evaluation.metrics.window_scores import (
    average_precision,
    average_precision_from_histograms,
    detection_counts,
    detection_scores,
    detection_totals,
    f1,
    f1_from_counts,
    precision_histograms,
)

__all__ = [
    "AUC_THRESHOLDS", "PCK_THRESHOLD", "absolute_errors", "acceleration_errors", "aligned", "auc",
    "average_precision", "average_precision_from_histograms", "bone_length_errors", "bone_lengths",
    "constant_runs", "detection_counts", "detection_scores", "detection_totals", "f1", "f1_from_counts",
    "joint_errors", "mpjpe", "mpjve", "n_joint_errors", "n_mpjpe", "p_joint_errors", "p_mpjpe", "pck",
    "precision_histograms", "scaled", "spread_ratio", "successions", "velocity_errors",
]  # fmt: skip
