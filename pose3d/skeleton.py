"""Human3.6M's 32 joints and the 17 of the report; nothing else knows a joint number."""

import numpy as np

# Official names in the order of the CDF files (the report's ids are this order, counted from 1).
JOINTS_32 = (
    "Hips", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "RightToeSite",
    "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "LeftToeSite",
    "Spine", "Spine1", "Neck", "Head", "HeadSite",
    "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LeftHandThumb", "LeftThumbSite",
    "LeftWristEnd", "LeftWristSite",
    "RightShoulder", "RightArm", "RightForeArm", "RightHand", "RightHandThumb", "RightThumbSite",
    "RightWristEnd", "RightWristSite",
)  # fmt: skip

# Report, Eq. (1): the joints kept of the 32, as ids counted from 1.
KEPT_IDS = (1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28)
KEPT = np.array(KEPT_IDS) - 1

JOINTS = (
    "pelvis",
    "right hip", "right knee", "right ankle",
    "left hip", "left knee", "left ankle",
    "spine", "thorax", "neck", "head",
    "left shoulder", "left elbow", "left wrist",
    "right shoulder", "right elbow", "right wrist",
)  # fmt: skip

# Parent of each of the 17 joints; the pelvis has none.
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
# The 16 edges, each as (parent, child).
EDGES = tuple((parent, child) for child, parent in enumerate(PARENTS) if parent >= 0)

PELVIS = JOINTS.index("pelvis")
N_JOINTS = len(JOINTS)
N_COORDINATES = 3 * N_JOINTS
LARGEST_COORDINATE = 1e5  # mm; no joint is farther from the origin of a camera that sees a person

# side[j] is "left", "right" or "middle".
SIDES = tuple(
    "left" if name.startswith("left") else "right" if name.startswith("right") else "middle"
    for name in JOINTS
)

# MIRROR[j] is the joint that j becomes when the image is mirrored.
MIRROR = np.array(
    [
        JOINTS.index(name.replace("left", "right") if side == "left" else name.replace("right", "left"))
        for name, side in zip(JOINTS, SIDES, strict=True)
    ]
)


def mirrored_poses(poses):
    """New poses of the mirrored person: left and right joints change places, and x its sign.

    They are (..., 17, 3), mm, camera frame, relative to the pelvis.
    """
    return np.asarray(poses)[..., MIRROR, :] * np.array([-1, 1, 1], np.int8)


def pelvis_relative(poses):
    """Subtract the pelvis: ``R_i = J_i - J_pelvis`` (report, section 4.1), of poses (..., 17, 3).

    The pelvis is exactly zero then.
    """
    poses = np.asarray(poses)
    return poses - poses[..., PELVIS : PELVIS + 1, :]


# The longest side of the box around a person's joints is 600 mm (crouching) to 2000 mm. Each unit, the least
# number that it makes of that, and the factor to mm.
_UNITS = (("m", 0.0, 1000), ("cm", 10.0, 10), ("mm", 300.0, 1))


def unit_fault(poses):
    """What shows that poses, (F, 17, 3), are not in mm, and how to convert them: str.

    It is empty if they may be in mm, or if all joints are in one place.
    """
    span = float(np.median(np.ptp(poses, axis=1).max(axis=1)))
    unit, _, factor = next(each for each in reversed(_UNITS) if span >= each[1])
    if unit == "mm" or not span:
        return ""
    looks = f"look like {unit}, not mm; multiply by {factor}"
    return f"the joints of a frame span {span:.3g} (median), so they {looks}"
