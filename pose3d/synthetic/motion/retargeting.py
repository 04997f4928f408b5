"""Retarget captured motion to another body, and place it in the room."""

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.body import BONE, BONES, SIDES, shortest
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.capture import LEGS, leg_length
from pose3d.synthetic.motion.kinematics import Motion, all_bones, euler, upright
from pose3d.synthetic.scene import FULL_SIZE, camera_of

_TRUNK = ("Hips", "LowerBack", "Spine", "Spine1", "Neck", "Head", "LeftShoulder", "RightShoulder")
_UP = np.array([[0.0, 0, 1]])
_FLAT = 0.3  # smallest share of ankle to toes at right angles to the shank that gives a direction
_TOES = 0.2  # slope of the toes as a share of the foot's when the heel is up, without captured toes
_SINK = 30.0  # mm, largest depth below the floor
_STANDING = 5  # percentile of the lowest points that is the floor: captures are noisy
_MARGIN = 40  # px at full size between a joint and the border
_NEAREST = 1000.0  # mm in front of a camera; the distortion is not valid for less


def retarget(capture, body):
    """Apply a captured motion to a body: a `Motion`, not yet in the room; see `placed`.

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


def placed(motion, body, name):
    """Put a motion on the floor in the middle of the room; keep the frames that all four cameras see whole.

    A `UserError`, which names the file `name`, if there are none, or joints that coincide leave a direction
    open.
    """
    joints = motion.joints(body)
    if not np.isfinite(joints).all():
        raise UserError(f"{name}: joints coincide in some frame; name other joints by --joint-map")
    bare, shown = np.zeros(len(body.vertices), np.float32), body.n_body_vertices
    lowest = [skin(body, transforms, bare)[:shown, 2].min() for transforms in motion.transforms(body)]
    floor = min(np.percentile(lowest, _STANDING), np.min(lowest) + _SINK)
    ground = joints[..., :2].reshape(-1, 2)
    shift = -np.append((ground.min(axis=0) + ground.max(axis=0)) / 2, floor)
    seen = np.flatnonzero(_is_seen(joints + shift))
    if not len(seen):
        raise UserError(f"{name}: no frame is in view of all four cameras; remove the file")
    return motion.moved(shift).at(seen)


def _is_seen(joints):
    """(F,) whether all joints (F, J, 3) are inside all four images, with a margin."""
    seen = np.ones(len(joints), bool)
    for number in CAMERAS:
        camera = camera_of(number, FULL_SIZE)
        points = world_to_camera(camera, joints)
        px = project(camera, points)
        inside = (px >= _MARGIN) & (px <= FULL_SIZE - 1 - _MARGIN) & (points[..., 2:] >= _NEAREST)
        seen &= inside.all(axis=(1, 2))
    return seen


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
