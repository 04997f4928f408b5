"""Captured motion on another body: the capture's directions, the body's own lengths.

Thighs, shanks, upper arms and forearms point where the captured ones do. Where skeletons differ from
each other and from Human3.6M's in what their joints stand for (pelvis, spine, neck, shoulders, feet),
a segment is turned from this body's own upright pose as the captured one is from its reference pose.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.synthetic.motion.kinematics import SIDES, Motion, Pose
from pose3d.synthetic.motion.rotations import euler, segment_frame, unit

_UP = np.array([[0.0, 0, 1]])
_FLAT = 0.3  # share of ankle to toes that has to run forward to show where the foot points
_TOES = 0.2  # of the foot's slope is the toes' when the heel is up and the skeleton has no toes


def retarget(capture, body):
    """Move a body as a captured person moved.

    The pelvis' path is scaled by the length of the legs. Nobody has put the feet on the floor yet, nor
    the path into the room: see `staging`.

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
    """(1, 3) horizontal directions of the reference pose: forward and left."""
    forward = unit(np.cross(reference["LeftUpLeg"] - reference["RightUpLeg"], _UP))
    return forward, np.cross(_UP, forward)


def _trunk_frames(capture):
    """Pelvis, waist, trunk, neck, head and shoulders, turned as in the capture from upright."""
    forward, left = _facing(capture.reference)
    upright = segment_frame(_UP, forward)
    unturned = {name: Rotation.identity(1) for name in capture.turns}
    before = _directions(capture.reference, unturned, forward, left)
    after = _directions(capture.points, capture.turns, forward, left)
    return {name: after[name] @ before[name].transpose(0, 2, 1) @ upright for name in after}


def _directions(points, turns, forward, left):
    """Frames that tell how the captured segments lie; those of the spine go by the hips and shoulders."""
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
    """Frame of a limb's bone, its roll carried by the joint and so the same for a straight one.

    In the reference pose its forward axis is that of a limb raised from hanging by the shortest way.
    """
    forward, _ = _facing(capture.reference)
    before = unit(capture.reference[upper] - capture.reference[lower])
    middle = _UP + before
    cosine = 1 + before[:, 2:]
    raised = forward - (before @ forward.T) / np.maximum(cosine, 1e-6) * middle
    return segment_frame(capture.points[upper] - capture.points[lower], capture.turns[upper].apply(raised))


def _foot_frames(capture):
    """Feet and toes, flat in the reference pose at right angles to the shank, and turned by their joints."""
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
        else:  # they stay on the floor while the heel rises
            slope = np.arcsin(np.clip(foot[:, 2, 0], -1, 0))
            frames[f"{side} toes"] = foot @ euler("Y", (1 - _TOES) * slope)
    return frames
