"""The note in a synthetic tree that tells with which options it was written."""

import json
from pathlib import Path

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole

_NOTE = "synthetic.json"


def read_note(root):
    """The options with which a synthetic tree was written, as a dict, or None if `root` holds none.

    Parameters
    ----------
    root : path of a raw tree

    Raises
    ------
    UserError
        if the note is damaged
    """
    note = Path(root) / _NOTE
    if not note.exists():
        return None
    try:
        found = json.loads(note.read_text())
    except ValueError as error:
        raise _damaged(note) from error
    if not isinstance(found, dict) or not isinstance(found.get("frames", ""), int | None):
        raise _damaged(note)
    return found


def _damaged(note):
    return UserError(f"{note}: damaged; remove the folder {note.parent} or choose another")


def check_folder(out, options):
    """Refuse to mix with anything but an unfinished or finished tree of the same options.

    Parameters
    ----------
    out : Path
    options : dict fit for JSON

    Raises
    ------
    UserError
        if `out` holds something else, or a tree of other options
    """
    note = out / _NOTE
    if not note.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} exists and is no synthetic tree (no {_NOTE}); choose another folder")
        return
    found = read_note(out)
    if not set(options) - {"motion"} <= set(found):
        raise _damaged(note)
    there = {key: found[key] for key in options if key != "motion"}
    there |= {"motion": found["motion"]} if "motion" in found else {}
    if there != options:
        was = [f"{key} {there[key]}" for key in options if key != "motion" and there[key] != options[key]]
        if "motion" not in options and "motion" in there:
            was.append("BVH files")
        elif "motion" in options and "motion" not in there:
            was.append("the built-in walk")
        elif there.get("motion") != options.get("motion"):
            was.append("other BVH files, joint map or actions")
        raise UserError(
            f"{out} was written with other options ({', '.join(was)}); remove it or choose another folder"
        )


def write_note(out, options, complete):
    """Write the options, and whether all that was asked for is there.

    Parameters
    ----------
    out : Path
    options : dict fit for JSON
    complete : bool
    """
    text = json.dumps({"what": "synthetic walkers in Human3.6M's layout", **options, "complete": complete})
    with whole(out / _NOTE) as temporary:
        temporary.write_text(text + "\n")
