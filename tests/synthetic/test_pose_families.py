import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import ACTIONS
from pose3d.skeleton import JOINTS
from pose3d.synthetic.anatomy import is_possible
from pose3d.synthetic.body import population
from pose3d.synthetic.pose_families import FAMILIES, draw

COUNT = 60


@pytest.fixture(scope="module")
def body():
    return population().average


@pytest.fixture(scope="module")
def joints(body):
    return {
        name: body.joints(draw(name, COUNT, body, np.random.default_rng([1, number])))
        for number, name in enumerate(FAMILIES)
    }


def at(joints, name):
    return joints[:, JOINTS.index(name)]


def test_the_actions_of_human36m_are_families():
    assert set(ACTIONS) <= set(FAMILIES)
    assert min(family.share for family in FAMILIES.values()) >= 0.03  # none is rare


@pytest.mark.parametrize("family", FAMILIES)
def test_poses_are_rotations_and_possible(family, body):
    poses = draw(family, 20, body, np.random.default_rng(0))
    assert poses.shape == (20, 31, 3, 3)
    np.testing.assert_allclose(
        poses @ poses.swapaxes(-1, -2), np.broadcast_to(np.eye(3), poses.shape), atol=1e-9
    )
    assert (np.linalg.det(poses) > 0).all()
    assert is_possible(body.joints(poses)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_knees_and_elbows_bend_one_way(family, joints, body):
    poses = draw(family, COUNT, body, np.random.default_rng(2))
    found = body.joints(poses)
    for side in ("left", "right"):
        thigh, shank = (
            at(found, f"{side} {a}") - at(found, f"{side} {b}")
            for a, b in (("knee", "hip"), ("ankle", "knee"))
        )
        forward = poses[:, 2 if side == "left" else 27, :, 0]  # of the thigh
        assert ((shank / np.linalg.norm(shank, axis=1, keepdims=True) * forward).sum(axis=1) < 0.15).all()
        assert (np.linalg.norm(thigh, axis=1) > 300).all()


def test_families_are_what_they_are_called(joints):
    height = {name: np.ptp(found[..., 2], axis=1) for name, found in joints.items()}
    assert np.median(height["Waiting"]) > 1100
    assert np.median(height["Walking"]) > 1400
    assert np.median(height["Lying"]) < 700 < np.median(height["Kneeling"])
    for name in ("Sitting", "SittingDown"):
        knee = [
            at(joints[name], f"{side} knee") - at(joints[name], f"{side} hip") for side in ("left", "right")
        ]
        assert np.median(abs(np.stack(knee)[..., 2])) < 300  # thighs are about level
    phone = joints["Phoning"]
    ears = (at(phone, "head") + at(phone, "neck")) / 2
    near = [np.linalg.norm(at(phone, f"{side} wrist") - ears, axis=1) for side in ("left", "right")]
    assert np.mean(np.min(near, axis=0) < 260) > 0.4


def test_an_arm_swings_against_its_leg(body):
    found = body.joints(draw("Walking", 500, body, np.random.default_rng(0)))
    leg, arm = (
        at(found, f"left {part}")[:, 0] - at(found, f"left {base}")[:, 0]
        for part, base in (("ankle", "hip"), ("wrist", "shoulder"))
    )
    assert np.corrcoef(leg, arm)[0, 1] < -0.12  # every fourth walker does something else with the arms


def test_people_stand_over_their_feet(joints):
    for name in ("Directions", "Waiting", "Bending", "Walking", "Crouching"):
        found = joints[name]
        low = np.minimum(at(found, "left ankle")[:, 2], at(found, "right ankle")[:, 2])[:, None]
        near = np.stack([at(found, f"{side} ankle") for side in ("left", "right")], axis=1)
        support = near[..., :2].mean(axis=1)
        middle = found[..., :2].mean(axis=1)
        assert np.median(np.linalg.norm(middle - support, axis=1)) < 260, name
        if name != "Waiting":  # some sit
            assert (found[..., 2] > low - 60).all(axis=1).mean() > 0.9, name


def test_a_generator_decides(body):
    one, two = (draw("Free", 5, body, np.random.default_rng(seed)) for seed in (3, 3))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, draw("Free", 5, body, np.random.default_rng(4)))


def test_an_unknown_family_is_an_error(body):
    with pytest.raises(UserError, match="no poses 'Flying'; choose from Directions"):
        draw("Flying", 1, body, np.random.default_rng(0))
