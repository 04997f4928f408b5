"""Test a regression network on the unseen subject, over all frames: MPJPE of Eq. (9) and other metrics.

With --predictions, evaluate poses from files, without a network.
"""

import argparse
import contextlib
import dataclasses
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pose3d.config import built_folder
from pose3d.dataset.splits import open_test, split_of
from pose3d.dataset.windows import N_WINDOWS
from pose3d.errors import UserError, command, verdict
from pose3d.evaluation import network_evaluation, pose_files
from pose3d.evaluation.evaluate import evaluate_poses
from pose3d.evaluation.nearest_neighbour import nearest_images
from pose3d.evaluation.robustness import perturbed_errors
from pose3d.io.atomic_files import exclusive, whole
from pose3d.model import weights
from pose3d.model.trained_graph import graph_of
from pose3d.report import evaluation_report, evaluation_tables
from pose3d.skeleton import N_JOINTS


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.test",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default=built_folder(), help="folder of the built files (default: %(default)s)")
    add(
        "--weights",
        default="runs/regression",
        help="run folder (its best epoch) or weights file (default: runs/regression)",
    )
    add(
        "--detection",
        metavar="RUN",
        help="also score this detection network on the unseen subject, by F1 and average precision, and show "
        "its maps; none: no detection network (default: the one that conv1-3 were taken from)",
    )
    add("--subjects", nargs="+", metavar="S", help="test on these (default: the weights' data.test)")
    add("--actions", nargs="+", metavar="A", help="test on these (default: the weights' data.actions)")
    add(
        "--nearest",
        action="store_true",
        help="also evaluate a baseline, the pose of the training image nearest in squared pixel distance "
        "(slow: training images x test images)",
    )
    add(
        "--mirror",
        action="store_true",
        help="average each pose over the image and its mirror image, which the report does not",
    )
    add(
        "--out",
        type=Path,
        help="folder for results.json, predictions.npz, report.html and pictures (default: runs/test; "
        "with --predictions: runs/evaluated)",
    )
    add(
        "--save-predictions",
        nargs="+",
        choices=pose_files.FORMATS,
        metavar="FORMAT",
        help=f"write predictions and ground truth in any of {' '.join(pose_files.FORMATS)} "
        "(default: npz; with --predictions: none)",
    )
    add(
        "--robustness",
        type=int,
        nargs="?",
        const=10,
        metavar="EVERY",
        help="also test every n-th frame (default: 10) with boxes moved and scaled and with masks eroded, "
        "dilated and under specks; needs the raw tree or custom recordings that the files were built from",
    )
    add(
        "--seeds",
        nargs="+",
        metavar="RUN",
        help="also test these runs, for instance of other seeds, and print median and range of all runs",
    )
    add(
        "--frames",
        type=int,
        default=400,
        help="largest number of frames in report.html, evenly chosen; 0: no page (default: 400)",
    )
    add("--predictions", metavar="FILE", help="evaluate the poses in this npz, csv, json or txt file, mm")
    add("--truth", metavar="FILE", help="their ground truth, if it is not in that file; or a built file, h5")
    arguments = parser.parse_args(argv)
    if arguments.truth and not arguments.predictions:
        parser.error("--truth goes with --predictions")
    if arguments.frames < 0:
        parser.error("--frames must be at least 0")
    asked = "detection", "nearest", "robustness", "seeds", "mirror"
    if arguments.predictions and any(getattr(arguments, name) for name in asked):
        parser.error(f"--predictions has no images: omit --{', --'.join(asked)}")
    if arguments.robustness is not None and arguments.robustness < 1:
        parser.error("--robustness must be at least 1")
    return arguments


def test_network(arguments, out, formats):
    """Test a network: results, paths of what is written, error lines of the extras that failed."""
    found = weights.load(arguments.weights, "regression")
    graph = graph_of(found, arguments.weights)
    data, test = open_test(arguments.data, graph.config.data, arguments.subjects, arguments.actions)
    network_evaluation.check_unseen(arguments.weights, found, data, test, "--weights or --subjects")
    detection, detector = _detector(arguments.detection, found.trained_on.init, data, test)
    poses, truths = network_evaluation.predict_poses(graph, data, test, arguments.mirror), data.poses[test]
    keys = network_evaluation.sample_keys(data, test)
    mean = np.broadcast_to(found.scale["mean_pose"].reshape(N_JOINTS, 3), truths.shape)

    def evaluate(**baselines):
        return evaluate_poses(poses, truths, keys, {"mean_pose": mean, **baselines})

    results = evaluate() | {
        "weights": str(arguments.weights),
        "mirror": arguments.mirror,
        **_origins(found.trained_on.data, data.origin),
    }
    if detector:
        scores = network_evaluation.score_detection(detector, data, test)
        results["detection"] = {"weights": str(detection), **scores}
    written = _write(out, results, formats, pose_files.Pair(poses, truths, keys))
    faults = []
    for extra in _extras(arguments, graph, data, test, results, evaluate):
        with _noting(faults):
            results.update(extra())
            _write(out, results)
    with _noting(faults):
        written += evaluation_report.draw(
            out, data, test, poses, results,
            filters=graph.network.get_weights()["conv1.W"],
            runs={"regression": arguments.weights, "detection": detection},
            maps=detector and (lambda images: detector.predict(images).reshape(-1, N_JOINTS, N_WINDOWS)),
            frames=_page_frames(arguments),
        )  # fmt: skip
    return results, written, faults


