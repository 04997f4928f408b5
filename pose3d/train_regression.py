"""Train the pose regression network on the detection network's conv1-3: 51 coordinates, squared error."""

import dataclasses
import sys

import numpy as np

from pose3d.dataset import augmentation
from pose3d.errors import command
from pose3d.evaluation import metrics
from pose3d.io.ranks import ALONE, world
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.model.transfer import transfer
from pose3d.skeleton import N_JOINTS
from pose3d.training.data_parallel import shared
from pose3d.training.loop import Task, fit
from pose3d.training.setup import load_data, open_run, parser


def regression_task(graph, data, ranks=ALONE):
    """The loop's view of the regression network; its score is the MPJPE of Eq. (9), mm."""

    def targets(indices):
        return data.poses[indices].reshape(len(indices), graph.width)

    def augmented(images, indices, *drawn):
        images, _, poses = augmentation.augmented(
            images, data.joints_2d[indices], data.poses[indices], *drawn
        )
        return images, poses.reshape(len(indices), graph.width)

    def counts(outputs, indices):
        errors = metrics.joint_errors(outputs.reshape(-1, N_JOINTS, 3), data.poses[indices])
        return {"errors_mm": errors.sum()}

    def scores(counts, n, cost):
        return {"mpjpe_mm": float(counts["errors_mm"] / (n * N_JOINTS))}

    return Task(
        graph, targets, counts, scores, "mpjpe_mm", "MPJPE, Eq. (9) (mm)", dataclasses.asdict(graph.scale),
        augmented, ranks,
    )  # fmt: skip


@command
def main(argv=None):
    with world() as ranks:
        _train(argv, ranks)


def _train(argv, ranks):
    options = parser("regression", __doc__)
    options.add_argument(
        "--init",
        default="runs/detection",
        metavar="RUN",
        help="take conv1-3 from this detection run or weights file, or start at random: none",
    )
    arguments = options.parse_args(argv)
    config, data, chosen, resumed = load_data(arguments, "regression", ranks)
    scale = TargetScale.fit(data.blocks("poses", chosen.train), config.regression)
    graph = shared(RegressionGraph(config, scale), ranks)
    if arguments.init != "none" and not resumed:
        transfer(arguments.init, graph.network)
    run = open_run(arguments, config, resumed, ranks)
    if not resumed:
        run.say("conv1-3: random" if arguments.init == "none" else f"conv1-3: from {arguments.init}")
    mean_pose = data.mean_pose(chosen.train)
    errors = sum(
        metrics.joint_errors(np.broadcast_to(mean_pose, held_out.shape), held_out).sum()
        for held_out in data.blocks("poses", chosen.validation)
    )
    run.say(f"mean pose on validation: MPJPE {errors / (len(chosen.validation) * N_JOINTS):.2f} mm")
    best = fit(regression_task(graph, data, ranks), data, chosen, run, arguments.monitor_test, resumed)
    run.say(
        f"best: epoch {best['epoch']}, MPJPE {best['validation_mpjpe_mm']:.2f} mm on validation, "
        f"{best['train_mpjpe_mm']:.2f} mm on training samples; weights in {run.folder}"
    )


if __name__ == "__main__":
    sys.exit(main())
