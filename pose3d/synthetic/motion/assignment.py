"""Assign motion files to the takes of each subject."""

import hashlib
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS, TAKES


def assign_files(folder, actions):
    """Assign the BVH files of a folder: dict of action to dict of (subject, take) to Path.

    An action's files are those of the subfolder of its name, or of the whole folder if only one action is
    asked for, sorted by their paths, with subfolders. The subjects have them in turn, S11 the last of too
    few for himself. A `UserError` if there are none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of BVH files")
    if len(actions) == 1 and not (folder / actions[0]).is_dir():
        return {actions[0]: _assigned(folder, folder)}
    return {action: _assigned(folder / action, folder) for action in actions}


def _assigned(where, folder):
    files = sorted((path for path in where.rglob("*") if path.suffix.lower() == ".bvh"), key=Path.as_posix)
    if not files:
        raise UserError(
            f"{where}: no .bvh files; of several actions, {folder} holds a subfolder each, named after it"
        )
    shares = {subject: files[i :: len(SUBJECTS)] for i, subject in enumerate(SUBJECTS)}
    if len(files) < len(SUBJECTS):
        others = files[:-1] or files
        shares = {subject: [others[i % len(others)]] for i, subject in enumerate(SUBJECTS)}
        shares[SUBJECTS[-1]] = files[-1:]
    return {
        (subject, take): own[len(own) // 2 if take == TAKES[1] else 0]
        for subject, own in shares.items()
        for take in TAKES
    }


def motion_provenance(folder, assignment, joint_map):
    """The motion for the tree's provenance file: a dict fit for JSON, of an assignment by `assign_files`."""
    takes = {
        action: {f"{who} {take}": path.relative_to(folder).as_posix() for (who, take), path in own.items()}
        for action, own in assignment.items()
    }
    used = sorted({name for names in takes.values() for name in names.values()})
    digests = {name: hashlib.sha256(Path(folder, name).read_bytes()).hexdigest() for name in used}
    return {"takes": takes, "sha256": digests, "joint_map": joint_map}
