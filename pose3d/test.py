"""Test a regression network on the unseen subject, over all frames: MPJPE of Eq. (9) and its companions.

With --predictions, judge poses that somebody has written to a file, without a network.
"""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.dataset.splits import minibatches
from pose3d.dataset.windows import N_WINDOWS
from pose3d.errors import UserError, command
from pose3d.evaluation import metrics
from pose3d.evaluation import nearest_neighbour as baselines
from pose3d.evaluation import pose_files as predictions
from pose3d.evaluation.evaluate import evaluate_poses
from pose3d.evaluation.robustness import perturbed_errors
from pose3d.io.atomic_files import whole
from pose3d.model import detection, regression
from pose3d.model.weights import BEST
from pose3d.report import evaluation_report as illustrated
from pose3d.report import evaluation_tables as judged
from pose3d.report import figures
from pose3d.skeleton import N_JOINTS
from pose3d.training.loop import EVALUATION_BATCH
from pose3d.training.setup import open_data

DETECTION = "runs/detection"


def outputs(graph, data, indices):
    """Yield a network's outputs for samples, batch by batch, each with its sample numbers."""
    batches = list(minibatches(indices, EVALUATION_BATCH))
    for batch in tqdm(batches, desc=graph.task, unit=" batches", leave=False, disable=None):
        yield graph.predict(data.images(batch)), batch


def predict(graph, data, indices):
    """Poses of samples: (n, 17, 3) pelvis-relative mm."""
    return np.concatenate([found for found, _ in outputs(graph, data, indices)]).reshape(-1, N_JOINTS, 3)


def score_detection(graph, data, indices):
    """F1 and average precision of a detection network: dict, None for a joint that is nowhere to find."""
    totals = {}
    for found, batch in outputs(graph, data, indices):
        counts = metrics.detection_totals(data.labels(batch), found.reshape(-1, N_JOINTS, N_WINDOWS))
        totals = {name: totals.get(name, 0) + count for name, count in counts.items()}
    scores = metrics.detection_scores(totals)
    return {name: None if np.isnan(x) else x for name, x in scores.items()}


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
        help="also score this detection network on the unseen subject, F1 and average precision, and show "
        f"its maps; none: do without (default: {DETECTION} if it is there)",
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
        help="folder for results.json, predictions.npz, report.html and pictures (default: runs/test; "
        "with --predictions: runs/judged)",
    )
    add(
        "--save-predictions",
        nargs="+",
        choices=predictions.FORMATS,
        metavar="FORMAT",
        help=f"write predictions and truth as any of {' '.join(predictions.FORMATS)} (default: npz; with "
        "--predictions: none)",
    )
    add(
        "--robustness",
        type=int,
        nargs="?",
        const=10,
        metavar="EVERY",
        help="also test every n-th frame (10) with boxes moved and scaled and masks eroded and dilated, "
        "from the raw tree that the files were built from",
    )
    add(
        "--seeds",
        nargs="+",
        metavar="RUN",
        help="also test these runs, say of other seeds, and put all side by side: median and range",
    )
    add(
        "--frames",
        type=int,
        default=400,
        help="how many frames report.html shows at most, evenly chosen; 0: no page (default: 400)",
    )
    add("--predictions", metavar="FILE", help="judge the poses in this npz, csv, json or txt file, mm")
    add("--truth", metavar="FILE", help="their truth, if that file does not hold it, too")
    arguments = parser.parse_args(argv)
    if arguments.truth and not arguments.predictions:
        parser.error("--truth goes with --predictions")
    if arguments.frames < 0:
        parser.error("--frames must be at least 0")
    asked = arguments.detection, arguments.nearest, arguments.robustness, arguments.seeds
    if arguments.predictions and any(asked):
        parser.error(
            "--predictions has no images: leave out --detection, --nearest, --robustness and --seeds"
        )
    if arguments.robustness is not None and arguments.robustness < 1:
        parser.error("--robustness must be at least 1")
    return arguments


