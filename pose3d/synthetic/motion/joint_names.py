"""Find the joints of a BVH skeleton that drive our bones, by known names or by the user's joint map."""

import json
import tomllib
from pathlib import Path

from pose3d.errors import UserError

# Names in the common conversions of CMU's data and similar skeletons, the most specific first:
# "LeftShoulder" is the collar if there is a "LeftArm". {Side} is Left or Right, {s} is l or r; names are
# compared without case.
_MIDDLE = {
    "Hips": ("Hips", "Hip", "Pelvis"),
    "LowerBack": ("LowerBack",),
    "Spine": ("Spine", "Abdomen", "Chest"),
    "Neck": ("Neck1", "Neck"),
    "Head": ("Head",),
}
_SIDED = {
    "UpLeg": ("{Side}UpLeg", "{Side}Thigh", "{s}Thigh", "{Side}UpperLeg", "{Side}Hip"),
    "Leg": ("{Side}Leg", "{Side}Shin", "{s}Shin", "{Side}LowLeg", "{Side}LowerLeg", "{Side}Knee"),
    "Foot": ("{Side}Foot", "{s}Foot", "{Side}Ankle"),
    "ToeBase": ("{Side}ToeBase", "{Side}Toe", "{Side}Toes"),
    "Arm": ("{Side}Arm", "{Side}UpArm", "{Side}UpperArm", "{s}Shldr", "{Side}Shoulder"),
    "ForeArm": ("{Side}ForeArm", "{s}ForeArm", "{Side}LowArm", "{Side}LowerArm", "{Side}Elbow"),
    "Hand": ("{Side}Hand", "{s}Hand", "{Side}Wrist"),
}
_ALIASES = _MIDDLE | {
    side + part: tuple(name.format(Side=side, s=side[0]) for name in names)
    for side in ("Left", "Right")
    for part, names in _SIDED.items()
}
_OPTIONAL = ("LeftToeBase", "RightToeBase", "LowerBack", "Spine", "Neck")
_CHEST = "Spine1"  # the joint that carries both arms, since conversions number the spine differently
KEYS = (*_ALIASES, _CHEST)


def read_joint_map(path):
    """Read a joint map (``.toml`` or ``.json``): dict of our bones to the names in a BVH skeleton.

    A `UserError` if the file cannot be parsed, or holds anything else than known joints and names.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _checked(path, json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text))
    # ValueError is the base class of the errors of parsers and decoder, and of printing 5,000 digits; nested
    # brackets recurse.
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid TOML or JSON ({error})") from error


def _checked(path, names):
    if not isinstance(names, dict):
        raise UserError(f"{path}: give a table of joints and names")
    for key, name in names.items():
        if key not in KEYS:
            raise UserError(f"{path}: unknown joint {key!r}; choose from {', '.join(KEYS)}")
        if not isinstance(name, str):
            raise UserError(f"{path}: {key} = {name!r}; give the name of a joint in the BVH files")
    return names


def find_joints(bvh, joint_map):
    """Find the joints that drive a body: dict of our bones to indices into ``bvh.names``.

    Joints that `joint_map` lacks are found by known names; toes, neck and lower spine are optional. A
    `UserError` if a necessary joint is missing.
    """
    # Some exporters prefix a name space: "mixamorig:Hips".
    indices = {name.rpartition(":")[2].lower(): i for i, name in reversed(list(enumerate(bvh.names))) if name}
    exact = {name: i for i, name in enumerate(bvh.names) if name}
    found = {
        key: exact.get(joint_map[key]) if key in joint_map else _first(aliases, indices)
        for key, aliases in _ALIASES.items()
    }
    known = joint_map.get(_CHEST)
    found[_CHEST] = _carrier(bvh, found) if known is None else exact.get(known)
    missing = [key for key, i in found.items() if i is None and (key in joint_map or key not in _OPTIONAL)]
    if missing:
        wanted = ", ".join(f"{key} ({joint_map[key]!r})" if key in joint_map else key for key in missing)
        raise UserError(f"{bvh.path}: no joint for {wanted} among {', '.join(exact)}; name it by --joint-map")
    return {key: i for key, i in found.items() if i is not None}


def _first(aliases, indices):
    return next((indices[name.lower()] for name in aliases if name.lower() in indices), None)


def _carrier(bvh, found):
    """The last joint above both arms; None if there is none below the hips."""
    if None in (found["Hips"], found["LeftArm"], found["RightArm"]):
        return None
    hips, left, right = (_above(bvh, found[name]) for name in ("Hips", "LeftArm", "RightArm"))
    # Parents come before their children.
    return max(left & right - hips - {found["Hips"]}, default=None)


def _above(bvh, joint):
    """The joints from which a joint hangs."""
    above = set()
    while (joint := bvh.parents[joint]) >= 0:
        above.add(joint)
    return above
