from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.skeleton import JOINTS_32
from pose3d.synthetic.body import BONE, BONES, SIDES, population
from pose3d.synthetic.motion.capture import load
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.kinematics import Motion, all_bones, euler
from pose3d.synthetic.motion.retargeting import retarget
from tests.synthetic.motion.skeletons import CONVENTIONS, write_motion

BODY, OTHER = population().body(133), population().body(180)
# World x is the file's z and world y its x: what comes back is the world, turned by a right angle.
BACK = Rotation.from_euler("z", np.pi / 2)
LIMBS = [f"{side}{name}" for side, _ in SIDES for name in ("UpLeg", "Leg", "Arm", "ForeArm")]
TRUNK = ["Hips", "LowerBack", "Spine", "Spine1", "Neck", "Head"]


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S1"], 60, True, np.random.default_rng(8))


def through_bvh(path, motion, body, **options):
    return retarget(load(write_motion(path, BODY, motion, **options), {}).turned(BACK), body)


def of(motion, bone):
    return motion.rotations[:, BONE[bone]]


def apart(one, other):
    """Angles in degrees between rotations."""
    cosine = (np.trace(one.swapaxes(-1, -2) @ other, axis1=-2, axis2=-1) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def is_rotation(rotations):
    product = rotations @ rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
    assert np.linalg.det(rotations).min() > 0


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rest", ["hanging", "T", "reaching"])
def test_a_walk_comes_back_from_bvh_as_it_was(tmp_path, motion, convention, rest):
    """Same body: the very joints. Daz's skeleton has no toes and no lower back, which are made up."""
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, convention=convention, rest=rest)
    is_rotation(back.rotations)
    lacks = ("Toe", "LowerBack") if convention == "Daz" else ()
    for bone in BONES:
        if not any(name in bone for name in lacks):
            assert apart(of(back, bone), of(motion, bone)).max() < 0.2, bone
    np.testing.assert_allclose(back.root, motion.root, atol=0.5)
    legs = [i for i, name in enumerate(JOINTS_32) if name.endswith(("Leg", "Foot"))]
    joints = slice(None) if convention != "Daz" else legs
    np.testing.assert_allclose(back.joints(BODY)[:, joints], motion.joints(BODY)[:, joints], atol=0.5)


@pytest.mark.parametrize("rest", ["hanging", "T", "strewn"])
def test_another_body_points_the_same_way_with_its_own_bones(tmp_path, motion, rest):
    back = through_bvh(tmp_path / "a.bvh", motion, OTHER, rest=rest)
    for bone in LIMBS:
        straight = np.array([0, 1, 0]) if "Arm" in bone else np.array([0, 0, 1])
        np.testing.assert_allclose(of(back, bone) @ straight, of(motion, bone) @ straight, atol=2e-5)
    thigh = (
        back.joints(OTHER)[:, JOINTS_32.index("LeftFoot")] - back.joints(OTHER)[:, JOINTS_32.index("LeftLeg")]
    )
    own = np.diff(OTHER.t_pose[[BONE["LeftLeg"], BONE["LeftFoot"]], 2])
    assert np.linalg.norm(thigh, axis=1).mean() == pytest.approx(-own[0], rel=0.1)


def test_the_path_is_scaled_by_the_legs(tmp_path, motion):
    back = through_bvh(tmp_path / "a.bvh", motion, OTHER)
    leg = [some.t_pose[BONE["LeftUpLeg"], 2] - some.t_pose[BONE["LeftFoot"], 2] for some in (BODY, OTHER)]
    assert leg[1] > 1.1 * leg[0]
    np.testing.assert_allclose(back.root, leg[1] / leg[0] * motion.root, atol=8)


def test_a_rest_pose_that_is_none_costs_a_few_degrees_at_most(tmp_path, motion):
    """The most upright frame of a walk is not quite upright: lean, twist and roll are lost there."""
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, rest="strewn")
    is_rotation(back.rotations)
    for bone in [*TRUNK, *LIMBS]:
        assert apart(of(back, bone), of(motion, bone)).max() < (40 if "Arm" in bone else 20), bone


