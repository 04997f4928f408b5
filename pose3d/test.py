"""Test a regression network on the unseen subject, over all frames: MPJPE of Eq. (9) and its companions.

With --predictions, judge poses that somebody has written to a file, without a network.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d import baselines, detection, metrics, predictions, regression
from pose3d.errors import UserError, command
from pose3d.files import whole
from pose3d.judgement import judge
from pose3d.preparing import open_data
from pose3d.report import figures, judged
from pose3d.skeleton import N_JOINTS
from pose3d.splits import minibatches
from pose3d.training import EVALUATION_BATCH
from pose3d.windows import N_WINDOWS


def outputs(graph, data, indices):
    """Yield a network's outputs for samples, batch by batch, each with its sample numbers."""
    batches = list(minibatches(indices, EVALUATION_BATCH))
    for batch in tqdm(batches, desc=graph.task, unit=" batches", leave=False, disable=None):
        yield graph.predict(data.images(batch)), batch


def predict(graph, data, indices):
    """Poses of samples: (n, 17, 3) pelvis-relative mm."""
    return np.concatenate([found for found, _ in outputs(graph, data, indices)]).reshape(-1, N_JOINTS, 3)


def score_detection(path, data, indices):
    """F1 and average precision of a detection network: dict of str to float, None where nothing is to find.

    Raises
    ------
    UserError
        if it was trained on one of the samples' subjects; and as `detection.from_weights` does
    """
    graph = detection.from_weights(path)
    seen = set(data.subject[indices].tolist()) - set(graph.config.data.test)
    if seen:
        raise UserError(
            f"{path} was trained with {', '.join(sorted(seen))} not kept for the test; "
            "name another --detection"
        )
    totals = {}
    for found, batch in outputs(graph, data, indices):
        counts = metrics.detection_totals(data.labels(batch), found.reshape(-1, N_JOINTS, N_WINDOWS))
        totals = {name: totals.get(name, 0) + count for name, count in counts.items()}
    scores = metrics.detection_scores(totals)
    return {"weights": str(path)} | {name: None if np.isnan(x) else x for name, x in scores.items()}


def draw(path, data, indices, poses):
    """The report's figure 6: the best frame, the median, the worst."""
    errors = metrics.joint_errors(poses, data.poses[indices]).mean(axis=1)
    order = np.argsort(errors, kind="stable")
    shown = order[[0, len(order) // 2, -1]]
    titles = [
        f"{name}: {errors[i]:.1f} mm\n{data.subject[n]} take {data.take[n]} "
        f"camera {data.camera[n]} frame {data.frame[n]}"
        for name, i, n in zip(("best", "median", "worst"), shown, indices[shown], strict=True)
    ]
    images = data.images(indices[shown], keep=False)
    figures.poses_figure(path, images, poses[shown], data.poses[indices[shown]], titles)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.test",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="data/walking", help="folder of the built files (default: data/walking)")
    add(
        "--weights",
        default="runs/regression",
        help="run folder (its best epoch) or weights file (default: runs/regression)",
    )
    add(
        "--detection",
        metavar="RUN",
        help="also score this detection network on the unseen subject: F1 and average precision",
    )
    add(
        "--nearest",
        action="store_true",
        help="also judge the pose of the training image nearest in squared pixel distance (slow: "
        "training images x test images)",
    )
    add(
        "--out",
        type=Path,
        help="folder for results.json, predictions.npz, poses.png (default: runs/test; with --predictions: "
        "runs/judged)",
    )
    add(
        "--save-predictions",
        nargs="+",
        choices=predictions.FORMATS,
        metavar="FORMAT",
        help=f"write predictions and truth as any of {' '.join(predictions.FORMATS)} (default: npz; with "
        "--predictions: none)",
    )
    add("--predictions", metavar="FILE", help="judge the poses in this npz, csv, json, h5 or txt file, mm")
    add("--truth", metavar="FILE", help="their truth, if that file does not hold it, too")
    arguments = parser.parse_args(argv)
    if arguments.truth and not arguments.predictions:
        parser.error("--truth goes with --predictions")
    if arguments.predictions and (arguments.detection or arguments.nearest):
        parser.error("--predictions has no images: leave out --detection and --nearest")
    return arguments


def judged_network(arguments, out):
    """Test the network that is asked for and draw some of its poses: Pair, results."""
    graph = regression.from_weights(arguments.weights)
    data, chosen = open_data(arguments.data, graph.config.data, needs_test=True)
    results = {"weights": str(arguments.weights)}
    if arguments.detection:  # first, for it may be refused
        results["detection"] = score_detection(arguments.detection, data, chosen.test)
    poses, truths = predict(graph, data, chosen.test), data.poses[chosen.test]
    if not np.isfinite(poses).all():
        raise UserError(f"{arguments.weights}: its predictions are not finite; train again at a lower rate")
    beside = {"mean_pose": np.broadcast_to(data.mean_pose(chosen.train), truths.shape)}
    if arguments.nearest:
        beside["nearest_image"] = data.poses[baselines.nearest_images(data, chosen.train, chosen.test)]
    keys = {name: getattr(data, name)[chosen.test] for name in predictions.KEYS}
    draw(out / "poses.png", data, chosen.test, poses)
    return predictions.Pair(poses, truths, keys), judge(poses, truths, keys, beside) | results


def judged_file(arguments):
    """Judge the poses in a file: Pair, results."""
    pair = predictions.read_pair(arguments.predictions, arguments.truth)
    results = judge(pair.predictions, pair.truths, pair.keys)
    results |= {"predictions": arguments.predictions, "truth": arguments.truth or arguments.predictions}
    missing = [name for name in predictions.KEYS if name not in pair.keys]
    if missing:
        results["note"] = (
            f"no {', '.join(missing)} in the files: as far as these would tell, all frames are taken for "
            "one sequence (velocities, runs of equal predictions)"
        )
    return pair, results


@command
def main(argv=None):
    arguments = parse(argv)
    if arguments.predictions:
        out = arguments.out or Path("runs/judged")
        pair, results = judged_file(arguments)
        formats, written = arguments.save_predictions or [], []
    else:
        out = arguments.out or Path("runs/test")
        pair, results = judged_network(arguments, out)
        formats, written = arguments.save_predictions or ["npz"], [out / "poses.png"]
    with whole(out / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False))
    written = [out / "results.json", *predictions.write(out, formats, pair), *written]
    print(judged.tables(results), end="\n\n")
    print(f"{', '.join(path.name for path in written)} in {out}")
    print(judged.headline(results))


if __name__ == "__main__":
    sys.exit(main())
