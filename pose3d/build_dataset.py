"""``python -m pose3d.build_dataset``: from the raw tree to the built files."""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

from pose3d import synthetic
from pose3d.dataset.build import build
from pose3d.dataset.samples import Dataset, built_files
from pose3d.errors import UserError, command
from pose3d.io.cpu import cores
from pose3d.io.processes import team
from pose3d.io.tables import text_table
from pose3d.recordings import human36m
from pose3d.recordings import legacy_mat as prepared
from pose3d.recordings.registry import ACTIONS, RAW, Wanted, expanded, kind_of, rules_for
from pose3d.report.build_checks import check_built, check_raw
from pose3d.report.figures import contact_sheet, sample_figure, windows_figure

REAL = Path("data/human36m")
SYNTHETIC = Path("data/synthetic")
SHEET_CROPS = 24


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.build_dataset",
        description="Crop every frame of a raw Human3.6M tree or of own recordings to a 128 x 128 grayscale "
        "image of the person, with 2D joints (px) and 3D pose (mm), or take such images from the original "
        "project's files. Makes one HDF5 file for each action and subject and a contact sheet; a second run "
        "makes only what is missing.",
    )
    add = parser.add_argument
    add(
        "--source",
        type=Path,
        metavar="FOLDER",
        help="folder that holds S1, S5, ... or Walking/data_36MS1.mat, ... or recordings.csv (default: "
        "data/human36m if it is there; otherwise synthetic walkers are made in data/synthetic and taken)",
    )
    add(
        "--out",
        type=Path,
        default=Path("data/walking"),
        metavar="FOLDER",
        help="folder of the built files (default: %(default)s)",
    )
    lists = (
        ("--actions", (*human36m.ACTIONS, "report (the six of its figure 1(a))", "all"), " ".join(ACTIONS)),
        ("--subjects", human36m.SUBJECTS, "all"),
        ("--cameras", human36m.CAMERAS, "all"),
    )
    for name, there, default in lists:
        text = f"some of {', '.join(there)} (default: {default}); of other sources their own (default: all)"
        add(name, nargs="+", metavar=name[2].upper(), help=text)
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
        "--pixel-order",
        choices=(prepared.AUTO, *prepared.ORDERS),
        help="how prepared files store pixels and windows (default: auto, told by whoever stands upright)",
    )
    add(
        "--export-mat",
        type=Path,
        metavar="FOLDER",
        help="write what is built as the original project's files; without --source what is in --out",
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
    overrides = human36m.parse_rules(args.rule)
    wanted = Wanted(args.actions, args.subjects, args.cameras, args.pixel_order)
    if args.verify:
        return _verify(args, wanted, overrides)
    names = expanded(wanted.actions), wanted.subjects
    if not args.export_mat or args.source or not built_files(args.out):
        built = _build(args, wanted, overrides, run)
        names = {file.action for file in built}, {file.subject for file in built}
    if args.export_mat:
        for line in prepared.export_prepared(args.out, args.export_mat, *names):
            print(line)
    return 0


def _build(args, wanted, overrides, run):
    source = args.source or _default_source(args, wanted)
    kind = kind_of(source)
    recordings, told = kind.find(source, wanted)
    if kind is RAW:
        recordings, ruled = human36m.apply_rules(recordings, overrides, rules_for(source, overrides))
        told += ruled
    elif overrides:
        raise UserError(f"--rule is about raw Human3.6M trees, and {source} is a {kind.name}; leave it out")
    for line in told:
        print(line)
    if not recordings:
        raise UserError("the rules leave out all that was asked for; --rule NAME=keep overrules them")
    built, failures = build(recordings, args.out, source, run, args.every, args.workers, kind.extract)
    _report(built)
    if kind is RAW:
        _draw_sample(args.out, built)
    _draw_sheet(args.out, built, np.random.default_rng(0))
    for failure in failures[1:]:
        print(f"not built: {failure}", file=sys.stderr)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(recordings)} recordings cannot be read, the first: {failures[0]}. "
            "Whatever needs none of them is built; after repair run the same command again"
        )
    return built


def _default_source(args, wanted):
    _, subjects, _ = wanted.of_raw()
    if REAL.is_dir():
        return REAL
    print(
        f"There is no {REAL}: building from the built-in synthetic walkers, in {SYNTHETIC}, instead. "
        "Results on them are no results on Human3.6M.",
        flush=True,
    )
    return synthetic.generate(SYNTHETIC, subjects=subjects, workers=args.workers)


def _verify(args, wanted, overrides):
    """Check the raw tree and the built files, as far as they are there; the exit status."""
    source = args.source or next((folder for folder in (REAL, SYNTHETIC) if folder.is_dir()), None)
    built = built_files(args.out)
    if source is None and not built:
        raise UserError(
            f"there is neither {REAL} nor {SYNTHETIC} nor a built file in {args.out}; give --source"
        )
    wrong = [check_raw(source, wanted, overrides, args.metadata)] if source else []
    wrong += [check_built(args.out, built)] if built else []
    return int(any(wrong))


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
        print(f"WARNING: the background of {kept} recordings is NOT subtracted, they have no masks")


def _row(file):
    sums = [sum(fact[key] for fact in file.facts) for key in ("frames", "repeated", "blank")]
    pairs = zip(file.recordings, file.facts, strict=False)  # there are no facts of what failed
    takes = len({take for recording, fact in pairs for take in fact.get("takes", [recording.take])})
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
    images, windows = data.images(chosen, keep=False), data.labels(chosen)
    contact_sheet(path, images, prepared.drawable(data.joints_2d[chosen]), titles, windows)
    print(f"{len(data)} samples in {out}; look at {path}")


def _draw_sample(out, built):
    """Draw a sample from the middle of the first recording, as the report's figures 1 and 2 do."""
    file = next((file for file in built if file.facts), None)
    if file is None:
        return
    recording = file.recordings[0]
    data = Dataset.open(out, {file.action}, {file.subject}, memory="stream")
    samples = np.flatnonzero((data.take == recording.take) & (data.camera == int(recording.camera)))
    chosen = samples[len(samples) // 2 :][:1]
    number = int(data.frame[chosen[0]])
    frame = next(itertools.islice(human36m.read_frames(recording.video), number, None)).rgb()
    image, box = data.images(chosen)[0], np.asarray(data.box[chosen])[0]
    r = recording
    title = f"{r.action} {r.subject} take {r.take} camera {r.camera} frame {number}"
    sample_figure(out / "sample.png", frame, box, image, np.asarray(data.poses[chosen])[0], title)
    windows_figure(out / "windows.png", image, np.asarray(data.joints_2d[chosen])[0])


if __name__ == "__main__":
    sys.exit(main())
