"""Check a raw tree without building: what is missing, and which files do not fit together."""

from pathlib import Path

from tqdm import tqdm

from pose3d.errors import UserError
from pose3d.recordings.checks import Findings, in_words
from pose3d.recordings.human36m.actions import TAKES, expand_actions
from pose3d.recordings.human36m.cameras import METADATA, read_cameras
from pose3d.recordings.human36m.known_faults import SHORT_CAPTURE, apply_rules, is_dropped
from pose3d.recordings.human36m.layout import survey
from pose3d.recordings.human36m.recording_checks import inspect

# Column -> value of `Inspection`, and what a row shows of its recordings; None where none is known.
_MEASURED = {
    "frames": ("frames", sum),
    "boxes": ("boxes", sum),
    "masks": ("masks", sum),
    "in box %": ("in_boxes", lambda percents: int(min(percents))),
    "in mask %": ("in_masks", lambda percents: int(min(percents))),
    "miss px": ("miss", max),
}
COLUMNS = ("subject", "action", "takes", "recordings", "poses", "expected", *_MEASURED, "verdict")


def verify_raw(root, actions, subjects, cameras, verdicts, expected, metadata):
    """Check the selected recordings of a tree: `Findings`, one row for each subject and action.

    The selection is that of `find_recordings`, and its errors are raised; `verdicts` are those of
    `verdicts_on`. `expected` is a dict of (subject, action, take) to the number of poses, and `metadata` the
    path of ``metadata.xml``, None for the tree's own.
    """
    actions, subjects, cameras = expand_actions(actions), list(dict.fromkeys(subjects)), list(cameras)
    recordings, lacks = survey(root, actions, subjects, cameras)
    lacks = [one for one in lacks if _wanted(one.subject, one.action, [one.take], one.cameras, verdicts)]
    kept, notes = apply_rules(recordings, verdicts)
    faults = [str(lack) for lack in lacks]
    try:
        calibrated = _calibrated(root, metadata, notes)
    except UserError as error:
        calibrated, faults = {}, [str(error), *faults]
    inspected, rows = [], []
    for r in tqdm(kept, desc="recordings", unit="recording", disable=None):
        short = SHORT_CAPTURE in verdicts and SHORT_CAPTURE.concerns(r.subject, r.action, r.take, r.camera)
        count = expected.get((r.subject, r.action, r.take))
        inspected.append(inspect(r, calibrated.get((r.subject, r.camera)), count, short))
    for subject in subjects:
        for action in actions:
            wanted = _wanted(subject, action, TAKES, cameras, verdicts)
            counts = [expected.get((subject, action, take)) for take in wanted]
            found = [f for f in inspected if (f.recording.subject, f.recording.action) == (subject, action)]
            lacking = sum(lack.subject == subject and lack.action in (action, None) for lack in lacks)
            rows.append((subject, action, *_row(found, counts, lacking)))
    unknown = [a for a in actions if not any((s, a, take) in expected for s in subjects for take in TAKES)]
    if unknown:
        notes.append(f"no number of poses is known for {', '.join(unknown)}: the column expected stays empty")
    notes += [note for each in inspected for note in each.notes]
    faults += [fault for each in inspected for fault in each.faults]
    return Findings(COLUMNS, rows, notes, faults, decimals=5)


def _wanted(subject, action, takes, cameras, verdicts):
    """The take of every recording that no rule drops, whether it exists or not."""
    every = [(subject, action, take, camera) for take in takes for camera in cameras]
    return [recording[2] for recording in every if not is_dropped(recording, verdicts)]


def _calibrated(root, metadata, notes):
    """The cameras of `read_cameras`; none, with a note, without metadata."""
    path = Path(metadata) if metadata else Path(root) / METADATA
    if not metadata and not path.exists():
        notes.append(
            f"there is no {path}: 3D poses are not checked against 2D ones; give it with --metadata "
            "(data/README.rst says where to get it)"
        )
        return {}
    return read_cameras(path)


def _row(found, counts, lacking):
    """What follows subject and action; `counts` are the expected ones, `lacking` is the number of `Lack`."""

    def over(name, function):
        known = [f.values[name] for f in found if f.values.get(name) is not None]
        return function(known) if known else None

    return (
        len({f.recording.take for f in found}),
        len(found),
        over("poses", sum),
        None if not counts or None in counts else sum(counts),
        *(over(*measured) for measured in _MEASURED.values()),
        in_words(lacking + sum(len(f.faults) for f in found)) if found else "missing",
    )
