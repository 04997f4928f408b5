import numpy as np
import pytest

from pose3d.skeleton import JOINTS
from pose3d.synthetic.anatomy import (
    FEET,
    FLOOR,
    FOREARM,
    SEAT,
    UPPER_ARM,
    Posture,
    Reach,
    is_possible,
    rotations,
    turn,
)
from pose3d.synthetic.body import BONE, population


@pytest.fixture(scope="module")
def body():
    return population().average


def posture(count=1, support=SEAT):
    return Posture(
        np.zeros((count, 2)), np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, 2, 3)),
        np.zeros((count, 2)), np.full((count, 2), np.nan), np.zeros((count, 2)), np.zeros((count, 2)),
        np.full(count, support),
    )  # fmt: skip


def reach(chest, pole=(-1, 0.3, 0)):
    zeros, no_leg = np.zeros((1, 2, 3)), np.full((1, 2), np.nan)
    return Reach(np.broadcast_to(np.array(chest, float), (1, 2, 3)), zeros, zeros, no_leg, no_leg,
                 np.broadcast_to(np.array(pole, float), (1, 2, 3)))  # fmt: skip


HANG = (0.0, 0.05, -0.99)


def joint(joints, name):
    return joints[0, JOINTS.index(name)]


def test_angles_turn_the_bones_their_way(body):
    p = posture()
    p.hips[0, 0], p.knees[0, 0] = (90, 0, 0), 90
    p.hips[0, 1] = 0, 30, 0
    found = body.joints(rotations(p, reach(HANG), body, np.random.default_rng(0)))
    thigh = joint(found, "left knee") - joint(found, "left hip")
    shank = joint(found, "left ankle") - joint(found, "left knee")
    assert thigh[0] > 0.9 * np.linalg.norm(thigh)
    assert shank[2] < -0.95 * np.linalg.norm(shank)
    right = joint(found, "right ankle") - joint(found, "right hip")
    assert right[1] < -0.4 * np.linalg.norm(right)  # the right leg goes to the right, -y
    p = posture()
    p.spine[0] = 60, 0, 0
    found = body.joints(rotations(p, reach(HANG), body, np.random.default_rng(0)))
    assert joint(found, "head")[0] > joint(found, "pelvis")[0] + 200


@pytest.mark.parametrize("place", [HANG, (0.6, 0.1, 0.2), (0.1, -0.15, 0.3), (0, 0.95, 0)])
def test_the_hands_reach_their_places(body, place):
    found = body.joints(rotations(posture(), reach(place), body, np.random.default_rng(0)))
    for side, sign in (("left", 1), ("right", -1)):
        arm = joint(found, f"{side} wrist") - joint(found, f"{side} shoulder")
        lengths = [
            np.linalg.norm(joint(found, f"{side} {one}") - joint(found, f"{side} {two}"))
            for one, two in (("elbow", "shoulder"), ("wrist", "elbow"))
        ]
        # The shoulder goes with the arm, so the place is met only so well.
        wanted = np.array(place) * [1, sign, 1] * sum(lengths)
        assert np.linalg.norm(arm - wanted) < 0.25 * sum(lengths)
        assert lengths[0] / sum(lengths) == pytest.approx(UPPER_ARM, abs=0.04)
        assert lengths[1] / sum(lengths) == pytest.approx(FOREARM, abs=0.04)


def test_an_elbow_points_to_its_pole(body):
    for pole in ((-1, 0, 0), (0, 1, 0), (0, 0, -1)):
        found = body.joints(
            rotations(posture(), reach((0.5, 0.1, 0.1), pole), body, np.random.default_rng(0))
        )
        middle = (joint(found, "left wrist") + joint(found, "left shoulder")) / 2
        assert (joint(found, "left elbow") - middle) @ pole > 0


def test_the_soles_are_level_where_the_ankles_allow_it(body):
    p = posture(support=FEET)
    p.hips[..., 0], p.knees[:] = 30, 50
    bones = rotations(p, reach(HANG), body, np.random.default_rng(0))
    for side in ("Left", "Right"):
        assert abs(bones[0, BONE[f"{side}Foot"], 2, 0]) < 0.02  # its forward axis is horizontal


def test_a_person_on_the_feet_leans_until_balance(body):
    p = posture(support=FEET)
    p.hips[..., 0] = 40  # both legs forward: without balance the body would fall back
    found = body.joints(rotations(p, reach(HANG), body, np.random.default_rng(0)))
    feet = (joint(found, "left ankle") + joint(found, "right ankle")) / 2
    trunk = (joint(found, "pelvis") + joint(found, "thorax")) / 2
    assert abs(trunk[0] - feet[0]) < 200
    assert joint(found, "thorax")[0] > joint(found, "pelvis")[0] + 100
    still = body.joints(rotations(posture_like(p, SEAT), reach(HANG), body, np.random.default_rng(0)))
    assert abs((joint(still, "left ankle") - joint(still, "pelvis"))[0]) > 400


def posture_like(p, support):
    p.support[:] = support
    return p


def test_a_person_who_lies_comes_to_rest(body):
    p = posture(support=FLOOR)
    p.pelvis[0, 0] = -70  # nearly on the back, the head in the air
    before = body.joints(rotations(posture_like(p, SEAT), reach(HANG), body, np.random.default_rng(0)))
    after = body.joints(rotations(posture_like(p, FLOOR), reach(HANG), body, np.random.default_rng(0)))
    high = [np.ptp(found[0, :, 2]) for found in (before, after)]
    assert high[1] < 0.6 * high[0]


def test_limbs_may_not_meet(body):
    stands = body.joints(rotations(posture(), reach((-0.1, 0.3, -0.9)), body, np.random.default_rng(0)))
    through = body.joints(rotations(posture(), reach((0.0, -0.4, -0.5)), body, np.random.default_rng(0)))
    p = posture()
    p.hips[:, :, 1] = -25  # the shanks through each other
    crossed = body.joints(rotations(p, reach((-0.1, 0.3, -0.9)), body, np.random.default_rng(0)))
    assert [bool(is_possible(each)[0]) for each in (stands, through, crossed)] == [True, False, False]


def test_mirrored_angles_give_mirrored_people(body):
    p, q = posture(), posture()
    p.hips[0, 0], p.knees[0, 0] = (50, 20, 10), 40
    q.hips[0, 1], q.knees[0, 1] = (50, 20, 10), 40
    one, two = (rotations(each, reach(HANG), body, np.random.default_rng(0)) for each in (p, q))
    mirror = np.diag([1, -1, 1])
    np.testing.assert_allclose(
        one[0, BONE["LeftLeg"]], mirror @ two[0, BONE["RightLeg"]] @ mirror, atol=1e-12
    )


def test_a_turn_about_y_bends_forward():
    np.testing.assert_allclose(turn("y", 90) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    assert turn("x", np.zeros((2, 3))).shape == (2, 3, 3, 3)
