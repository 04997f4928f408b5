"""Retarget captured motion to another body: directions of the capture, lengths of the body.

Thighs, shanks, upper arms and forearms have the captured directions. The joints of pelvis, spine, neck,
shoulders and feet differ between skeletons: these segments are rotated from the body's upright pose as
the captured ones are from their reference pose.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.motion.kinematics import SIDES, Motion, Pose
from pose3d.synthetic.motion.rotations import euler, segment_frame, unit

_UP = np.array([[0.0, 0, 1]])
_FLAT = 0.3  # smallest share of ankle to toes at right angles to the shank that gives a direction
_TOES = 0.2  # slope of the toes as a share of the foot's when the heel is up, without captured toes


def retarget(capture, body):
    """Apply a captured motion to a body.

    The path of the pelvis is scaled by the length of the legs. The result is not yet placed on the floor
    and in the room, see `placement`.

    Parameters
    ----------
    capture : Capture
    body : Body

    Returns
    -------
    Motion
    """
    pose = Pose(body, len(capture))
    pose.frames |= _trunk_frames(capture) | _foot_frames(capture)
    for side, _ in SIDES:
        for name, upper, lower in (
            ("thigh", "UpLeg", "Leg"), ("shank", "Leg", "Foot"),
            ("upper arm", "Arm", "ForeArm"), ("forearm", "ForeArm", "Hand"),
        ):  # fmt: skip
            pose.frames[f"{side} {name}"] = _limb_frame(capture, side + upper, side + lower)
    scale = (body.length("thigh") + body.length("shank")) / capture.leg()
    pose.put("Hips", "Spine", at=scale * capture.points["Hips"])
    pose.place_hips()
    pose.place_trunk(neck="neck")
    for side, sign in SIDES:
        pose.place_leg(side)
        pose.place_toes(side)
        pose.place_arm(side, sign, girdle=f"{side} shoulder")
    ahead = pose.frames["pelvis"][..., 0]
    return Motion(pose.joints, pose.frames, np.arctan2(ahead[:, 1], ahead[:, 0]), {})


def _facing(reference):
    """Forward and left of the reference pose, horizontal: (1, 3) arrays."""
    forward = unit(np.cross(reference["LeftUpLeg"] - reference["RightUpLeg"], _UP))
    return forward, np.cross(_UP, forward)


def _trunk_frames(capture):
    """Frames of pelvis, waist, trunk, neck, head and shoulders, rotated as in the capture."""
    forward, left = _facing(capture.reference)
    upright = segment_frame(_UP, forward)
    unturned = {name: Rotation.identity(1) for name in capture.turns}
    before = _directions(capture.reference, unturned, forward, left)
    after = _directions(capture.points, capture.turns, forward, left)
    return {name: after[name] @ before[name].transpose(0, 2, 1) @ upright for name in after}


def _directions(points, turns, forward, left):
    """Frames of the captured segments; those of the spine follow the hips and shoulders."""
    hips = unit(points["LeftUpLeg"] - points["RightUpLeg"])
    shoulders = unit(points["LeftArm"] - points["RightArm"])
    pelvis_up = np.cross(turns["Hips"].apply(forward), hips)
    spine, chest = points["Spine1"] - points["Hips"], points["Neck"] - points["Spine1"]
    neck, ahead = points["Head"] - points["Neck"], np.cross(shoulders, chest)
    looks, ears = turns["Head"].apply(forward), turns["Head"].apply(left)
    frames = {
        "pelvis": segment_frame(pelvis_up, np.cross(hips, pelvis_up)),
        "waist": segment_frame(spine, np.cross(hips + shoulders, spine)),
        "trunk": segment_frame(chest, ahead),
        "neck": segment_frame(neck, np.cross(ears, neck)),
        "head": segment_frame(np.cross(looks, ears), looks),
    }
    for side, _ in SIDES:
        frames[f"{side} shoulder"] = segment_frame(points[f"{side}Arm"] - points["Neck"], ahead)
    return frames


def _limb_frame(capture, upper, lower):
    """Frame of a limb's bone; its roll comes from the joint, so it is defined for a straight limb too.

    In the reference pose, the forward axis is that of a limb raised from hanging by the shortest way.
    """
    forward, _ = _facing(capture.reference)
    before = unit(capture.reference[upper] - capture.reference[lower])
    middle = _UP + before
    cosine = 1 + before[:, 2:]
    raised = forward - (before @ forward.T) / np.maximum(cosine, 1e-6) * middle
    return segment_frame(capture.points[upper] - capture.points[lower], capture.turns[upper].apply(raised))


def _foot_frames(capture):
    """Frames of feet and toes, rotated from the reference pose, where they are normal to the shank."""
    frames = {}
    ahead, _ = _facing(capture.reference)
    for side, _ in SIDES:
        knee, ankle, tip = (capture.reference[side + name] for name in ("Leg", "Foot", "Tip"))
        shank = unit(knee - ankle)
        flat = (tip - ankle) - (tip - ankle) @ shank.T * shank
        points_out = np.linalg.norm(flat) > _FLAT * np.linalg.norm(tip - ankle)
        level = segment_frame(shank, flat if points_out else ahead)
        frames[f"{side} foot"] = foot = capture.turns[f"{side}Foot"].as_matrix() @ level
        if f"{side}ToeBase" in capture.turns:
            frames[f"{side} toes"] = capture.turns[f"{side}ToeBase"].as_matrix() @ level
        else:  # toes stay flat while the heel rises
            slope = np.arcsin(np.clip(foot[:, 2, 0], -1, 0))
            frames[f"{side} toes"] = foot @ euler("Y", (1 - _TOES) * slope)
    return frames
