"""Check a raw tree without building: what is missing, and which files do not fit together."""

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from pose3d.errors import UserError
from pose3d.recordings.human36m.actions import CAMERAS, TAKES, expand_actions
from pose3d.recordings.human36m.cameras import METADATA, read_cameras
from pose3d.recordings.human36m.frame_counts import POSES
from pose3d.recordings.human36m.known_faults import RULES, SHORT_CAPTURE, apply_rules, is_dropped
from pose3d.recordings.human36m.layout import survey
from pose3d.recordings.human36m.recording_checks import inspect

COLUMNS = (
    "subject", "action", "takes", "recordings", "poses", "expected", "frames", "boxes", "masks",
    "in box %", "in mask %", "miss px", "verdict",
)  # fmt: skip


@dataclass
class Verification:
    """Findings in a tree.

    The rows, as in `COLUMNS`, are one for each subject and action: sums over the recordings that exist and no
    rule drops, their least shares, their largest miss; None where unknown.
    """

    rows: list
    notes: list  # what is not a fault
    faults: list  # one line each


def verify_raw(
    root, actions, subjects, cameras=CAMERAS, overrides=None, rules=RULES, expected=POSES, metadata=None
):
    """Check the selected recordings of a tree: a `Verification`.

    The selection is that of `find_recordings`, and its errors are raised; `overrides` and `rules` are those
    of `apply_rules`. `expected` is a dict of (subject, action, take) to the number of poses, and `metadata`
    the path of ``metadata.xml``, if not the tree's own.
    """
    overrides = overrides or {}
    actions, subjects, cameras = expand_actions(actions), list(dict.fromkeys(subjects)), list(cameras)
    recordings, lacks = survey(root, actions, subjects, cameras)
    lacks = [lack for lack in lacks if not _is_excused(lack, overrides, rules)]
    kept, notes = apply_rules(recordings, overrides, rules)
    calibrated, faults = {}, []
    try:
        calibrated = _calibrated(root, metadata, notes)
    except UserError as error:
        faults.append(str(error))
    found = []
    for r in tqdm(kept, desc="recordings", unit="recording", disable=None):
        short = SHORT_CAPTURE in rules and SHORT_CAPTURE.concerns(r.subject, r.action, r.take, r.camera)
        found.append(
            inspect(r, calibrated.get(r.subject), expected.get((r.subject, r.action, r.take)), short)
        )
    rows = []
    for subject in subjects:
        for action in actions:
            wanted = _wanted(subject, action, cameras, overrides, rules)
            rows.append(_row(subject, action, wanted, found, lacks, expected))
    unknown = [a for a in actions if not any((s, a, take) in expected for s in subjects for take in TAKES)]
    if unknown:
        notes.append(f"no number of poses is known for {', '.join(unknown)}: the column expected stays empty")
    notes += [note for inspection in found for note in inspection.notes]
    faults += [str(lack) for lack in lacks] + [fault for inspection in found for fault in inspection.faults]
    return Verification(rows, notes, faults)


def _is_excused(lack, overrides, rules):
    """Whether the rules drop the missing recordings anyway."""
    return all(
        is_dropped(lack.subject, lack.action, lack.take, camera, overrides, rules) for camera in lack.cameras
    )


def _calibrated(root, metadata, notes):
    """Subject -> camera id -> Camera; empty, with a note, without metadata."""
    path = Path(metadata) if metadata else Path(root) / METADATA
    if not metadata and not path.exists():
        notes.append(
            f"there is no {path}: 3D poses are not checked against 2D ones; give it with --metadata "
            "(data/README.rst says where to get it)"
        )
        return {}
    calibrated = {}
    for (subject, camera), calibration in read_cameras(path).items():
        calibrated.setdefault(subject, {})[camera] = calibration
    return calibrated


def _wanted(subject, action, cameras, overrides, rules):
    """(take, camera) of every recording that no rule drops, whether it exists or not."""
    return [
        (take, camera)
        for take in TAKES
        for camera in cameras
        if not is_dropped(subject, action, take, camera, overrides, rules)
    ]


def _row(subject, action, wanted, found, lacks, expected):
    found = [f for f in found if (f.recording.subject, f.recording.action) == (subject, action)]
    counts = [expected.get((subject, action, take)) for take, _ in wanted]
    lacking = sum(lack.subject == subject and lack.action in (action, None) for lack in lacks)
    return (
        subject,
        action,
        len({f.recording.take for f in found}),
        len(found),
        _over(sum, found, "poses"),
        None if not counts or None in counts else sum(counts),
        *(_over(sum, found, name) for name in ("frames", "boxes", "masks")),
        *(_percent(_over(min, found, name)) for name in ("in_box", "in_mask")),
        _over(max, found, "miss"),
        _verdict(found, lacking + sum(len(f.faults) for f in found)),
    )


def _over(function, found, name):
    """`function` of the values that are known; None if none is."""
    known = [value for value in (getattr(f, name) for f in found) if value is not None]
    return function(known) if known else None


def _percent(share):
    return None if share is None else int(100 * share)


def _verdict(found, faults):
    if not found:
        return "missing"
    return f"{faults} fault{'s' if faults > 1 else ''}" if faults else "ok"
