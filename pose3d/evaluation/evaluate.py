"""Evaluate predicted poses: every metric over all frames, over actions, by joint, action, camera and so on.

Predictions, ground truth and the keys of the frames are arrays, or in files; networks are unknown here.
"""

from dataclasses import dataclass

import numpy as np

from pose3d.evaluation import metrics
from pose3d.evaluation.pose_file_formats import KEYS
from pose3d.evaluation.pose_pairs import read_pair
from pose3d.skeleton import EDGES, JOINTS, N_JOINTS

RECORDING = tuple(name for name in KEYS if name != "frame")
# Poses whose joints all lie this close count as equal, in the report's piecewise constancy.
EQUAL_MM = 0.01
BONES = tuple(f"{JOINTS[parent]} to {JOINTS[child]}" for parent, child in EDGES)


@dataclass(frozen=True)
class Errors:
    """Errors of F predictions, (F, 17) each. Every figure is a mean, a share or a quantile of some of them.

    The position is root-aligned, `n` after the best scaling, `p` after the best rotation, scaling and
    translation. Velocity and acceleration are the first difference with the frame before, and the second with
    the two frames before; nan where the take has no such frames.
    """

    position: np.ndarray  # these three in mm
    n: np.ndarray
    p: np.ndarray
    velocity: np.ndarray  # mm per frame
    acceleration: np.ndarray  # mm per frame squared

    @classmethod
    def of(cls, predictions, truths, succession):
        """Errors of poses, (F, 17, 3) arrays in mm; `succession` is a result of `metrics.successions`."""
        order, follows, step = succession
        p, g = predictions[order], truths[order]
        velocity, acceleration = np.full((2, len(order), N_JOINTS), np.nan)
        # Computed everywhere, then kept where the frames are consecutive.
        second = np.flatnonzero(follows) + 1
        velocity[order[second]] = metrics.velocity_errors(p, g)[second - 1] / step
        third = np.flatnonzero(follows[1:] & follows[:-1]) + 2
        acceleration[order[third]] = metrics.acceleration_errors(p, g)[third - 2] / step**2
        return cls(
            metrics.joint_errors(predictions, truths),
            metrics.n_joint_errors(predictions, truths),
            metrics.p_joint_errors(predictions, truths),
            velocity,
            acceleration,
        )

    def figures(self, chosen=slice(None), joints=slice(None)):
        """Metrics over some frames and joints: dict of str to number, or None if no frame has a predecessor.

        Median, sd and 95th percentile are over the frames, of the mean error of the joints.
        """
        position = self.position[chosen][:, joints]
        frames = position.mean(axis=1)
        return {
            "frames": len(frames),
            "mpjpe_mm": float(position.mean()),
            "median_mm": float(np.median(frames)),
            "sd_mm": float(frames.std()),
            "p95_mm": float(np.percentile(frames, 95)),
            "n_mpjpe_mm": float(self.n[chosen][:, joints].mean()),
            "p_mpjpe_mm": float(self.p[chosen][:, joints].mean()),
            "mpjve_mm_per_frame": _mean(self.velocity[chosen][:, joints]),
            "acceleration_error_mm_per_frame2": _mean(self.acceleration[chosen][:, joints]),
            "pck_150mm_percent": 100 * metrics.pck(position),
            "auc_150mm_percent": 100 * metrics.auc(position),
        }


