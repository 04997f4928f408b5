"""What differs between detection and regression: targets, scores, and how a new run starts."""

import dataclasses
from typing import NamedTuple

import numpy as np

from pose3d.dataset.augmentation import augmented
from pose3d.dataset.windows import N_WINDOWS, labels
from pose3d.evaluation import metrics
from pose3d.io.tables import text_table
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.model.transfer import transfer
from pose3d.skeleton import JOINTS, N_JOINTS
from pose3d.training.diagnostics import transferred_maps

SHOWN = 128  # samples by which layers are watched and transferred maps are rescaled


class Samples(NamedTuple):
    """What a step takes."""

    images: np.ndarray  # (n, 128, 128) uint8
    targets: np.ndarray  # (n, width)


class Task:
    """A network, its training data, and what its task asks of the loop.

    A subclass sets the first five attributes, and defines

    * ``targets(values)``: the (n, width) targets of samples, from their values in `column`
    * ``counts(outputs, targets)``: what adds up over minibatches, by name; no outputs are kept
    * ``figures(cost, totals, n)``: scores of n samples by name, from their mean cost and summed counts
    * ``summary(best)``: the row of the best epoch in words
    """

    name = None  # "detection" or "regression"
    objective = None  # the validation score that chooses the best epoch; lower is better
    unit = None  # label of the learning curve's vertical axis
    cost_name = None  # what a step minimises
    column = None  # the column of the data that targets are computed from
    init = None  # as of `pose3d.model.weights.TrainedOn`; set by `start`
    scale = {}  # arrays that the weights file must carry
    evaluation_batch = 128  # samples that are evaluated at once

    def __init__(self, graph, data):
        self.graph, self.data = graph, data

    @property
    def config(self):
        return self.graph.config

    def prefetch(self, numbers):
        """Ask the system to read the images of samples that are needed next."""
        self.data.prefetch(numbers)

    def samples(self, numbers, drawn=None):
        """The `Samples` with these numbers, augmented as was `drawn` for each (`augmentation.draw`)."""
        images = self.data.images(numbers)
        if drawn is None:
            return Samples(images, self.targets(getattr(self.data, self.column)[numbers]))
        images, joints_2d, poses = augmented(
            images, self.data.joints_2d[numbers], self.data.poses[numbers], *drawn
        )
        return Samples(images, self.targets({"joints_2d": joints_2d, "poses": poses}[self.column]))

    def some_images(self, numbers):
        """Images of 128 of these samples, from all over them."""
        return self.data.images(numbers[:: max(1, len(numbers) // SHOWN)][:SHOWN])

    def scores(self, totals, n):
        """The mean cost of n samples, and their other scores, by name, from summed costs and counts."""
        cost = totals["cost"] / n
        return {"cost": cost, **self.figures(cost, totals, n)}

    def start(self, init, split):
        """Prepare a new run, with the weights of `transfer` in `init` (path, or "none"); lines for a log."""
        return []


class DetectionTask(Task):
    """17 joints in 10 x 10 windows.

    Its scores are the cross-entropy per window (nats), and F1 and average precision: means over
    the joints, and for each joint.
    """

    name, objective, unit = "detection", "cross_entropy", "cross-entropy per window (nats), Eq. (4)"
    cost_name = "Eq. (5), half the cross-entropy of the 1700 windows together"
    column = "joints_2d"

    @classmethod
    def create(cls, config, data, split):
        """The task of a new network."""
        return cls(DetectionGraph(config), data)

    def targets(self, joints_2d):
        return labels(joints_2d).reshape(len(joints_2d), self.graph.width)

    def counts(self, outputs, targets):
        return metrics.detection_totals(*(a.reshape(-1, N_JOINTS, N_WINDOWS) for a in (targets, outputs)))

    def figures(self, cost, totals, n):
        return {"cross_entropy": 2 * cost / self.graph.width, **metrics.detection_scores(totals)}

    def summary(self, best):
        columns = ("joint", "F1 train", "F1 validation", "AP train", "AP validation")
        keys = [f"{kind}_{score}" for score in ("f1", "ap") for kind in ("train", "validation")]
        rows = [[joint, *(best[f"{key} {joint}"] for key in keys)] for joint in JOINTS]
        return (
            f"{text_table(columns, rows, decimals=3)}\n"
            f"best: epoch {best['epoch']}, on validation cross-entropy "
            f"{best['validation_cross_entropy']:.4f} per window, "
            f"F1 {best['validation_f1']:.3f}, average precision {best['validation_ap']:.3f}"
        )


class RegressionTask(Task):
    """51 pelvis-relative coordinates; the score is the MPJPE of Eq. (9), mm."""

    name, objective, unit = "regression", "mpjpe_mm", "MPJPE, Eq. (9) (mm)"
    cost_name = "Eq. (6), half the squared error of the 51 numbers that fc3 gives"
    column = "poses"

    @classmethod
    def create(cls, config, data, split):
        """The task of a new network, whose targets are scaled by the training poses."""
        scale = TargetScale.fit(data.blocks("poses", split.train), config.regression)
        task = cls(RegressionGraph(config, scale), data)
        if config.regression.cost == "mpjpe":
            task.cost_name = "MPJPE (mm)"
        task.scale = dataclasses.asdict(scale) | {"mean_pose": data.mean_pose(split.train).ravel()}
        return task

    def start(self, init, split):
        lines = ["conv1, conv2, conv3 random"]
        if init != "none":
            images = self.some_images(split.train) if self.config.transfer.rescale else None
            self.init, lines = transfer(init, self.graph, self.data.origin, images)
            lines += transferred_maps(self.graph, self.some_images(split.validation))
        baseline = self._mean_pose_mpjpe(split)
        return [*lines, f"baseline on validation, mean training pose: MPJPE {baseline:.2f} mm"]

    def _mean_pose_mpjpe(self, split):
        mean_pose = self.scale["mean_pose"].reshape(N_JOINTS, 3)
        errors = sum(
            metrics.joint_errors(np.broadcast_to(mean_pose, poses.shape), poses).sum()
            for poses in self.data.blocks("poses", split.validation)
        )
        return errors / (len(split.validation) * N_JOINTS)

    def targets(self, poses):
        return poses.reshape(len(poses), self.graph.width)

    def counts(self, outputs, targets):
        errors = metrics.joint_errors(*(a.reshape(-1, N_JOINTS, 3) for a in (outputs, targets)))
        return {"errors_mm": errors.sum()}

    def figures(self, cost, totals, n):
        return {"mpjpe_mm": float(totals["errors_mm"] / (n * N_JOINTS))}

    def summary(self, best):
        return (
            f"best: epoch {best['epoch']}, MPJPE {best['validation_mpjpe_mm']:.2f} mm on validation, "
            f"{best['train_mpjpe_mm']:.2f} mm on training samples"
        )
