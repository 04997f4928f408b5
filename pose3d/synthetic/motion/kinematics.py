"""Forward kinematics: joints and segment frames of a moving body."""

from dataclasses import dataclass

import numpy as np

from pose3d.skeleton import JOINTS_32

JOINT = {name: i for i, name in enumerate(JOINTS_32)}
SIDES = (("Right", -1), ("Left", 1))  # name, sign of y


@dataclass(frozen=True)
class Motion:
    """Motion of one body.

    Attributes
    ----------
    joints : (F, 32, 3) array, mm, world frame (z up, floor at 0)
    frames : dict of segment to (F, 3, 3) array, its forward, left and up axes as columns
    heading : (F,) array, rad, direction of travel (captured motion: of the pelvis), from world x towards y
    planted : dict of ``"Left"`` and ``"Right"`` to (F,) bool array, frames in which the foot stands
    """

    joints: np.ndarray
    frames: dict
    heading: np.ndarray
    planted: dict

    def at(self, chosen):
        """The motion in the chosen frames: (G,) array of frame numbers."""
        return Motion(
            self.joints[chosen],
            {name: axes[chosen] for name, axes in self.frames.items()},
            self.heading[chosen],
            {side: planted[chosen] for side, planted in self.planted.items()},
        )

    def held(self, frames):
        """The motion with its last pose repeated for `frames` more frames."""
        last = len(self.joints) - 1
        return self.at(np.minimum(np.arange(last + 1 + frames), last))


class Pose:
    """Joints and segment frames of all frames, computed from the pelvis outwards."""

    def __init__(self, body, frames):
        self.body = body
        self.joints = np.zeros((frames, len(JOINTS_32), 3))
        self.frames = {}

    def __getitem__(self, name):
        return self.joints[:, JOINT[name]]

    def put(self, *names, at):
        """Set joints to one position, (F, 3)."""
        for name in names:
            self.joints[:, JOINT[name]] = at

    def place(self, *names, parent, frame, segment, axis):
        """Set joints at the length of `segment` from `parent`, along `axis` of `frame`."""
        self.put(*names, at=self[parent] + self.frames[frame] @ self.body.along(segment, axis))

    def place_hips(self):
        """Place both hip joints beside the pelvis."""
        for side, sign in SIDES:
            self.place(f"{side}UpLeg", parent="Hips", frame="pelvis", segment="hip", axis=(0, sign, 0))

    def place_leg(self, side):
        """Place knee and ankle, from the hip joint."""
        knee, ankle = f"{side}Leg", f"{side}Foot"
        thigh, shank = f"{side} thigh", f"{side} shank"
        self.place(knee, parent=f"{side}UpLeg", frame=thigh, segment="thigh", axis=(0, 0, -1))
        self.place(ankle, parent=knee, frame=shank, segment="shank", axis=(0, 0, -1))

    def place_toes(self, side):
        """Place ball and tip of a foot, from its ankle."""
        foot, ball, toes = f"{side}Foot", f"{side}ToeBase", f"{side} toes"
        forward = self.body.along("ball", (1, 0, 0)) + self.body.along("ankle", (0, 0, -0.75))
        self.put(ball, at=self[foot] + self.frames[f"{side} foot"] @ forward)
        self.place(f"{side}ToeSite", parent=ball, frame=toes, segment="toe", axis=(1, 0, 0))

    def place_trunk(self, neck):
        """Place spine, neck and head, from the pelvis; `neck` is the frame of the neck."""
        self.place("Spine1", parent="Hips", frame="waist", segment="spine", axis=(0, 0, 1))
        base = ("Neck", "LeftShoulder", "RightShoulder")  # one position, as in Human3.6M
        self.place(*base, parent="Spine1", frame="trunk", segment="chest", axis=(0, 0, 1))
        self.place("Head", parent="Neck", frame=neck, segment="neck", axis=(0.3, 0, 0.954))
        self.place("HeadSite", parent="Head", frame="head", segment="head", axis=(-0.1, 0, 0.995))

    def place_arm(self, side, sign, girdle):
        """Place an arm, from the neck; `girdle` is the frame of the shoulder."""
        arm, elbow, wrist = f"{side}Arm", f"{side}ForeArm", f"{side}Hand"
        lower = f"{side} forearm"
        self.place(arm, parent="Neck", frame=girdle, segment="shoulder", axis=(0, 0.99 * sign, -0.14))
        self.place(elbow, parent=arm, frame=f"{side} upper arm", segment="upper arm", axis=(0, 0, -1))
        self.place(wrist, f"{wrist}Thumb", parent=elbow, frame=lower, segment="forearm", axis=(0, 0, -1))
        self.place(f"{side}ThumbSite", parent=wrist, frame=lower, segment="hand", axis=(0.6, 0, -0.6))
        end = (f"{side}WristEnd", f"{side}WristSite")
        self.place(*end, parent=wrist, frame=lower, segment="hand", axis=(0, 0, -1))
