"""``python -m pose3d.build_dataset``: from recordings to built files, and the check of both.

Every worker process imports this module. What only the first process needs, the renderer of synthetic data
and matplotlib, is loaded when it is used: it would take most of a worker's start.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d import synthetic
from pose3d.config import HUMAN36M, PEOPLE, SYNTHETIC_TREE, built_folder
from pose3d.dataset import verify
from pose3d.dataset.build import build, merged_parts
from pose3d.dataset.samples import built_files
from pose3d.errors import UserError, command
from pose3d.io.cpu import cores
from pose3d.io.processes import team
from pose3d.recordings import human36m
from pose3d.recordings.custom import verification
from pose3d.recordings.human36m import tree_checks
from pose3d.recordings.registry import ACTIONS, CUSTOM, RAW, Selection, find_recordings, kind_of
from pose3d.report import build_report
from pose3d.synthetic.tree.provenance import read_provenance

REAL, SYNTHETIC = Path(HUMAN36M), Path(SYNTHETIC_TREE)
FRAMES = 200_000  # of the people


def parser():
    result = argparse.ArgumentParser(
        prog="python -m pose3d.build_dataset",
        description="Crop every frame of a raw Human3.6M tree or of custom recordings to a 128 x 128 "
        "grayscale image of the person, with 2D joints (px) and 3D pose (mm), or draw synthetic people. "
        "Makes one HDF5 file for each action and subject, and a contact sheet; a second run makes only what "
        "is missing.",
    )
    add = result.add_argument
    add(
        "--source",
        type=lambda text: text if text == PEOPLE else Path(text),
        metavar="FOLDER",
        help="folder that holds S1, S5, ... or recordings.csv (default: "
        f"{REAL} if it exists, else {SYNTHETIC}, which is generated if it is not there); or "
        f"{PEOPLE!r}: synthetic people, each image of another body, pose, light and camera",
    )
    add("--frames", type=_positive, metavar="N", help=f"images of --source {PEOPLE} (default: {FRAMES})")
    add("--seed", type=int, metavar="N", help=f"seed of --source {PEOPLE} (default: 0)")
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder of the built files (default: of each source its own: "
        f"{built_folder(REAL)}, {built_folder(SYNTHETIC)}, {built_folder(PEOPLE)}, {built_folder('NAME')})",
    )
    lists = (
        ("--actions", (*human36m.ACTIONS, "report (the six of its figure 1(a))", "all"), " ".join(ACTIONS)),
        ("--subjects", human36m.SUBJECTS, "all"),
        ("--cameras", human36m.CAMERAS, "all"),
    )
    for name, there, default in lists:
        text = (
            f"for raw trees: some of {', '.join(there)} (default: {default}); for other sources: their own "
            "names (default: all)"
        )
        add(name, nargs="+", metavar=name[2].upper(), help=text)
    add("--every", type=_positive, default=1, metavar="N", help="keep every n-th frame (default: 1)")
    add("--workers", type=_positive, default=cores(), metavar="N", help="processes (default: one per core, "
        "here %(default)s)")  # fmt: skip
    add(
        "--rule",
        action="append",
        default=[],
        metavar="NAME=keep|drop",
        help="override a rule for recordings known to be bad: "
        + ", ".join(f"{rule.name} (default {rule.default})" for rule in human36m.RULES)
        + "; described in data/README.rst; repeatable",
    )
    add(
        "--verify",
        action="store_true",
        help="build nothing; check the raw tree or custom recordings (missing files, files that do not fit "
        "together) and the built files in --out; status 1 if there is a fault",
    )
    add(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="Human3.6M's metadata.xml, with the cameras for --verify (default: the tree's own)",
    )
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
    for name in ("frames", "seed"):
        if args.source != PEOPLE and getattr(args, name) is not None:
            raise UserError(f"--{name} is for --source {PEOPLE}; omit it")
    selection = Selection(args.actions, args.subjects, args.cameras)
    overrides = human36m.parse_rules(args.rule)
    if args.verify:
        return _verify(args, selection, overrides)
    _build(args, selection, overrides, run)
    return 0


def _build(args, selection, overrides, run):
    source = _source(args, selection)
    if source == PEOPLE:
        from pose3d.synthetic.people import find_people  # with numba, a third of a worker's start

        wanted = selection.subjects, selection.action_names()
        kind, recordings, lines = PEOPLE, find_people(args.frames or FRAMES, args.seed or 0, *wanted), []
    else:
        kind, recordings, lines = find_recordings(source, selection)
    if kind is RAW:
        rules = human36m.rules_for(read_provenance(source) is not None, overrides)
        recordings, ruled = human36m.apply_rules(recordings, overrides, rules)
        lines += ruled
    elif overrides:
        raise UserError(f"--rule applies to raw Human3.6M trees, and {source} is none; omit it")
    for line in lines:
        print(line)
    if not recordings:
        raise UserError("the rules drop all that was asked for; override them with --rule NAME=keep")
    built, failures = build(recordings, args.out, source, run, args.every, args.workers)
    build_report.print_build(built)
    if kind is RAW:
        build_report.draw_sample(args.out, built)
    build_report.draw_contact_sheet(args.out, built, np.random.default_rng(0))
    for failure in failures[1:]:
        print(f"not built: {failure}", file=sys.stderr)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(recordings)} recordings cannot be read, the first: {failures[0]}. "
            "Files without these recordings are built; after repair, run the same command again"
        )
    return built


def _source(args, selection):
    """The source that is asked for, or the default; the synthetic tree is generated if it is not complete."""
    source = args.source or (REAL if REAL.is_dir() else SYNTHETIC)
    if source != SYNTHETIC or (args.source and (read_provenance(source) or {}).get("complete")):
        return source
    if not args.source:
        print(
            f"There is no {REAL}: generating and building synthetic walkers in {SYNTHETIC} instead. "
            "Results on them are not results on Human3.6M.",
            flush=True,
        )
    _, subjects, _ = selection.of_raw()
    return synthetic.generate(SYNTHETIC, subjects=subjects, workers=args.workers)


def _verify(args, selection, overrides):
    """Check the raw tree and the built files, as far as they exist; the exit status."""
    source = args.source or next((folder for folder in (REAL, SYNTHETIC) if folder.is_dir()), None)
    source = None if source == PEOPLE else source  # nothing of theirs is read
    paths = built_files(args.out)
    if source is None and not paths:
        raise UserError(
            f"there is neither {REAL} nor {SYNTHETIC} nor a built file in {args.out}; give --source"
        )
    wrong = False
    if source is not None:
        title, found = _verify_source(source, selection, overrides, args.metadata)
        wrong |= build_report.print_findings(title, found)
    if paths:
        found = verify.verify_built(tqdm(paths, unit="file", leave=False, disable=None))
        found.notes += [
            f"{path}: left by a killed build; the next build removes it" for path in merged_parts(args.out)
        ]
        wrong |= build_report.print_findings(f"built files in {args.out}:", found)
    return int(wrong)


def _verify_source(source, selection, overrides, metadata):
    """A title, and the `Findings`."""
    if (kind := kind_of(source)) is CUSTOM:
        _, recordings, _ = find_recordings(source, selection)
        shown = tqdm(recordings, unit="recording", leave=False, disable=None)
        return f"{kind.name} {source}:", verification.verify_recordings(shown)
    if kind is not RAW:
        raise UserError(f"{source} is a {kind.name}; --verify checks raw trees and custom recordings")
    provenance = read_provenance(source)
    rules = human36m.rules_for(provenance is not None, overrides)
    if provenance is None:
        expected = human36m.POSES
    else:  # captured motion has its own lengths
        is_captured = "motion" in provenance
        expected = {} if is_captured else dict.fromkeys(human36m.SUB_ACTIONS, provenance["frames"])
    found = tree_checks.verify_raw(source, *selection.of_raw(), overrides, rules, expected, metadata)
    return f"raw tree {source}{'' if provenance is None else ', synthetic'}:", found


if __name__ == "__main__":
    sys.exit(main())
