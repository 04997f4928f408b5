"""Detection and regression as the training loop sees them: targets, scores, augmented samples."""

import dataclasses

import numpy as np

from pose3d.dataset import augmentation
from pose3d.dataset.windows import N_WINDOWS, labels
from pose3d.evaluation import metrics
from pose3d.io.ranks import ALONE
from pose3d.io.tables import text_table
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.model.transfer import transfer
from pose3d.skeleton import JOINTS, N_JOINTS
from pose3d.training.data_parallel import data_parallel
from pose3d.training.diagnostics import transferred_maps

SHOWN = 128  # samples by which transferred maps are judged and rescaled


class Task:
    """A network, its training data, and what its task asks of the loop.

    Attributes
    ----------
    name : "detection" or "regression"
    objective : str, the validation score that chooses the best epoch; lower is better
    unit : str, label of the learning curve's vertical axis
    cost_name : str, what a step minimises
    graph : pose3d.model.graph.Graph
    data : Dataset
    ranks : pose3d.io.ranks.Alone or Ranks, which share every minibatch
    scale : dict of arrays that the weights file must carry
    init : dict or None, as of `pose3d.model.weights.TrainedOn`; set by `start`
    """

    name = objective = unit = cost_name = init = None
    scale = {}

    def __init__(self, graph, data, ranks=ALONE):
        self.graph, self.data, self.ranks = data_parallel(graph, ranks), data, ranks

    @property
    def config(self):
        return self.graph.config

    def start(self, init, split):
        """Prepare a new run, with conv1-3 of the weights `init` (path, or "none"); return lines for a log."""
        raise NotImplementedError

    def targets(self, indices):
        """Targets of samples: (n, width) array."""
        raise NotImplementedError

    def augmented(self, images, indices, *drawn):
        """Changed images of samples, and their (n, width) targets; see `augmentation.augmented`."""
        raise NotImplementedError

    def counts(self, outputs, indices):
        """What adds up over minibatches to score them, so that scoring needs no memory for all outputs."""
        raise NotImplementedError

    def scores(self, counts, n, cost):
        """Scores by name, from the summed `counts`, the number of samples and the mean cost."""
        raise NotImplementedError

    def summary(self, best):
        """The best epoch in words: str."""
        raise NotImplementedError


class DetectionTask(Task):
    """17 joints in 10 x 10 windows.

    Its scores are the cross-entropy per window (nats), and F1 and average precision: means over
    the joints, and for each joint.
    """

    name, objective, unit = "detection", "cross_entropy", "cross-entropy per window (nats), Eq. (4)"
    cost_name = "Eq. (5), half the cross-entropy of the 1700 windows together"

    @classmethod
    def create(cls, config, data, split, ranks=ALONE):
        """The task of a new network."""
        return cls(DetectionGraph(config), data, ranks)

    def start(self, init, split):
        return []

    def targets(self, indices):
        return self.data.labels(indices).reshape(len(indices), self.graph.width)

    def augmented(self, images, indices, *drawn):
        images, joints_2d, _ = augmentation.augmented(
            images, self.data.joints_2d[indices], self.data.poses[indices], *drawn
        )
        return images, labels(joints_2d).reshape(len(indices), self.graph.width)

    def counts(self, outputs, indices):
        return metrics.detection_totals(self.data.labels(indices), outputs.reshape(-1, N_JOINTS, N_WINDOWS))

    def scores(self, counts, n, cost):
        return {"cross_entropy": 2 * cost / self.graph.width, **metrics.detection_scores(counts)}

    def summary(self, best):
        columns = ("joint", "F1 train", "F1 validation", "AP train", "AP validation")
        rows = [
            [
                joint,
                *(
                    best[f"{kind}_{score} {joint}"]
                    for score in ("f1", "ap")
                    for kind in ("train", "validation")
                ),
            ]
            for joint in JOINTS
        ]
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

    @classmethod
    def create(cls, config, data, split, ranks=ALONE):
        """The task of a new network, whose targets are scaled by the training poses."""
        scale = TargetScale.fit(data.blocks("poses", split.train), config.regression)
        task = cls(RegressionGraph(config, scale), data, ranks)
        if config.regression.cost == "mpjpe":
            task.cost_name = "MPJPE (mm)"
        task.scale = dataclasses.asdict(scale) | {"mean_pose": data.mean_pose(split.train).ravel()}
        return task

    def start(self, init, split):
        lines = ["conv1, conv2, conv3 random"]
        if init != "none":
            images = self._some_images(split.train) if self.config.transfer.rescale else None
            self.init, notes = transfer(init, self.graph, self.data.origin, images)
            maps = transferred_maps(self.graph, self._some_images(split.validation))
            lines = [f"conv1, conv2, conv3 from {init}", *notes, *maps]
        baseline = self._mean_pose_mpjpe(split)
        return [
            *lines,
            f"baseline on validation, mean training pose: MPJPE {baseline:.2f} mm",
        ]

    def _some_images(self, indices):
        return self.data.images(indices[:: max(1, len(indices) // SHOWN)][:SHOWN])

    def _mean_pose_mpjpe(self, split):
        mean_pose = self.scale["mean_pose"].reshape(N_JOINTS, 3)
        errors = sum(
            metrics.joint_errors(np.broadcast_to(mean_pose, poses.shape), poses).sum()
            for poses in self.data.blocks("poses", split.validation)
        )
        return errors / (len(split.validation) * N_JOINTS)

    def targets(self, indices):
        return self.data.poses[indices].reshape(len(indices), self.graph.width)

    def augmented(self, images, indices, *drawn):
        images, _, poses = augmentation.augmented(
            images, self.data.joints_2d[indices], self.data.poses[indices], *drawn
        )
        return images, poses.reshape(len(indices), self.graph.width)

    def counts(self, outputs, indices):
        errors = metrics.joint_errors(outputs.reshape(-1, N_JOINTS, 3), self.data.poses[indices])
        return {"errors_mm": errors.sum()}

    def scores(self, counts, n, cost):
        return {"mpjpe_mm": float(counts["errors_mm"] / (n * N_JOINTS))}

    def summary(self, best):
        return (
            f"best: epoch {best['epoch']}, MPJPE {best['validation_mpjpe_mm']:.2f} mm on validation, "
            f"{best['train_mpjpe_mm']:.2f} mm on training samples"
        )
