"""Train the joint detection network: 17 joints in 10 x 10 windows, cross-entropy."""

import sys

from pose3d.dataset import augmentation
from pose3d.dataset.windows import N_WINDOWS, labels
from pose3d.errors import command
from pose3d.evaluation import metrics
from pose3d.io.ranks import ALONE, world
from pose3d.model.detection import DetectionGraph
from pose3d.report.tables import text_table
from pose3d.skeleton import JOINTS, N_JOINTS
from pose3d.training.data_parallel import shared
from pose3d.training.loop import Task, fit
from pose3d.training.setup import load_data, open_run, parser


def detection_task(graph, data, ranks=ALONE):
    """The loop's view of the detection network.

    Its scores are the cross-entropy per window (nats), and F1 and average precision: means over
    the joints, and for each joint.
    """

    def targets(indices):
        return data.labels(indices).reshape(len(indices), graph.width)

    def augmented(images, indices, *drawn):
        images, joints_2d, _ = augmentation.augmented(
            images, data.joints_2d[indices], data.poses[indices], *drawn
        )
        return images, labels(joints_2d).reshape(len(indices), graph.width)

    def counts(outputs, indices):
        return metrics.detection_totals(data.labels(indices), outputs.reshape(-1, N_JOINTS, N_WINDOWS))

    def scores(counts, n, cost):
        return {"cross_entropy": 2 * cost / graph.width, **metrics.detection_scores(counts)}

    return Task(
        graph, targets, counts, scores, "cross_entropy", "cross-entropy per window (nats), Eq. (4)", {},
        augmented, ranks,
    )  # fmt: skip


@command
def main(argv=None):
    with world() as ranks:
        _train(argv, ranks)


def _train(argv, ranks):
    arguments = parser("detection", __doc__).parse_args(argv)
    config, data, chosen, resumed = load_data(arguments, "detection", ranks)
    if config.augmentation.active:
        augmentation.refuse_given_labels(data, chosen.train)
    graph = shared(DetectionGraph(config), ranks)
    run = open_run(arguments, config, resumed, ranks)
    best = fit(detection_task(graph, data, ranks), data, chosen, run, arguments.monitor_test, resumed)
    columns = ("joint", "F1 train", "F1 validation", "AP train", "AP validation")
    rows = [
        [joint]
        + [best[f"{kind}_{score} {joint}"] for score in ("f1", "ap") for kind in ("train", "validation")]
        for joint in JOINTS
    ]
    run.say(text_table(columns, rows, decimals=3))
    run.say(
        f"best: epoch {best['epoch']}, on validation cross-entropy {best['validation_cross_entropy']:.4f} "
        f"per window, F1 {best['validation_f1']:.3f}, average precision {best['validation_ap']:.3f}; "
        f"weights in {run.folder}"
    )


if __name__ == "__main__":
    sys.exit(main())
