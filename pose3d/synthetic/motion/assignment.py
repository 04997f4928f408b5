"""Assign motion files to the takes of each subject."""

import hashlib
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.human36m import ACTIONS, SUBJECTS, TAKES


def assign_sound_files(folder, actions, check):
    """As `assign_files`, and a dict of Path to UserError of the files that are left out.

    `check` is a function of a Path that raises a `UserError` if the file cannot be used. Only files that are
    assigned are read, as an archive holds thousands.
    """
    checked, faults = set(), {}
    while True:
        assignment = assign_files(folder, actions, without=faults)
        unknown = {path for assigned in assignment.values() for path in assigned.values()} - checked
        if not unknown:
            return assignment, faults
        for path in sorted(unknown):
            checked.add(path)
            try:
                check(path)
            except UserError as fault:
                faults[path] = fault


def assign_files(folder, actions, without=None):
    """Assign the BVH files of a folder: dict of action to dict of (subject, take) to Path.

    If the folder has subfolders named after actions, each action gets the files of its own. Otherwise all
    files, subfolders included, belong to the one action. The assignment depends on the folder alone, not on
    the subjects asked for, so a tree can be written in parts. `without` holds files left out and why: Path to
    UserError. A `UserError` if there are no files, or none for an action; the first fault, if all are left
    out.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of BVH files")
    folders = {action: folder / action for action in ACTIONS if (folder / action).is_dir()}
    missing = [action for action in actions if action not in folders]
    if not folders:
        if len(actions) > 1:
            raise UserError(
                f"{folder}: for several actions, put the BVH files into subfolders {', '.join(actions)}"
            )
        folders = {action: folder for action in actions}
    elif missing:
        raise UserError(f"{folder}: no subfolder {missing[0]}, but some of other actions; add it")
    return {action: _assign(where, without or {}) for action, where in folders.items()}


def bvh_files(folder):
    """All BVH files of a folder and its subfolders, sorted by their paths."""
    found = [path for path in Path(folder).rglob("*") if path.suffix.lower() == ".bvh" and path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _assign(folder, without):
    """Assign files to subjects in turn, round after round: dict of (subject, take) to Path.

    A subject's first take gets the first of his files, the second take the one in their middle. If there
    are fewer files than subjects, the test subject S11 gets the last file for himself, and the others
    share the rest.
    """
    there = bvh_files(folder)
    if not there:
        raise UserError(f"{folder}: no .bvh files")
    files = [path for path in there if path not in without]
    if not files:
        raise without[there[0]]
    enough = len(files) >= len(SUBJECTS)
    shared = files[:-1] or files
    assigned = {}
    for i, subject in enumerate(SUBJECTS):
        own = files[i :: len(SUBJECTS)] if enough else [shared[i % len(shared)]]
        if subject == SUBJECTS[-1] and not enough:
            own = files[-1:]
        assigned[subject, TAKES[0]], assigned[subject, TAKES[1]] = own[0], own[len(own) // 2]
    return assigned


def motion_provenance(folder, assignment, joint_map, rate=None, skipped=()):
    """Describe the motion for the tree's provenance file: a dict fit for JSON.

    `assignment` is as from `assign_files`, `rate` is in frames per second or None as the files say, and
    `skipped` are files that cannot be used.
    """

    def name(path):
        return path.relative_to(folder).as_posix()

    takes = {
        action: {f"{subject} {take}": name(path) for (subject, take), path in assigned.items()}
        for action, assigned in assignment.items()
    }
    used = sorted({path for assigned in assignment.values() for path in assigned.values()})
    return {
        "takes": takes,
        "bytes": {name(path): path.stat().st_size for path in bvh_files(folder)},
        "sha256": {name(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in used},
        "joint_map": joint_map,
        "rate": rate,
        "skipped": [name(path) for path in skipped],
    }
