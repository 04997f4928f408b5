"""BVH files for the tests: any motion of a synthetic body, under the names of the common conversions."""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.body import BONE, BONES, PARENTS
from pose3d.synthetic.motion.kinematics import euler

Y_UP = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # x forward, z up -> z forward, y up
UNIT = 25.4  # mm: the files are in inches


def both(names):
    """Names of the left and the right side; {Side} and {s} filled in."""
    return {
        bone.format(Side=side, s=side[0]): name.format(Side=side, s=side[0].lower())
        for bone, name in names.items()
        for side in ("Left", "Right")
    }


# The bones of the rig that a convention has, and what it calls them.
CONVENTIONS = {
    "MotionBuilder": {name: name for name in BONES},
    "Daz": both({
        "Hips": "hip", "Spine": "abdomen", "Spine1": "chest", "Neck": "neck", "Head": "head",
        "{Side}UpLeg": "{s}Thigh", "{Side}Leg": "{s}Shin", "{Side}Foot": "{s}Foot",
        "{Side}Shoulder": "{s}Collar", "{Side}Arm": "{s}Shldr", "{Side}ForeArm": "{s}ForeArm",
        "{Side}Hand": "{s}Hand",
    }),
    "3dsMax": both({
        "Hips": "Hips", "LowerBack": "lowerback", "Spine": "Chest", "Spine1": "Chest2", "Neck": "lowerneck",
        "Neck1": "Neck", "Head": "Head",
        "{Side}UpLeg": "{Side}Hip", "{Side}Leg": "{Side}Knee", "{Side}Foot": "{Side}Ankle",
        "{Side}ToeBase": "{Side}Toe", "{Side}Shoulder": "{Side}Collar", "{Side}Arm": "{Side}Shoulder",
        "{Side}ForeArm": "{Side}Elbow", "{Side}Hand": "{Side}Wrist",
    }),
}  # fmt: skip


def write_motion(path, body, motion, convention="MotionBuilder", fps=50, rest="hanging", first=None):
    """Write a motion as BVH.

    `rest` is the rest pose: arms ``"hanging"``, in a ``"T"``, ``"reaching"`` ahead with the feet turned
    out, or ``"strewn"``, in which every joint has axes of its own and nobody stands. `first` is a function
    that makes the channels (C,) of one more frame, put before the others, from theirs.
    """
    names = CONVENTIONS[convention]
    own = {bone: Y_UP @ at_rest(bone, rest, i).T @ Y_UP.T for i, bone in enumerate(BONES)}
    turns = {
        bone: Y_UP @ motion.rotations[:, i] @ Y_UP.T @ own[bone]
        for i, bone in enumerate(BONES)
        if bone in names
    }
    ends = {f"{side}Foot": f"{side}ToeBase" for side in ("Left", "Right")}  # End Sites, if not joints
    ends |= {f"{side}Hand": f"{side}HandFinger1" for side in ("Left", "Right")}
    lines, values = ["HIERARCHY"], [motion.root @ Y_UP.T / UNIT]

    def parent_of(bone):
        parent = BONES[PARENTS[BONE[bone]]]
        return parent if parent in names else parent_of(parent)

    def step(bone, parent):
        return own[parent].T @ Y_UP @ (body.t_pose[BONE[bone]] - body.t_pose[BONE[parent]]) / UNIT

    def put(bone, offset, parent, depth):
        pad = "\t" * depth
        numbers = " ".join(f"{value:.9f}" for value in offset)
        kind = "ROOT" if parent is None else "JOINT"
        lines.extend([f"{pad}{kind} {names[bone]}", pad + "{", f"{pad}\tOFFSET {numbers}"])
        at = "Xposition Yposition Zposition " if parent is None else ""
        lines.append(f"{pad}\tCHANNELS {6 if at else 3} {at}Zrotation Yrotation Xrotation")
        local = turns[bone] if parent is None else turns[parent].transpose(0, 2, 1) @ turns[bone]
        values.append(Rotation.from_matrix(local).as_euler("ZYX", degrees=True))
        for child in names:
            if child != "Hips" and parent_of(child) == bone:
                put(child, step(child, bone), bone, depth + 1)
        if bone in ends and ends[bone] not in names:
            numbers = " ".join(f"{value:.9f}" for value in step(ends[bone], bone))
            lines.extend([f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {numbers}", f"{pad}\t}}"])
        lines.append(pad + "}")

    put("Hips", (0, 0, 0), None, 0)
    table = np.concatenate(values, axis=1)
    if first:
        table = np.concatenate([[first(table)], table])
    lines += ["MOTION", f"Frames: {len(table)}", f"Frame Time: {1 / fps:.7f}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines + [" ".join(f"{v:.6f}" for v in row) for row in table]) + "\n")
    return path


def at_rest(bone, rest, number):
    """Rotation of a bone from the T-pose to the rest pose, in which the file's rotations are zero."""
    side = -1 if bone.startswith("R") else 1
    arm = any(part in bone for part in ("Arm", "Hand", "Finger", "Thumb"))
    if rest == "strewn":
        return Rotation.random(random_state=number).as_matrix()
    if rest == "hanging" and arm:
        return euler("X", -np.pi / 2 * side)[0]
    if rest == "reaching" and arm:
        return euler("Z", -np.pi / 2 * side)[0]
    if rest == "reaching" and bone.endswith(("Foot", "ToeBase")):
        return euler("Z", np.radians(20) * side)[0]
    return np.eye(3)
