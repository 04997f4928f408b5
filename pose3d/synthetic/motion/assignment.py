"""Assign motion files to the takes of each subject."""

import hashlib
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.human36m import ACTIONS, SUBJECTS, TAKES


def assign_files(folder, actions, check, skipped):
    """Assign the BVH files of a folder: dict of action to dict of (subject, take) to Path.

    If the folder has subfolders named after actions, each action gets the files of its own. Otherwise all
    files, subfolders included, belong to the one action. The assignment depends on the folder alone, not on
    the subjects asked for, so a tree can be written in parts.

    `check` is a function of a Path that raises a `UserError` if the file cannot be used; that error is added
    to `skipped`, a dict of Path to UserError, and another file takes the place. Only files that are assigned
    are checked, as an archive holds thousands. A `UserError` if there are no files for an action; the first
    file's, if none can be used.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of BVH files")
    folders = {action: folder / action for action in ACTIONS if (folder / action).is_dir()}
    missing = [action for action in actions if action not in folders]
    if missing and folders:
        raise UserError(f"{folder}: no subfolder {missing[0]}, but some of other actions; add it")
    if len(missing) > 1:
        raise UserError(
            f"{folder}: for several actions, put the BVH files into subfolders {', '.join(actions)}"
        )
    folders |= dict.fromkeys(missing, folder)
    return {action: _assigned(where, check, skipped) for action, where in folders.items()}


def bvh_files(folder):
    """All BVH files of a folder and its subfolders, sorted by their paths."""
    found = [path for path in Path(folder).rglob("*") if path.suffix.lower() == ".bvh" and path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _assigned(folder, check, skipped):
    """Files that `check` accepts: dict of (subject, take) to Path."""
    there, checked = bvh_files(folder), set()
    if not there:
        raise UserError(f"{folder}: no .bvh files")
    while True:
        files = [path for path in there if path not in skipped]
        if not files:
            raise skipped[there[0]]
        takes = {
            (subject, take): own[len(own) // 2 if take == TAKES[1] else 0]
            for subject, own in _shares(files).items()
            for take in TAKES
        }
        new = sorted(set(takes.values()) - checked)
        if not new:
            return takes
        checked.update(new)
        for path in new:
            try:
                check(path)
            except UserError as fault:
                skipped[path] = fault


def _shares(files):
    """Each subject's files, in turn; of too few, the test subject S11 has the last for himself."""
    if len(files) >= len(SUBJECTS):
        return {subject: files[i :: len(SUBJECTS)] for i, subject in enumerate(SUBJECTS)}
    others = files[:-1] or files
    shares = {subject: [others[i % len(others)]] for i, subject in enumerate(SUBJECTS)}
    return shares | {SUBJECTS[-1]: files[-1:]}


def motion_provenance(folder, assignment, joint_map, rate=None, skipped=()):
    """Describe the motion for the tree's provenance file: a dict fit for JSON.

    `assignment` is as from `assign_files`, `rate` is in frames per second or None as the files say, and
    `skipped` are files that cannot be used.
    """
    used = sorted({path for takes in assignment.values() for path in takes.values()})
    names = {path: path.relative_to(folder).as_posix() for path in bvh_files(folder)}
    return {
        "takes": {
            action: {f"{subject} {take}": names[path] for (subject, take), path in takes.items()}
            for action, takes in assignment.items()
        },
        "bytes": {name: path.stat().st_size for path, name in names.items()},
        "sha256": {names[path]: hashlib.sha256(path.read_bytes()).hexdigest() for path in used},
        "joint_map": joint_map,
        "rate": rate,
        "skipped": [path.relative_to(folder).as_posix() for path in skipped],
    }
