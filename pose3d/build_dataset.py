"""``python -m pose3d.build_dataset``: from recordings to built files, and the check of both.

Every worker imports this module; what only the first process needs is loaded when it is used.
"""

import argparse
import sys
from pathlib import Path

from pose3d.config import PEOPLE, built_folder
from pose3d.dataset import sources
from pose3d.dataset.build import build
from pose3d.dataset.verify import verify
from pose3d.errors import UserError, command
from pose3d.io.processes import team
from pose3d.io.resources import cores
from pose3d.recordings import human36m
from pose3d.recordings.registry import ACTIONS, RAW, Selection
from pose3d.report import build_report

FRAMES = 200_000  # of the people


def parser():
    real, walkers = sources.REAL, sources.SYNTHETIC
    folders = ", ".join(map(built_folder, (real, walkers, PEOPLE, "NAME")))
    rules = ", ".join(f"{rule.name} (default {rule.default})" for rule in human36m.RULES)
    lists = (
        ("--actions", (*human36m.ACTIONS, "report (the six of its figure 1(a))", "all"), " ".join(ACTIONS)),
        ("--subjects", human36m.SUBJECTS, "all"),
        ("--cameras", human36m.CAMERAS, "all"),
    )
    # fmt: off
    result = argparse.ArgumentParser(prog="python -m pose3d.build_dataset", description=(
        "Crop every frame of a raw Human3.6M tree or of custom recordings to a 128 x 128 grayscale image of "
        "the person, with 2D joints (px) and 3D pose (mm), or draw synthetic people. Makes one HDF5 file for "
        "each action and subject, and a contact sheet; a second run makes only what is missing."))
    add = result.add_argument
    add("--source", type=lambda text: text if text == PEOPLE else Path(text), metavar="FOLDER",
        help=f"folder that holds S1, S5, ... or recordings.csv (default: {real} if it exists, else "
        f"{walkers}, which is generated if it is not there); or {PEOPLE!r}: synthetic people, each image of "
        "another body, pose, light and camera")
    add("--frames", type=_positive, metavar="N", help=f"images of {PEOPLE!r} (default: {FRAMES})")
    add("--seed", type=int, metavar="N", help=f"seed of {PEOPLE!r} (default: 0)")
    add("--out", type=Path, metavar="FOLDER",
        help=f"folder of the built files (default: of each source its own: {folders})")
    for name, there, default in lists:
        add(name, nargs="+", metavar=name[2].upper(),
            help=f"for raw trees: some of {', '.join(there)} (default: {default}); for other sources: their "
            "own names (default: all)")
    add("--every", type=_positive, default=1, metavar="N", help="keep every n-th frame (default: 1)")
    add("--workers", type=_positive, default=cores(), metavar="N",
        help="processes (default: one per core, here %(default)s)")
    add("--rule", action="append", default=[], metavar="NAME=keep|drop",
        help=f"override a rule for recordings known to be bad: {rules}; described in data/README.rst; "
        "repeatable")
    add("--verify", action="store_true",
        help="build nothing; check the raw tree or custom recordings (missing files, files that do not fit "
        "together) and the built files in --out; status 1 if there is a fault")
    add("--metadata", type=Path, metavar="FILE",
        help="Human3.6M's metadata.xml, with the cameras for --verify (default: the tree's own)")
    # fmt: on
    return result


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more expected, not {text!r}")
    return int(text)


@command
def main(argv=None):
    """Build or verify; a rank of mpiexec other than the first only helps."""
    with team() as run:
        return 0 if run is None else _main(parser().parse_args(argv), run)


def _main(args, run):
    args.out = args.out or Path(built_folder(args.source))
    if args.source != PEOPLE and (args.frames, args.seed) != (None, None):
        raise UserError(f"--frames and --seed are for --source {PEOPLE}; omit them")
    selection = Selection(args.actions, args.subjects, args.cameras)
    overrides = human36m.parse_rules(args.rule)
    return _verify(args, selection, overrides) if args.verify else _build(args, selection, overrides, run)


def _build(args, selection, overrides, run):
    source = sources.prepared(args.source, selection, args.workers)
    people = args.frames or FRAMES, args.seed or 0
    kind, recordings, lines = sources.selected(source, selection, overrides, *people)
    for line in lines:
        print(line)
    if not recordings:
        raise UserError("the rules drop all that was asked for; override them with --rule NAME=keep")
    built, failures = build(recordings, args.out, source, run, args.every, args.workers)
    build_report.show(args.out, built, failures, is_raw=kind is RAW)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(recordings)} recordings cannot be read, the first: {failures[0]}. "
            "Files without these recordings are built; after repair, run the same command again"
        )
    return 0


def _verify(args, selection, overrides):
    """Check the source and the built files, as far as they exist; the exit status."""
    source = args.source or sources.existing_source()
    source = None if source == PEOPLE else source  # nothing of theirs is read
    findings = verify(source, args.out, selection, overrides, args.metadata)
    wrong = [build_report.print_findings(*each) for each in findings]
    if not wrong:
        there = f"{sources.REAL} nor {sources.SYNTHETIC} nor a built file in {args.out}"
        raise UserError(f"there is neither {there}; give --source")
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main())
