"""Test a regression network on the unseen subject, over all frames: MPJPE of Eq. (9) and other metrics.

With --predictions, evaluate poses from files, without a network.
"""

import argparse
import contextlib
import json
import sys
from pathlib import Path

from pose3d.config import built_folder
from pose3d.errors import command, verdict
from pose3d.evaluation.evaluate import evaluate_files
from pose3d.evaluation.network_evaluation import evaluate_network, extras
from pose3d.evaluation.pose_file_formats import FORMATS
from pose3d.evaluation.pose_pairs import write
from pose3d.io.atomic_files import exclusive, whole
from pose3d.report import evaluation_report, evaluation_tables


def parse(argv):
    # fmt: off
    parser = argparse.ArgumentParser(prog="python -m pose3d.test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", default=built_folder(), help="folder of the built files (default: %(default)s)")
    add("--weights", default="runs/regression",
        help="run folder (its best epoch) or weights file (default: runs/regression)")
    add("--detection", metavar="RUN",
        help="also score this detection network on the unseen subject, by F1 and average precision, and show "
        "its maps; none: no detection network (default: the one that conv1-3 were taken from)")
    add("--subjects", nargs="+", metavar="S", help="test on these (default: the weights' data.test)")
    add("--actions", nargs="+", metavar="A", help="test on these (default: the weights' data.actions)")
    add("--nearest", action="store_true",
        help="also evaluate a baseline, the pose of the training image nearest in squared pixel distance "
        "(slow: training images x test images)")
    add("--mirror", action="store_true",
        help="average each pose over the image and its mirror image, which the report does not")
    add("--out", type=Path,
        help="folder for results.json, predictions.npz, report.html and pictures (default: runs/test; "
        "with --predictions: runs/evaluated)")
    add("--save-predictions", nargs="+", choices=FORMATS, metavar="FORMAT",
        help=f"write predictions and ground truth in any of {' '.join(FORMATS)} (default: npz; with "
        "--predictions: none)")
    add("--robustness", type=int, nargs="?", const=10, metavar="EVERY",
        help="also test every n-th frame (default: 10) with boxes moved and scaled and with masks eroded, "
        "dilated and under specks; needs the raw tree or custom recordings that the files were built from")
    add("--seeds", nargs="+", metavar="RUN",
        help="also test these runs, for instance of other seeds, and print median and range of all runs")
    add("--frames", type=int, default=400,
        help="largest number of frames in report.html, evenly chosen; 0: no page (default: 400)")
    add("--predictions", metavar="FILE", help="evaluate the poses in this npz, csv, json or txt file, mm")
    add("--truth", metavar="FILE", help="their ground truth, if not in that file; or a built file, h5")
    # fmt: on
    arguments = parser.parse_args(argv)
    if arguments.truth and not arguments.predictions:
        parser.error("--truth goes with --predictions")
    asked = "detection", "nearest", "robustness", "seeds", "mirror"
    if arguments.predictions and any(getattr(arguments, name) for name in asked):
        parser.error(f"--predictions has no images: omit --{', --'.join(asked)}")
    if arguments.frames < 0 or arguments.robustness is not None and arguments.robustness < 1:
        parser.error("--frames must be at least 0, --robustness at least 1")
    return arguments


def test_network(asked, out):
    """Test a network: results, paths of what is written, error lines of the extras that failed."""
    tested = evaluate_network(
        asked.weights, asked.data, asked.subjects, asked.actions, asked.detection, asked.mirror
    )
    written, faults = _write(out, tested.results, asked.save_predictions or ["npz"], tested.pair), []
    for extra in extras(tested, asked.nearest, asked.robustness, asked.seeds):
        with _noting(faults):
            tested.results.update(extra())
            _write(out, tested.results)
    with _noting(faults):
        written += evaluation_report.draw(out, tested, asked.frames)
    return tested.results, written, faults


@contextlib.contextmanager
def _noting(faults):
    """Note the error line of an extra that fails: it takes nothing from the results before it."""
    try:
        yield
    except Exception as error:
        if (found := verdict(error)) is None:
            raise
        faults.append(found[1])


def _write(out, results, formats=(), pair=None):
    """Write ``results.json``, and poses in some formats: list of paths."""
    path = out / "results.json"
    with whole(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    return [path, *write(out, formats, pair)] if formats else [path]


@command
def main(argv=None):
    arguments = parse(argv)
    out = arguments.out or Path("runs/evaluated" if arguments.predictions else "runs/test")
    with exclusive(out):
        if arguments.predictions:
            pair, results = evaluate_files(arguments.predictions, arguments.truth)
            written, faults = _write(out, results, arguments.save_predictions, pair), []
        else:
            results, written, faults = test_network(arguments, out)
    print(evaluation_tables.text(results), end="\n\n")
    print(f"{', '.join(path.name for path in written)} in {out}")
    print(evaluation_tables.headline(results))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