@pytest.fixture(scope="module")
def exercise():
    """Straight limbs raised in front, to the side and overhead, a deep bow, a squat, and a handstand."""
    angle = np.radians(np.linspace(5, 170, 100))
    turns = {"Hips": np.tile(np.eye(3), (100, 1, 1)), "LowerBack": euler("Y", 0.3 * angle)}
    turns["Spine1"] = turns["Head"] = euler("Y", 0.6 * angle)
    for side, sign in SIDES:
        raised = euler("Y", -angle) if side == "Left" else euler("X", -angle)
        turns[f"{side}Arm"] = raised @ euler("X", -sign * np.pi / 2)
        turns[f"{side}UpLeg"], turns[f"{side}Leg"] = euler("Y", -0.7 * angle), euler("Y", 0.3 * angle)
        turns[f"{side}Foot"] = np.tile(np.eye(3), (100, 1, 1))
    over = euler("Y", 1.5 * angle)[:, None]
    return Motion(over @ all_bones(turns), np.tile([0.0, 0, 900], (100, 1)))


@pytest.mark.parametrize("rest", ["hanging", "T", "reaching"])
def test_bones_turn_smoothly_whatever_the_pose(tmp_path, exercise, rest):
    """Degenerate for a rotation that is guessed from positions: straight knees and elbows, limbs along x."""
    back = through_bvh(tmp_path / "a.bvh", exercise, OTHER, rest=rest)
    is_rotation(back.rotations)
    for bone in BONES:
        assert apart(of(back, bone)[1:], of(back, bone)[:-1]).max() < 6, bone
        assert apart(of(back, bone), of(exercise, bone)).max() < (
            1 if "Foot" in bone or "Toe" in bone else 0.2
        ), bone


def test_toes_that_are_not_captured_stay_level_while_the_heel_rises(tmp_path, motion):
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, convention="Daz")
    for side, _ in SIDES:
        foot, toes = (of(back, f"{side}{name}")[:, 2, 0] for name in ("Foot", "ToeBase"))
        assert foot.min() < -0.5
        np.testing.assert_allclose(toes[foot > 0], foot[foot > 0])
        steep = foot < -0.3
        np.testing.assert_allclose(np.arcsin(toes[steep]), 0.2 * np.arcsin(foot[steep]), atol=1e-2)
        np.testing.assert_allclose(toes, of(motion, f"{side}ToeBase")[:, 2, 0], atol=2e-3)


def test_a_spine_without_joints_bends_evenly(tmp_path, motion):
    path = write_motion(tmp_path / "a.bvh", BODY, motion, rest="T")
    path.write_text(path.read_text().replace("LowerBack", "Low").replace("JOINT Spine\n", "JOINT Mid\n"))
    back = retarget(load(path, {}).turned(BACK), BODY)
    whole = apart(of(back, "Hips"), of(back, "Spine1"))
    for number, (one, other) in enumerate(
        (("Hips", "LowerBack"), ("LowerBack", "Spine"), ("Spine", "Spine1"))
    ):
        np.testing.assert_allclose(
            apart(of(back, one), of(back, other)), whole / 3, atol=1e-3, err_msg=str(number)
        )


def test_the_hips_lead_and_the_arms_follow(motion):
    """A shifted root moves every joint by as much; `replace` leaves the rotations."""
    shifted = replace(motion, root=motion.root + [10, 20, 30])
    np.testing.assert_allclose(
        shifted.joints(BODY) - motion.joints(BODY), [[[10, 20, 30]]] * np.ones((60, 32, 1))
    )
    np.testing.assert_allclose(
        motion.transforms(BODY)[5][..., 3] + [1, 2, 3], motion.moved([1, 2, 3]).transforms(BODY)[5][..., 3]
    )
