import numpy as np
import pytest

from pose3d.recordings.human36m import SUBJECTS
from pose3d.skeleton import EDGES, KEPT
from pose3d.synthetic.motion.gait import GAITS, JOINT, walk
from pose3d.synthetic.walker_bodies import BODIES


@pytest.fixture(scope="module", params=SUBJECTS)
def walker(request):
    subject = request.param
    rng = np.random.default_rng(len(subject))
    return BODIES[subject], walk(BODIES[subject], GAITS[subject], 300, subject == "S5", rng)


def angle(first, second):
    cosine = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(cosine))


def test_bones_keep_their_lengths(walker):
    """But for hip to spine, which is no bone: the spine leans on its own."""
    body, motion = walker
    kept = motion.joints[:, KEPT]
    for parent, child in EDGES:
        length = np.linalg.norm(kept[:, child] - kept[:, parent], axis=1)
        assert np.ptp(length) < 0.5
    assert np.linalg.norm(kept[0, 2] - kept[0, 1]) == pytest.approx(body.length("thigh"), abs=0.1)


def test_joints_that_human36m_has_twice_are_equal(walker):
    _, motion = walker
    pairs = [("Spine", "Hips"), ("LeftShoulder", "Neck"), ("RightShoulder", "Neck")]
    for side in ("Left", "Right"):
        pairs += [(f"{side}HandThumb", f"{side}Hand"), (f"{side}WristSite", f"{side}WristEnd")]
    for one, other in pairs:
        np.testing.assert_array_equal(motion.joints[:, JOINT[one]], motion.joints[:, JOINT[other]])


def test_a_planted_foot_stays_where_it_is(walker):
    """Flat on the floor the whole foot rests; rolling over the ball, the ball does to a few mm."""
    _, motion = walker
    for side in ("Left", "Right"):
        ball = motion.joints[:, JOINT[f"{side}ToeBase"]]
        ankle = motion.joints[:, JOINT[f"{side}Foot"]]
        flat = motion.planted[side] & (np.abs(motion.frames[f"{side} foot"][:, 2, 0]) < 1e-6)
        both = flat[1:] & flat[:-1]
        assert both.sum() > 40
        for joint in (ball, ankle):
            assert np.abs(np.diff(joint, axis=0)[both]).max() < 1e-3
        rolling = motion.planted[side][1:] & motion.planted[side][:-1]
        rolling &= motion.frames[f"{side} foot"][1:, 2, 0] <= 0
        # The ToeBase joint is above the sole, so it moves a little when the heel rises.
        assert np.linalg.norm(np.diff(ball, axis=0)[rolling], axis=1).max() < 5


def test_nothing_is_below_the_floor_and_the_body_is_as_tall_as_it_should(walker):
    body, motion = walker
    assert motion.joints[..., 2].min() > -10
    top = motion.joints[:, JOINT["HeadSite"], 2]
    assert 0.90 * body.stature < top.mean() < 0.97 * body.stature
    assert 20 < np.ptp(motion.joints[:, 0, 2]) < 90  # pelvis up and down


def test_the_walker_faces_where_he_goes_and_left_is_left(walker):
    _, motion = walker
    step = np.diff(motion.joints[:, 0, :2], axis=0)
    ahead = np.stack([np.cos(motion.heading), np.sin(motion.heading)], axis=1)[:-1]
    off = angle(step, ahead)
    assert off.mean() < 8
    speed = np.linalg.norm(step, axis=1) * 50
    assert 0.8 * 1000 < speed.mean() < 1400
    toes = (motion.joints[:, JOINT["LeftToeBase"]] - motion.joints[:, JOINT["LeftFoot"]])[:-1, :2]
    toes = toes[motion.planted["Left"][:-1]]
    assert (toes * ahead[motion.planted["Left"][:-1]]).sum(axis=1).min() > 0
    across = motion.joints[:-1, JOINT["LeftArm"], :2] - motion.joints[:-1, JOINT["RightArm"], :2]
    assert (ahead[:, 0] * across[:, 1] - ahead[:, 1] * across[:, 0] > 0).all()


def test_joint_angles_are_those_of_walking(walker):
    """Published: the knee bends to about 60 degrees in swing, the hip ranges over about 40.

    On a tight loop, at an easy pace, the hip does with less, on the inner side above all.
    """
    _, motion = walker
    joint = {name: motion.joints[:, i] for name, i in JOINT.items()}
    for side in ("Left", "Right"):
        thigh = joint[f"{side}UpLeg"] - joint[f"{side}Leg"]
        shank = joint[f"{side}Leg"] - joint[f"{side}Foot"]
        knee = angle(thigh, shank)
        assert 2 < knee.min() < 15
        assert 40 < knee.max() < 75
        sagittal = np.degrees(
            np.arcsin((thigh * motion.frames["pelvis"][..., 0]).sum(-1) / np.linalg.norm(thigh, axis=1))
        )
        assert 24 < np.ptp(sagittal) < 60
        # The knee points ahead: never the other way.
        left = motion.frames[f"{side} foot"][..., 1]
        assert (np.cross(thigh, shank) * left).sum(-1).min() > 0
    swing = joint["LeftHand"] - joint["LeftArm"]
    arm = (swing * motion.frames["trunk"][..., 0]).sum(-1)
    leg = ((joint["LeftFoot"] - joint["LeftUpLeg"]) * motion.frames["pelvis"][..., 0]).sum(-1)
    assert np.corrcoef(arm, leg)[0, 1] < -0.6


def test_takes_turn_both_ways():
    for clockwise, sign in ((True, -1), (False, 1)):
        motion = walk(BODIES["S1"], GAITS["S1"], 280, clockwise, np.random.default_rng(1))
        assert np.sign(motion.heading[-1] - motion.heading[0]) == sign
        assert abs(motion.heading[-1] - motion.heading[0]) > 2 * np.pi


def test_a_long_walk_stays_in_view():
    motion = walk(BODIES["S8"], GAITS["S8"], 3000, False, np.random.default_rng(3))
    assert np.linalg.norm(motion.joints[:, 0, :2], axis=1).max() < 1600
