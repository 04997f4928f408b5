import numpy as np
import pytest

from pose3d.recordings.human36m import SUBJECTS
from pose3d.skeleton import JOINTS_32, KEPT
from pose3d.synthetic.body import BONE, SIDES, population
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.gait import GAITS, walk

JOINT = {name: i for i, name in enumerate(JOINTS_32)}


@pytest.fixture(scope="module", params=SUBJECTS)
def walker(request):
    subject = request.param
    body = population().body(70 * SUBJECTS.index(subject))
    return body, walk(body, GAITS[subject], 300, subject == "S5", np.random.default_rng(len(subject)))


def heads(body, motion, bone):
    """(F, 3) heads of a bone."""
    at = body.heads[BONE[bone]]
    transforms = motion.transforms(body)[:, BONE[bone]]
    return transforms[..., :3] @ at + transforms[..., 3]


def ahead(motion):
    """(F, 2) direction of the hips over the floor."""
    level = motion.rotations[:, BONE["Hips"], :2, 0]
    return level / np.linalg.norm(level, axis=1, keepdims=True)


def angle(first, second):
    cosine = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_a_planted_foot_stays_where_it_is(walker):
    """The joint of the toes rests from the moment in which the foot is flat to that in which it leaves."""
    body, motion = walker
    for side, _ in SIDES:
        ball, ankle = (heads(body, motion, f"{side}{name}") for name in ("ToeBase", "Foot"))
        moved = np.linalg.norm(np.diff(ball, axis=0), axis=1)
        resting = moved < 0.1  # mm
        assert 0.4 < resting.mean() < 0.65
        assert (moved[~resting] > 2).mean() > 0.9
        pitch = motion.rotations[1:, BONE[f"{side}Foot"], 2, 0]
        flat = resting & (np.abs(pitch) < 1e-6)
        assert flat.sum() > 40
        assert np.linalg.norm(np.diff(ankle, axis=0), axis=1)[flat].max() < 8  # its first frame comes down
        assert np.median(np.linalg.norm(np.diff(ankle, axis=0), axis=1)[flat]) < 1e-3
        assert pitch[resting].min() < -0.4  # the heel leaves first


def test_the_sole_is_on_the_floor_and_the_body_as_tall_as_it_should(walker):
    body, motion = walker
    bare = np.zeros(len(body.vertices), np.float32)
    mesh = np.stack([skin(body, t, bare)[: body.n_body_vertices, 2] for t in motion.transforms(body)[::5]])
    assert np.abs(mesh.min(axis=1)).max() < 8
    assert 0.94 * body.stature < mesh.max(axis=1).mean() < body.stature
    assert 15 < np.ptp(motion.root[:, 2]) < 90  # up and down


def test_the_heel_comes_down_on_the_floor(walker):
    """In the frames before a foot is flat, it turns about its heel."""
    body, motion = walker
    bare = np.zeros(len(body.vertices), np.float32)
    for side, _ in SIDES:
        pitch = motion.rotations[:, BONE[f"{side}Foot"], 2, 0]
        level = np.abs(pitch) < 1e-6
        begin = np.flatnonzero(level[1:] & ~level[:-1] & (pitch[:-1] > 0))
        foot = np.isin(body.bones[:, 0], [BONE[f"{side}Foot"], BONE[f"{side}ToeBase"]])
        meshes = [skin(body, motion.transforms(body)[i], bare)[foot, 2] for i in begin[begin > 3] - 2]
        assert len(meshes) >= 3
        assert np.abs([mesh.min() for mesh in meshes]).max() < 8
        assert min(np.ptp(mesh) for mesh in meshes) > 50


def test_the_walker_faces_where_he_goes_and_left_is_left(walker):
    body, motion = walker
    joints = motion.joints(body)
    step = np.diff(joints[:, 0, :2], axis=0)
    assert angle(step, ahead(motion)[:-1]).mean() < 10
    assert 800 < (np.linalg.norm(step, axis=1) * 50).mean() < 1500
    toes = (joints[:, JOINT["LeftToeBase"]] - joints[:, JOINT["LeftFoot"]])[:, :2]
    assert ((toes * ahead(motion)).sum(axis=1) > 0).mean() > 0.95
    across = joints[:, JOINT["LeftArm"], :2] - joints[:, JOINT["RightArm"], :2]
    forward = ahead(motion)
    assert (forward[:, 0] * across[:, 1] - forward[:, 1] * across[:, 0] > 0).all()


def test_joint_angles_are_those_of_walking(walker):
    """Published: the knee bends to about 60 degrees in swing, the hip ranges over about 40.

    On a tight loop, at an easy pace, the hip does with less, on the inner side above all.
    """
    body, motion = walker
    forward = motion.rotations[:, BONE["Hips"], :, 0]
    for side, _ in SIDES:
        hip, knee, ankle = (heads(body, motion, f"{side}{name}") for name in ("UpLeg", "Leg", "Foot"))
        thigh, shank = hip - knee, knee - ankle
        bent = angle(thigh, shank)
        assert 2 < bent.min() < 15
        assert 40 < bent.max() < 80
        sagittal = np.degrees(np.arcsin((thigh * forward).sum(-1) / np.linalg.norm(thigh, axis=1)))
        assert 24 < np.ptp(sagittal) < 60
        # The knee points ahead, the elbow back: never the other way.
        left = motion.rotations[:, BONE[f"{side}Foot"], :, 1]
        assert (np.cross(thigh, shank) * left).sum(-1).min() > 0
        arm, elbow, hand = (heads(body, motion, f"{side}{name}") for name in ("Arm", "ForeArm", "Hand"))
        across = motion.rotations[:, BONE["Spine1"], :, 1]
        assert (np.cross(arm - elbow, elbow - hand) * across).sum(-1).max() < 0
        assert 5 < angle(arm - elbow, elbow - hand).mean() < 50
    swing = heads(body, motion, "LeftHand") - heads(body, motion, "LeftArm")
    leg = heads(body, motion, "LeftFoot") - heads(body, motion, "LeftUpLeg")
    assert np.corrcoef((swing * forward).sum(-1), (leg * forward).sum(-1))[0, 1] < -0.6


def test_joints_that_human36m_has_twice_are_equal(walker):
    joints = walker[1].joints(walker[0])
    pairs = [("Spine", "Hips"), ("LeftShoulder", "Neck"), ("RightShoulder", "Neck")]
    for side, _ in SIDES:
        pairs += [(f"{side}HandThumb", f"{side}Hand"), (f"{side}WristSite", f"{side}WristEnd")]
    for one, other in pairs:
        np.testing.assert_array_equal(joints[:, JOINT[one]], joints[:, JOINT[other]])


def test_takes_turn_both_ways():
    body = population().body(0)
    for clockwise, sign in ((True, -1), (False, 1)):
        motion = walk(body, GAITS["S1"], 280, clockwise, np.random.default_rng(1))
        heading = np.unwrap(np.arctan2(*ahead(motion).T[::-1]))
        assert np.sign(heading[-1] - heading[0]) == sign
        assert abs(heading[-1] - heading[0]) > 2 * np.pi


def test_a_long_walk_stays_in_view():
    body = population().body(0)
    joints = walk(body, GAITS["S8"], 3000, False, np.random.default_rng(3)).joints(body)[:, KEPT]
    assert np.linalg.norm(joints[:, 0, :2], axis=1).max() < 1600
