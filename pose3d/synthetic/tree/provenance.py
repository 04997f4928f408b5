"""The provenance file of a synthetic tree: ``synthetic.json``, the options that the tree was written with."""

import json
from pathlib import Path

from pose3d.errors import UserError
from pose3d.io.atomic_files import LOCK, whole

_PROVENANCE = "synthetic.json"


def read_provenance(root):
    """Read the options that a synthetic tree was written with: a dict, or None for any other folder.

    A `UserError` if the provenance file is damaged.
    """
    path = Path(root) / _PROVENANCE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not (
        isinstance(found, dict)
        and isinstance(found.get("frames", ""), int | None)
        and isinstance(found.get("motion", {}), dict)
    ):
        raise _damaged(path)
    return found


def _damaged(path):
    return UserError(f"{path}: damaged; remove the folder {path.parent} or choose another")


def check_options(out, options):
    """Raise a `UserError` unless a folder is new, empty or a tree of the same options, finished or not."""
    path = out / _PROVENANCE
    if not path.exists():
        if out.exists() and (not out.is_dir() or any(path.name != LOCK for path in out.iterdir())):
            raise UserError(f"{out} is not a synthetic tree (no {_PROVENANCE}); choose another folder")
        return
    found = read_provenance(out)
    if not set(options) - {"motion"} <= set(found):
        raise _damaged(path)
    changed = [f"{key} {found[key]}" for key in options if key != "motion" and found[key] != options[key]]
    if found.get("motion") != options.get("motion"):
        changed.append(_motion_difference(found, options))
    if changed:
        raise UserError(
            f"{out} was written with other options ({', '.join(changed)}); remove it or choose another folder"
        )


def _motion_difference(found, options):
    if "motion" not in options:
        return "BVH files"
    return "other BVH files, joint map or actions" if "motion" in found else "the built-in walk"


def write_provenance(out, options, complete):
    """Write the options (dict fit for JSON), and whether every file asked for is there."""
    text = json.dumps({"what": "synthetic walkers in Human3.6M's layout", **options, "complete": complete})
    with whole(out / _PROVENANCE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
