"""``python -m pose3d.build_dataset``: from the raw tree to the built files."""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d import human36m, integrity, synthetic, verification
from pose3d.building import build
from pose3d.dataset import Dataset, built_files
from pose3d.errors import UserError, command
from pose3d.integrity import verify_built
from pose3d.processes import cores, team
from pose3d.report.figures import contact_sheet
from pose3d.report.tables import text_table
from pose3d.verification import verify_raw

REAL = Path("data/human36m")
SYNTHETIC = Path("data/synthetic")
SHEET_CROPS = 24


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.build_dataset",
        description="Crop every frame of a raw Human3.6M tree to a 128 x 128 grayscale image of the person, "
        "with 2D joints (px) and 3D pose (mm). Makes one HDF5 file for each action and subject and a "
        "contact sheet; a second run makes only what is missing.",
    )
    add = parser.add_argument
    add(
        "--source",
        type=Path,
        metavar="RAW_HUMAN36M",
        help="folder that holds S1, S5, ... (default: data/human36m if it is there; otherwise synthetic "
        "walkers are generated in data/synthetic and taken)",
    )
    add(
        "--out",
        type=Path,
        default=Path("data/walking"),
        metavar="FOLDER",
        help="folder of the built files (default: %(default)s)",
    )
    lists = (
        ("--actions", ["Walking"], (*human36m.ACTIONS, "report (the six of its figure 1(a))", "all")),
        ("--subjects", list(human36m.SUBJECTS), human36m.SUBJECTS),
        ("--cameras", list(human36m.CAMERAS), human36m.CAMERAS),
    )
    for name, default, there in lists:
        default_text = "all" if len(default) == len(there) else " ".join(default)
        add(
            name,
            nargs="+",
            default=default,
            metavar=name[2].upper(),
            help=f"some of {', '.join(there)} (default: {default_text})",
        )
    add(
        "--every",
        type=_positive,
        default=1,
        metavar="N",
        help="keep every n-th frame of 50 a second (default: 1)",
    )
    add(
        "--workers",
        type=_positive,
        default=cores(),
        metavar="N",
        help="processes (default: one per core, here %(default)s)",
    )
    add(
        "--rule",
        action="append",
        default=[],
        metavar="NAME=keep|drop",
        help="overrule what is done with recordings known to be bad: "
        + ", ".join(f"{rule.name} (default {rule.default})" for rule in human36m.RULES)
        + "; data/README.rst says what they are; may be repeated",
    )
    add(
        "--verify",
        action="store_true",
        help="build nothing, check what is there: the raw tree, what is missing and whether its files fit "
        "together; and the built files in --out; status 1 if anything is wrong",
    )
    add(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="Human3.6M's metadata.xml, whose cameras --verify projects with (default: that of the tree)",
    )
    return parser


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more expected, not {text!r}")
    return int(text)


@command
def main(argv=None):
    """Parse, build or verify, print what came of it; a rank of mpiexec's that is not the first only helps."""
    with team() as run:
        return 0 if run is None else _main(_parser().parse_args(argv), run)


def _main(args, run):
    args.actions = human36m.expand_actions(args.actions)
    overrides = human36m.parse_rules(args.rule)
    if args.verify:
        return _verify(args, overrides)
    source = args.source or _default_source(args)
    recordings, problems = human36m.find_recordings(source, args.actions, args.subjects, args.cameras)
    recordings, told = human36m.apply_rules(recordings, overrides, _rules(source, overrides))
    for line in problems + told:
        print(line)
    if not recordings:
        raise UserError("the rules leave out all that was asked for; --rule NAME=keep overrules them")
    built, failures = build(recordings, args.out, source, run, args.every, args.workers)
    _report(built)
    _draw_sheet(args.out, built, np.random.default_rng(0))
    for failure in failures[1:]:
        print(f"not built: {failure}", file=sys.stderr)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(recordings)} recordings cannot be read, the first: {failures[0]}. "
            "Whatever needs none of them is built; after repair run the same command again"
        )
    return 0


def _default_source(args):
    if REAL.is_dir():
        return REAL
    print(
        f"There is no {REAL}: building from the built-in synthetic walkers, in {SYNTHETIC}, instead. "
        "Results on them are no results on Human3.6M.",
        flush=True,
    )
    return synthetic.generate(SYNTHETIC, subjects=args.subjects, workers=args.workers)


