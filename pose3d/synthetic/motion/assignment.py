"""Which captured motion drives which take."""

from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.human36m import ACTIONS, SUBJECTS, TAKES


def cast(folder, actions):
    """Deal the BVH files of a folder to the subjects and takes of each action.

    If the folder has subfolders named after actions, each action is dealt its own; if not, all files, in
    whatever subfolders, belong to the one action. Who is dealt what depends on the folder alone and not on
    the subjects wanted, so that a tree can be written in parts.

    Parameters
    ----------
    folder : path
    actions : list of str, canonical names

    Returns
    -------
    dict of action to dict of (subject, take) to Path

    Raises
    ------
    UserError
        if there are no files, or not for each action
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of BVH files")
    sorted_by_action = {action: folder / action for action in ACTIONS if (folder / action).is_dir()}
    missing = [action for action in actions if action not in sorted_by_action]
    if not sorted_by_action:
        if len(actions) > 1:
            raise UserError(
                f"{folder}: for several actions, put the BVH files into subfolders {', '.join(actions)}"
            )
        sorted_by_action = {action: folder for action in actions}
    elif missing:
        raise UserError(f"{folder}: there is no subfolder {missing[0]}, but there are some of other actions")
    return {action: _deal(where) for action, where in sorted_by_action.items()}


def bvh_files(folder):
    """All BVH files of a folder and its subfolders, sorted by their paths."""
    found = [path for path in Path(folder).rglob("*") if path.suffix.lower() == ".bvh" and path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _deal(folder):
    """(subject, take) to Path: one file to each subject in turn, round after round.

    A subject's first take gets the first file of his hand, the second take that in its middle. Are there
    fewer files than subjects, the last subject, S11, whom no network sees in training, gets the last one
    for himself, and the others share what is left.
    """
    files = bvh_files(folder)
    if not files:
        raise UserError(f"{folder}: there is no .bvh file in it")
    enough = len(files) >= len(SUBJECTS)
    shared = files[:-1] or files
    dealt = {}
    for i, subject in enumerate(SUBJECTS):
        hand = files[i :: len(SUBJECTS)] if enough else [shared[i % len(shared)]]
        if subject == SUBJECTS[-1] and not enough:
            hand = files[-1:]
        dealt[subject, TAKES[0]], dealt[subject, TAKES[1]] = hand[0], hand[len(hand) // 2]
    return dealt


def playbill(folder, takes, joint_map):
    """What the tree's note says of the motion, to be compared and to be read: a dict fit for JSON.

    Parameters
    ----------
    folder : path
    takes : dict, as `cast` returns it
    joint_map : dict of str to str
    """
    folder = Path(folder)
    names = {
        action: {
            f"{subject} {take}": path.relative_to(folder).as_posix()
            for (subject, take), path in dealt.items()
        }
        for action, dealt in takes.items()
    }
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in bvh_files(folder)}
    return {"takes": names, "bytes": sizes, "joint_map": joint_map}