def _origins(theirs, ours):
    """What the network was trained on and is tested on, for the results; a note if they are not the same."""
    found = {"trained_on": dataclasses.asdict(theirs), "tested_on": dataclasses.asdict(ours)}
    if theirs.fingerprint != ours.fingerprint:
        found["note"] = f"the network was trained on {theirs}, and is tested on {ours}"
    return found


def _extras(arguments, graph, data, test, results, evaluate):
    """What is asked for beside the test itself: functions that return additions to the results."""
    if arguments.nearest:
        yield lambda: evaluate(
            nearest_image=data.poses[nearest_images(data, split_of(data, graph.config.data).train, test)]
        )
    if arguments.robustness:
        predict = graph.predict_mirrored if arguments.mirror else graph.predict
        yield lambda: {
            "perturbed_mpjpe_mm": perturbed_errors(
                lambda images: predict(images).reshape(-1, N_JOINTS, 3),
                data, test, arguments.robustness, np.random.default_rng(0),
            )
        }  # fmt: skip
    for run in arguments.seeds or ():
        runs = results.get("runs", {str(arguments.weights): results["over_frames"]})
        yield lambda run=run, runs=runs: {
            "runs": runs | {run: network_evaluation.evaluate_run(run, data, test, arguments.mirror)}
        }


@contextlib.contextmanager
def _noting(faults):
    """Note the error line of an extra that fails: it takes nothing from the results before it."""
    try:
        yield
    except Exception as error:
        if (found := verdict(error)) is None:
            raise
        faults.append(found[1])


def _page_frames(arguments):
    """How many frames the page shows; 0 for no page."""
    if arguments.frames and find_spec("plotly") is None:
        print(f"no {evaluation_report.PAGE}: it needs plotly, pip install 'pose3d[report]'")
        return 0
    return arguments.frames


def _detector(named, init, data, indices):
    """The detection network to score: its run and its graph, or None twice.

    It is the one that is named, or the one that the regression network began with, if that is still there.
    """
    if named == "none" or not (named or init):
        return None, None
    run = named or init["path"]
    try:
        if not named and weights.digest(run) != init["sha256"]:
            raise UserError(f"{run} was trained anew since then")
        found = weights.load(run, "detection")
        network_evaluation.check_unseen(run, found, data, indices, "--detection")
        return run, graph_of(found, run)
    except (UserError, OSError) as error:
        if named:
            raise
        print(f"the detection network that conv1-3 were taken from is not scored: {error}")
        return None, None


def evaluate_files(arguments):
    """Evaluate the poses in files: Pair, results."""
    pair = pose_files.read_pair(arguments.predictions, arguments.truth)
    results = evaluate_poses(pair.predictions, pair.truths, pair.keys)
    results |= {"predictions": arguments.predictions, "truth": arguments.truth or arguments.predictions}
    missing = [name for name in pose_files.KEYS if name not in pair.keys]
    if missing:
        results["note"] = (
            f"no {', '.join(missing)} in the files: frames that these would tell apart count as one sequence "
            "(velocities, runs of equal predictions)"
        )
    return pair, results


def _write(out, results, formats=(), pair=None):
    """Write ``results.json``, and poses in some formats: list of paths."""
    path = out / "results.json"
    with whole(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    return [path, *pose_files.write(out, formats, pair)] if formats else [path]


@command
def main(argv=None):
    arguments = parse(argv)
    out = arguments.out or Path("runs/evaluated" if arguments.predictions else "runs/test")
    with exclusive(out):
        if arguments.predictions:
            pair, results = evaluate_files(arguments)
            written, faults = _write(out, results, arguments.save_predictions, pair), []
        else:
            results, written, faults = test_network(arguments, out, arguments.save_predictions or ["npz"])
    print(evaluation_tables.text(results), end="\n\n")
    print(f"{', '.join(path.name for path in written)} in {out}")
    print(evaluation_tables.headline(results))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
