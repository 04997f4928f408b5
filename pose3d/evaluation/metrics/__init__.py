"""Metrics of poses, of sequences and of the detection task, computed in float64.

Poses are (..., 17, 3) arrays in mm. Metrics of position are computed after root alignment, unless their
name says otherwise. The pelvis, whose error is then zero, counts among the 17 joints, as is customary.
"""

from pose3d.evaluation.metrics.pose_errors import (
    absolute_errors,
    aligned,
    auc,
    bone_length_errors,
    bone_lengths,
    joint_errors,
    mpjpe,
    n_joint_errors,
    p_joint_errors,
    pck,
    scaled,
    spread_ratio,
)  # fmt: skip
from pose3d.evaluation.metrics.sequence_errors import (
    acceleration_errors,
    constant_runs,
    successions,
    velocity_errors,
)  # fmt: skip
from pose3d.evaluation.metrics.window_scores import detection_scores, detection_totals

__all__ = [
    "absolute_errors", "acceleration_errors", "aligned", "auc", "bone_length_errors", "bone_lengths",
    "constant_runs", "detection_scores", "detection_totals", "joint_errors", "mpjpe", "n_joint_errors",
    "p_joint_errors", "pck", "scaled", "spread_ratio", "successions", "velocity_errors",
]  # fmt: skip
