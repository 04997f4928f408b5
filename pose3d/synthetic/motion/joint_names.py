"""Find the joints of a BVH skeleton that drive our bones, by known names or by the user's joint map."""

from pathlib import Path
from typing import Literal

import msgspec

from pose3d.errors import UserError

# Names in the common conversions of CMU's data and similar skeletons, the most specific first:
# "LeftShoulder" is the collar if there is a "LeftArm". {Side} is Left or Right, {s} is l or r; names are
# compared without case.
_KNOWN = {
    "Hips": "Hips Hip Pelvis",
    "LowerBack": "LowerBack",
    "Spine": "Spine Abdomen Chest",
    "Neck": "Neck1 Neck",
    "Head": "Head",
    "{Side}UpLeg": "{Side}UpLeg {Side}Thigh {s}Thigh {Side}UpperLeg {Side}Hip",
    "{Side}Leg": "{Side}Leg {Side}Shin {s}Shin {Side}LowLeg {Side}LowerLeg {Side}Knee",
    "{Side}Foot": "{Side}Foot {s}Foot {Side}Ankle",
    "{Side}ToeBase": "{Side}ToeBase {Side}Toe {Side}Toes",
    "{Side}Arm": "{Side}Arm {Side}UpArm {Side}UpperArm {s}Shldr {Side}Shoulder",
    "{Side}ForeArm": "{Side}ForeArm {s}ForeArm {Side}LowArm {Side}LowerArm {Side}Elbow",
    "{Side}Hand": "{Side}Hand {s}Hand {Side}Wrist",
}
_ALIASES = {
    bone.format(Side=side): names.format(Side=side, s=side[0]).lower().split()
    for side in ("Left", "Right")
    for bone, names in _KNOWN.items()
}
_OPTIONAL = ("LeftToeBase", "RightToeBase", "LowerBack", "Spine", "Neck")
_CHEST = "Spine1"  # the joint that carries both arms, since conversions number the spine differently
KEYS = (*_ALIASES, _CHEST)


def read_joint_map(path):
    """Read a joint map (``.toml`` or ``.json``): dict of our bones to the names in a BVH skeleton.

    A `UserError` if the file cannot be parsed, or holds anything else than known joints and names.
    """
    path = Path(path)
    parser = msgspec.json if path.suffix.lower() == ".json" else msgspec.toml
    try:
        return parser.decode(path.read_text(encoding="utf-8-sig"), type=dict[Literal[KEYS], str])
    # ValueError is the base class of the errors of parsers and decoder, and of printing 5,000 digits; nested
    # brackets recurse.
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: not a joint map in TOML or JSON ({error}); name the joints of {', '.join(KEYS)}"
        ) from error


def find_joints(bvh, joint_map):
    """Find the joints that drive a body: dict of our bones to indices into ``bvh.names``.

    Joints that `joint_map` lacks are found by known names; toes, neck and lower spine are optional. A
    `UserError` if a necessary joint is missing.
    """
    exact = {name: i for i, name in enumerate(bvh.names) if name}
    # Some exporters prefix a name space: "mixamorig:Hips".
    bare = {name.rpartition(":")[2].lower(): i for name, i in reversed(exact.items())}
    found = {
        bone: next((bare[name] for name in names if name in bare), None) for bone, names in _ALIASES.items()
    }
    found |= {bone: exact.get(name) for bone, name in joint_map.items()}
    if _CHEST not in found:
        found[_CHEST] = _chest(bvh, *(found[bone] for bone in ("Hips", "LeftArm", "RightArm")))
    optional = {*_OPTIONAL} - {*joint_map}
    missing = [bone for bone, i in found.items() if i is None and bone not in optional]
    if missing:
        wanted = ", ".join(f"{bone} ({joint_map[bone]!r})" if bone in joint_map else bone for bone in missing)
        raise UserError(f"{bvh.path}: no joint for {wanted} among {', '.join(exact)}; name it by --joint-map")
    return {bone: i for bone, i in found.items() if i is not None}


def _chest(bvh, hips, left, right):
    """The last joint above both arms; None if there is none below the hips."""
    above = {None: set(), -1: set()}
    for joint, parent in enumerate(bvh.parents):  # parents come before their children
        above[joint] = above[parent] | {parent}
    common = above[left] & above[right] if hips is not None else set()
    return max(common - above[hips] - {hips, -1}, default=None)