def _rules(source, overrides):
    """The rules for that tree: they know Human3.6M, so that a synthetic one has only those asked for."""
    if synthetic.read_note(source) is None:
        return human36m.RULES
    return [rule for rule in human36m.RULES if rule.name in overrides]


def _verify(args, overrides):
    """Check the raw tree and the built files, as far as they are there; the exit status."""
    source = args.source or next((folder for folder in (REAL, SYNTHETIC) if folder.is_dir()), None)
    built = built_files(args.out)
    if source is None and not built:
        raise UserError(
            f"there is neither {REAL} nor {SYNTHETIC} nor a built file in {args.out}; give --source"
        )
    wrong = _verify_raw(args, source, overrides) if source else False
    return int(_verify_built(args.out, built) or wrong) if built else int(wrong)


def _verify_built(out, paths):
    """Check the built files and print what was found; whether anything is wrong."""
    print(f"built files in {out}:")
    checked = [verify_built(path) for path in tqdm(paths, unit="file", leave=False, disable=None)]
    print(text_table(integrity.COLUMNS, [found.row for found in checked]))
    return _tell_faults([fault for found in checked for fault in found.faults])


def _tell_faults(faults):
    for fault in faults:
        print(fault)
    plural = "" if len(faults) == 1 else "s"
    print(f"{len(faults)} fault{plural}" if faults else "no fault found", flush=True)
    return bool(faults)


def _verify_raw(args, source, overrides):
    """Check the raw tree and print what was found; whether anything is wrong."""
    own = synthetic.read_note(source)
    expected = human36m.POSES if own is None else _expected(own)
    asked = (args.actions, args.subjects, args.cameras)
    found = verify_raw(source, *asked, overrides, _rules(source, overrides), expected, args.metadata)
    print(f"raw tree {source}{'' if own is None else ', synthetic walkers'}:")
    for note in found.notes:
        print(note)
    print(text_table(verification.COLUMNS, found.rows, decimals=5))
    return _tell_faults(found.faults)


def _expected(note):
    """The number of poses of every take of a synthetic tree; captured motion has its own lengths."""
    return {} if "motion" in note else dict.fromkeys(human36m.SUB_ACTIONS, note["frames"])


def _report(built):
    """Notes, table, and what must not be overlooked."""
    facts = [fact for file in built for fact in file.facts]
    for note in (note for fact in facts for note in fact["notes"]):
        print(note)
    surplus = [fact["surplus"] for fact in facts if fact["surplus"]]
    if surplus:
        print(
            f"{len(surplus)} of {len(facts)} recordings: numbers of frames, poses and masks differ by up to "
            f"{max(surplus)}; cut to the shortest"
        )
    rows = [_row(file) for file in built]
    totals = [sum(row[i] for row in rows) for i in range(2, 7)]
    print(
        text_table(
            ["action", "subject", "takes", "frames", "repeated", "blank", "seconds"],
            [*rows, ["all", "", *totals]],
        )
    )
    kept = sum(fact["background"] == "kept" for fact in facts)
    if kept:
        print(f"WARNING: the background of {kept} recordings is NOT subtracted, they have no ground_truth_bs")


def _row(file):
    sums = [sum(fact[key] for fact in file.facts) for key in ("frames", "repeated", "blank")]
    takes = len({recording.take for recording in file.recordings}) if file.facts else 0
    return [file.action, file.subject, takes, *sums, file.seconds]


def _draw_sheet(out, built, rng):
    """Draw samples from all over what this run was asked for."""
    done = [file for file in built if file.facts]
    if not done:
        return
    data = Dataset.open(out, {file.action for file in done}, {file.subject for file in done})
    # One at random of each of as many equal stretches: every subject and camera, all kinds of moments.
    ends = np.linspace(0, len(data), SHEET_CROPS + 1)
    chosen = np.unique((ends[:-1] + rng.random(SHEET_CROPS) * np.diff(ends)).astype(int))
    titles = [
        f"{data.action[i]} {data.subject[i]} take {data.take[i]}\n{data.camera[i]} frame {data.frame[i]}"
        for i in chosen
    ]
    path = out / "contact_sheet.png"
    contact_sheet(path, data.images(chosen, keep=False), data.joints_2d[chosen], titles)
    print(f"{len(data)} samples in {out}; look at {path}")


if __name__ == "__main__":
    sys.exit(main())
