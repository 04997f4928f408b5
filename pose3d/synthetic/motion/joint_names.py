"""Find Human3.6M's joints in a BVH skeleton, by known names or by the user's joint map."""

import json
import tomllib
from pathlib import Path

import numpy as np

from pose3d.errors import UserError
from pose3d.synthetic.motion.bvh import rest_pose

# Names in the common conversions of CMU's data and similar skeletons, the most specific first:
# "LeftShoulder" is the collar if there is a "LeftArm". {Side} is Left or Right, {s} is l or r; names are
# compared without case.
_MIDDLE = {"Hips": ("Hips", "Hip", "Pelvis"), "Neck": ("Neck1", "Neck"), "Head": ("Head",)}
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
_OPTIONAL = ("LeftToeBase", "RightToeBase", "Neck")
_SPINE = "Spine1"  # found by its position, since conversions number the spine differently
_SPINE_AT = 0.475  # share of the way from pelvis to neck, in the synthetic bodies
KEYS = (*_ALIASES, _SPINE)


def read_joint_map(path):
    """Read a joint map, from Human3.6M's joint names to those of a BVH skeleton.

    Parameters
    ----------
    path : path of a ``.toml`` or ``.json`` file

    Returns
    -------
    dict of str to str

    Raises
    ------
    UserError
        if the file cannot be parsed, or holds anything else than known joints and names
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
    """Find the joints that drive a body.

    Parameters
    ----------
    bvh : Bvh
    joint_map : dict of str to str, see `read_joint_map`; joints that it lacks are found by known names

    Returns
    -------
    dict of Human3.6M's joint names to indices into ``bvh.names``; toes and neck are optional

    Raises
    ------
    UserError
        if a necessary joint is missing
    """
    # Some exporters prefix a name space: "mixamorig:Hips".
    indices = {name.rpartition(":")[2].lower(): i for i, name in reversed(list(enumerate(bvh.names))) if name}
    exact = {name: i for i, name in enumerate(bvh.names) if name}
    found = {
        key: exact.get(joint_map[key]) if key in joint_map else _first(aliases, indices)
        for key, aliases in _ALIASES.items()
    }
    if _SPINE in joint_map:
        found[_SPINE] = exact.get(joint_map[_SPINE])
    else:
        top = found["Head"] if found["Neck"] is None else found["Neck"]
        found[_SPINE] = _middle_of_spine(bvh, found["Hips"], top)
    missing = [key for key, i in found.items() if i is None and (key in joint_map or key not in _OPTIONAL)]
    if missing:
        wanted = ", ".join(f"{key} ({joint_map[key]!r})" if key in joint_map else key for key in missing)
        raise UserError(f"{bvh.path}: no joint for {wanted} among {', '.join(exact)}; name it by --joint-map")
    return {key: i for key, i in found.items() if i is not None}


def _first(aliases, indices):
    return next((indices[name.lower()] for name in aliases if name.lower() in indices), None)


def _middle_of_spine(bvh, hips, top):
    """The joint between pelvis and neck, or head, nearest to `_SPINE_AT`; None if there is none."""
    if hips is None or top is None:
        return None
    chain = [top]
    while chain[-1] not in (hips, -1):
        chain.append(bvh.parents[chain[-1]])
    chain = chain[::-1] if chain[-1] == hips else []
    if len(chain) < 3:
        return None
    lengths = np.linalg.norm(np.diff(rest_pose(bvh)[chain], axis=0), axis=1)
    along = np.cumsum(lengths)[:-1] / lengths.sum()
    return chain[1 + int(np.abs(along - _SPINE_AT).argmin())]
