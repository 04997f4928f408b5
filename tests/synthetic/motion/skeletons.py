"""BVH files for the tests: any motion of a synthetic body, under the names of the common conversions."""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.motion.rotations import euler

Y_UP = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # x forward, z up -> z forward, y up
UNIT = 25.4  # mm: the files are in inches


def both(*nodes):
    """Nodes for the left and the right side; {Side}, {s} and the sign of y filled in."""
    for side, sign in (("Left", 1), ("Right", -1)):
        for name, parent, segment, axis, frame in nodes:
            texts = (text.format(Side=side, s=side[0].lower()) for text in (name, parent))
            yield (*texts, segment, tuple(np.array(axis) * (1, sign, 1)), frame.format(Side=side))


def limbs(chest, up_leg, leg, foot, toes, collar, arm, forearm, hand):
    """Legs and arms under a convention's names; toes None: an End Site in their place."""
    chain = [
        (up_leg, "ROOT", "hip", (0, 1, 0), "{Side} thigh"),
        (leg, up_leg, "thigh", (0, 0, -1), "{Side} shank"),
        (foot, leg, "shank", (0, 0, -1), "{Side} foot"),
        (toes or "", foot, "ball", (1, 0, -0.36), "{Side} toes"),
        (collar, chest, "chest", (0, 0, 1), "trunk"),
        (arm, collar, "shoulder", (0, 0.99, -0.14), "{Side} upper arm"),
        (forearm, arm, "upper arm", (0, 0, -1), "{Side} forearm"),
        (hand, forearm, "forearm", (0, 0, -1), "{Side} forearm"),
        ("", hand, "hand", (0, 0, -1), ""),
    ]
    return list(both(*chain))


def spine(*names):
    """Trunk and head: a joint at the pelvis, one in the middle, neck and head."""
    low, middle, neck, head = names
    return [
        (low, "ROOT", "spine", (0, 0, 0), "waist"),
        (middle, low, "spine", (0, 0, 1), "trunk"),
        (neck, middle, "chest", (0, 0, 1), "head"),
        (head, neck, "neck", (0.3, 0, 0.954), "head"),
        ("", head, "head", (0, 0, 1), ""),
    ]


# Name, parent ("ROOT": the root), segment and axis of the offset, frame that turns it.
CONVENTIONS = {
    "MotionBuilder": ("Hips", spine("LowerBack", "Spine", "Neck1", "Head") + limbs(
        "Spine", "{Side}UpLeg", "{Side}Leg", "{Side}Foot", "{Side}ToeBase",
        "{Side}Shoulder", "{Side}Arm", "{Side}ForeArm", "{Side}Hand",
    )),
    "Daz": ("hip", spine("pelvis-end", "abdomen", "neck", "head") + limbs(
        "abdomen", "{s}Thigh", "{s}Shin", "{s}Foot", None, "{s}Collar", "{s}Shldr", "{s}ForeArm", "{s}Hand",
    )),
    "3dsMax": ("Hips", spine("lowerback", "Chest", "Neck", "Head") + limbs(
        "Chest", "{Side}Hip", "{Side}Knee", "{Side}Ankle", "{Side}Toe",
        "{Side}Collar", "{Side}Shoulder", "{Side}Elbow", "{Side}Wrist",
    )),
}  # fmt: skip


def write_motion(path, body, motion, convention="MotionBuilder", fps=50, rest="hanging", first=None):
    """Write a motion as BVH.

    `rest` is the rest pose: arms ``"hanging"``, in a ``"T"``, ``"reaching"`` ahead with the feet turned
    out, or ``"strewn"``, in which every joint has axes of its own and nobody stands. `first` is a function
    that makes the channels (C,) of one more frame, put before the others, from theirs.
    """
    root, nodes = CONVENTIONS[convention]
    nodes = [(name, root if parent == "ROOT" else parent, *more) for name, parent, *more in nodes]
    names = [root] + [name for name, *_ in nodes if name]
    frames = {root: "pelvis"} | {name: frame for name, _, _, _, frame in nodes}
    own = {name: own_axes(frames[name], rest, i) for i, name in enumerate(names)}
    turns = {name: Y_UP @ motion.frames[frames[name]] @ Y_UP.T @ own[name] for name in names}
    lines, values = ["HIERARCHY"], [motion.joints[:, 0] @ Y_UP.T / UNIT]

    def put(name, offset, parent, depth, kind):
        pad = "\t" * depth
        numbers = " ".join(f"{value:.9f}" for value in offset)
        lines.extend([f"{pad}{kind} {name}", pad + "{", f"{pad}\tOFFSET {numbers}"])
        if name != "Site":
            at = "Xposition Yposition Zposition " if parent is None else ""
            lines.append(f"{pad}\tCHANNELS {6 if at else 3} {at}Zrotation Yrotation Xrotation")
            local = turns[name] if parent is None else turns[parent].transpose(0, 2, 1) @ turns[name]
            values.append(Rotation.from_matrix(local).as_euler("ZYX", degrees=True))
            for child, owner, segment, axis, _ in nodes:
                if owner == name:
                    step = own[name].T @ Y_UP @ body.along(segment, axis) / UNIT
                    put(child or "Site", step, name, depth + 1, "JOINT" if child else "End")
        lines.append(pad + "}")

    put(root, (0, 0, 0), None, 0, "ROOT")
    table = np.concatenate(values, axis=1)
    if first:
        table = np.concatenate([[first(table)], table])
    lines += ["MOTION", f"Frames: {len(table)}", f"Frame Time: {1 / fps:.7f}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines + [" ".join(f"{v:.6f}" for v in row) for row in table]) + "\n")
    return path


def own_axes(frame, rest, number):
    """A joint's axes in the pose in which all frames are upright, y up."""
    side = -1 if frame.startswith("Right") else 1
    if rest == "strewn":
        return Rotation.random(random_state=number).as_matrix()
    if rest == "T" and frame.endswith("arm"):
        turn = euler("X", -np.pi / 2 * side)[0]
    elif rest == "reaching" and frame.endswith("arm"):
        turn = euler("Y", -np.pi / 2)[0]
    elif rest == "reaching" and frame.endswith(("foot", "toes")):
        turn = euler("Z", np.radians(20) * side)[0]
    else:
        return np.eye(3)
    return Y_UP @ turn @ Y_UP.T