def evaluate_poses(predictions, truths, keys, baselines=None):
    """Compute the content of `results.json`: numbers, str, lists and dicts; None for an undefined value.

    Predictions and truths are (F, 17, 3), mm; `keys` are some or all of `KEYS`, (F,) each, without ``frame``
    of frames that are consecutive; `baselines` are poses (F, 17, 3), by name, that are evaluated beside the
    predictions. A ValueError if there are no frames, or the shapes differ or are not those of poses.
    """
    predictions, truths = np.asarray(predictions), np.asarray(truths)
    if not len(predictions):
        raise ValueError("no frames to evaluate")
    recording = {name: np.asarray(keys[name]) for name in RECORDING if name in keys}
    frames = keys.get("frame", np.arange(len(predictions)))
    succession = metrics.successions(frames, *recording.values())
    errors = Errors.of(predictions, truths, succession)
    beside = {name: Errors.of(poses, truths, succession) for name, poses in (baselines or {}).items()}

    def figures(chosen=slice(None), joints=slice(None)):
        others = {
            f"{name}_mpjpe_mm": float(other.position[chosen][:, joints].mean())
            for name, other in beside.items()
        }
        return errors.figures(chosen, joints) | others

    whole = figures()
    joints = [{"joint": joint, **figures(joints=[j])} for j, joint in enumerate(JOINTS)]
    by = {name: _groups(figures, {name: values}) for name, values in recording.items()}
    return {
        "mpjpe_mm": whole["mpjpe_mm"],
        "mpjpe_16_joints_mm": whole["mpjpe_mm"] * N_JOINTS / (N_JOINTS - 1),
        "mpjpe_as_it_stands_mm": float(metrics.absolute_errors(predictions, truths).mean()),
        **{f"{name}_mpjpe_mm": whole[f"{name}_mpjpe_mm"] for name in beside},
        "frames": len(predictions),
        "subjects": [row["subject"] for row in by.get("subject", [])],
        "frame_step": succession[2],
        **_runs(predictions, succession),
        "spread_ratio": _mean(metrics.spread_ratio(predictions, truths)),
        "per_joint_mm": {row["joint"]: row["mpjpe_mm"] for row in joints},
        "over_frames": whole,
        "over_actions": _mean_figures(by.get("action")),
        "baselines": {name: other.figures() for name, other in beside.items()},
        "by_joint": joints,
        **{f"by_{name}": rows for name, rows in by.items()},
        "by_recording": _groups(figures, recording),
        **_bones(predictions, truths, recording.get("subject")),
    }


def _groups(figures, columns):
    """Figures for each combination of the columns' values that occurs, sorted: list of dict."""
    if not columns:
        return []
    codes = np.stack([np.unique(values, return_inverse=True)[1] for values in columns.values()])
    found, first, group = np.unique(codes, axis=1, return_index=True, return_inverse=True)
    return [
        {name: values[first[i]].item() for name, values in columns.items()} | figures(group.ravel() == i)
        for i in range(found.shape[1])
    ]


def _mean_figures(rows):
    """Mean of each figure over the rows, so that every action has equal weight; None without rows."""
    if not rows:
        return None
    names = [name for name in rows[0] if name not in ("action", "frames")]
    return {"actions": len(rows)} | {name: _mean([row[name] for row in rows]) for name in names}


def _runs(predictions, succession):
    order, follows, _ = succession
    runs = metrics.constant_runs(predictions[order], EQUAL_MM, follows)
    lengths, counts = np.unique(runs, return_counts=True)
    return {
        "mean_constant_run": float(runs.mean()),
        "longest_constant_run": int(runs.max()),
        "constant_runs": {int(length): int(n) for length, n in zip(lengths, counts, strict=True)},
    }


def _bones(predictions, truths, subject):
    """Errors of bone lengths, and the sd of each predicted bone length within a subject."""
    lengths = metrics.bone_lengths(predictions)
    errors = metrics.bone_length_errors(predictions, truths).mean(axis=0)
    subject = np.full(len(lengths), "all") if subject is None else subject
    spread = {str(who): lengths[subject == who].std(axis=0) for who in np.unique(subject)}
    return {
        "bone_length_error_mm": float(errors.mean()),
        "bone_length_sd_mm": float(np.mean(list(spread.values()))),
        "by_bone": [
            {"bone": bone, "length_error_mm": float(errors[i])}
            | {"length_sd_mm": {who: float(sd[i]) for who, sd in spread.items()}}
            for i, bone in enumerate(BONES)
        ],
    }


def _mean(values):
    """Mean of an array, or a number, without the nans; None, as JSON lacks nan, if all are nan."""
    values = np.asarray(values, float)
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def evaluate_files(predictions, truths=None):
    """Evaluate the poses in files, as `read_pair` reads them: Pair, results as of `evaluate_poses`."""
    pair = read_pair(predictions, truths)
    results = evaluate_poses(pair.predictions, pair.truths, pair.keys)
    results |= {"predictions": predictions, "truth": truths or predictions}
    if missing := [name for name in KEYS if name not in pair.keys]:
        results["note"] = (
            f"no {', '.join(missing)} in the files: frames that these would tell apart count as one sequence "
            "(velocities, runs of equal predictions)"
        )
    return pair, results
