"""Retarget captured motion to another body."""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.body import BONE, BONES, SIDES, shortest
from pose3d.synthetic.motion.capture import LEGS, leg_length
from pose3d.synthetic.motion.kinematics import Motion, all_bones, euler, upright

_TRUNK = ("Hips", "LowerBack", "Spine", "Spine1", "Neck", "Head", "LeftShoulder", "RightShoulder")
_UP = np.array([[0.0, 0, 1]])
_FLAT = 0.3  # smallest share of ankle to toes at right angles to the shank that gives a direction
_TOES = 0.2  # slope of the toes as a share of the foot's when the heel is up, without captured toes


def retarget(capture, body):
    """Apply a captured motion to a body: a `Motion`, not yet in a room.

    Arms and legs have the captured directions. Skeletons differ in pelvis, spine, neck, shoulders and feet:
    these turn from the body's upright pose as the captured ones do from their reference pose. The path of the
    hips is scaled by the length of the legs.
    """
    across = capture.reference["LeftUpLeg"] - capture.reference["RightUpLeg"]
    ahead = upright(_UP, np.cross(across, _UP))  # (1, 3, 3), from our axes to those of the reference pose
    trunk = {bone: turn.as_matrix() @ ahead for bone, turn in capture.turns.items() if bone in _TRUNK}
    turns = _bent(trunk["Hips"], trunk["Spine1"]) | trunk
    for side, sign in SIDES:
        for upper, lower in (("Arm", "ForeArm"), ("ForeArm", "Hand")):
            turns[side + upper] = _limb(capture, side + upper, side + lower, ahead, (0, sign, 0))
        for upper, lower in (("UpLeg", "Leg"), ("Leg", "Foot")):
            turns[side + upper] = _limb(capture, side + upper, side + lower, ahead, (0, 0, -1))
        turns |= _foot(capture, body, side, ahead)
    heads = dict(zip(BONES, body.t_pose, strict=True))
    legs = sum(np.linalg.norm(heads[a] - heads[b]) for a, b in LEGS[:2])
    middle = (heads["LeftUpLeg"] + heads["RightUpLeg"]) / 2
    path = legs / leg_length(capture.reference) * capture.points["Hips"]
    return Motion(all_bones(turns), path - turns["Hips"] @ middle)


def _bent(hips, chest):
    """Rotations of the bones between hips and chest, each a third of the way from one to the other."""
    bend = Rotation.from_matrix(hips.swapaxes(1, 2) @ chest).as_rotvec()
    shares = (("LowerBack", 1 / 3), ("Spine", 2 / 3))
    return {bone: hips @ Rotation.from_rotvec(share * bend).as_matrix() for bone, share in shares}


def _limb(capture, upper, lower, ahead, straight):
    """Rotations of a limb's bone, in the captured direction; `straight` is its direction in the T-pose.

    The roll comes from the joint, so that it is defined for a straight limb, too. In the reference pose it is
    that of a limb brought from the T-pose by the shortest way.
    """
    start = ahead @ straight
    before = shortest(start, capture.reference[lower] - capture.reference[upper])
    turned = capture.turns[upper].as_matrix() @ before @ ahead
    return shortest(turned @ straight, capture.points[lower] - capture.points[upper]) @ turned


def _foot(capture, body, side, ahead):
    """Rotations of foot and toes, as from a reference pose in which the sole is normal to the shank."""
    knee, ankle, tip = (capture.reference[side + name] for name in ("Leg", "Foot", "Tip"))
    shank = (knee - ankle) / np.linalg.norm(knee - ankle)
    flat = (tip - ankle) - (tip - ankle) @ shank.T * shank
    points_out = np.linalg.norm(flat) > _FLAT * np.linalg.norm(tip - ankle)
    if points_out:  # as the body's own foot does
        x, y, _ = body.t_pose[BONE[f"{side}ToeBase"]] - body.t_pose[BONE[f"{side}Foot"]]
        level = upright(shank, flat) @ euler("Z", -np.arctan2(y, x))
    else:
        level = upright(shank, ahead[..., 0])
    foot = capture.turns[f"{side}Foot"].as_matrix() @ level
    if f"{side}ToeBase" in capture.turns:
        toes = capture.turns[f"{side}ToeBase"].as_matrix() @ level
    else:  # toes stay flat while the heel rises
        toes = foot @ euler("Y", (1 - _TOES) * np.arcsin(np.clip(foot[:, 2, 0], -1, 0)))
    return {f"{side}Foot": foot, f"{side}ToeBase": toes}