def judged_network(arguments, out):
    """Test the network that is asked for, write its pictures: Pair, results, paths of the pictures."""
    graph = regression.from_weights(arguments.weights)
    data, chosen = open_data(arguments.data, graph.config.data, needs_test=True)
    results, beside = {"weights": str(arguments.weights)}, {}
    runs = {"regression": arguments.weights, "detection": _detection_run(arguments.detection)}
    detector = runs["detection"] and detection.from_weights(runs["detection"])
    if detector:
        _check_unseen(runs["detection"], detector, data, chosen.test, "--detection")
    poses, truths = predict(graph, data, chosen.test), data.poses[chosen.test]
    if not np.isfinite(poses).all():
        raise UserError(f"{arguments.weights}: its predictions are not finite; train again at a lower rate")
    if detector:
        scores = score_detection(detector, data, chosen.test)
        results["detection"] = {"weights": str(runs["detection"]), **scores}
    beside["mean_pose"] = np.broadcast_to(data.mean_pose(chosen.train), truths.shape)
    if arguments.nearest:
        beside["nearest_image"] = data.poses[baselines.nearest_images(data, chosen.train, chosen.test)]
    keys = {name: getattr(data, name)[chosen.test] for name in predictions.KEYS}
    results = evaluate_poses(poses, truths, keys, beside) | results
    if arguments.robustness:
        rng = np.random.default_rng(0)
        results["perturbed_mpjpe_mm"] = perturbed_errors(
            lambda images: graph.predict(images).reshape(-1, N_JOINTS, 3),
            data, chosen.test, arguments.robustness, rng,
        )  # fmt: skip
    if arguments.seeds:
        results["runs"] = {str(arguments.weights): results["over_frames"]} | {
            run: figures_of(run, data, chosen.test) for run in arguments.seeds
        }
    written = [out / name for name in (illustrated.POSES, illustrated.VIDEO, illustrated.FILTERS)]
    illustrated.draw_poses(written[0], data, chosen.test, poses)
    illustrated.draw_video(written[1], data, chosen.test, poses)
    figures.filters_figure(written[2], graph.network.get_weights()["conv1.W"])
    if arguments.frames and find_spec("plotly") is None:
        print(f"no {illustrated.PAGE}: it needs plotly, pip install 'pose3d[report]'")
    elif arguments.frames:
        maps = detector and (lambda images: detector.predict(images).reshape(-1, N_JOINTS, N_WINDOWS))
        written.append(out / illustrated.PAGE)
        illustrated.draw_page(written[-1], data, chosen.test, poses, results, runs, maps, arguments.frames)
    return predictions.Pair(poses, truths, keys), results, written


def figures_of(run, data, indices):
    """The figures of another run on the same samples: dict of `pose3d.evaluation.evaluate.Errors.figures`.

    Raises
    ------
    UserError
        if it was trained on one of the samples' subjects
    """
    graph = regression.from_weights(run)
    _check_unseen(run, graph, data, indices, "--seeds")
    keys = {name: getattr(data, name)[indices] for name in predictions.KEYS}
    return evaluate_poses(predict(graph, data, indices), data.poses[indices], keys)["over_frames"]


def _check_unseen(path, graph, data, indices, option):
    seen = set(data.subject[indices].tolist()) - set(graph.config.data.test)
    if seen:
        raise UserError(
            f"{path} was trained with {', '.join(sorted(seen))} not kept for the test; name another {option}"
        )


def _detection_run(given):
    """The detection run to score, or None."""
    if given is None:
        return DETECTION if Path(DETECTION, BEST).is_file() else None
    return None if given == "none" else given


def judged_file(arguments):
    """Judge the poses in a file: Pair, results."""
    pair = predictions.read_pair(arguments.predictions, arguments.truth)
    results = evaluate_poses(pair.predictions, pair.truths, pair.keys)
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
        pair, results, written = judged_network(arguments, out)
        formats = arguments.save_predictions or ["npz"]
    with whole(out / "results.json") as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False))
    written = [out / "results.json", *predictions.write(out, formats, pair), *written]
    print(judged.text(results), end="\n\n")
    print(f"{', '.join(path.name for path in written)} in {out}")
    print(judged.headline(results))


if __name__ == "__main__":
    sys.exit(main())
