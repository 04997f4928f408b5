import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.skeleton import EDGES, KEPT
from pose3d.synthetic.motion.capture import load
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.kinematics import JOINT
from pose3d.synthetic.motion.retargeting import retarget
from pose3d.synthetic.motion.rotations import euler, unit
from pose3d.synthetic.walker_bodies import BODIES
from tests.synthetic.motion.skeletons import CONVENTIONS, write_motion

BODY, OTHER = BODIES["S1"], BODIES["S8"]
# World x is the file's z and world y its x: what comes back is the world, turned by a right angle.
BACK = Rotation.from_euler("z", np.pi / 2)
LIMBS = [
    (side + upper, side + lower)
    for side in ("Left", "Right")
    for upper, lower in (("UpLeg", "Leg"), ("Leg", "Foot"), ("Arm", "ForeArm"), ("ForeArm", "Hand"))
]


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S1"], 60, True, np.random.default_rng(8))


def through_bvh(path, motion, body, **options):
    return retarget(load(write_motion(path, BODY, motion, **options), {}).turned(BACK), body)


def directions(motion, bones):
    return np.stack([unit(motion.joints[:, JOINT[b]] - motion.joints[:, JOINT[a]]) for a, b in bones])


def is_rotation(frames):
    np.testing.assert_allclose(
        frames @ frames.transpose(0, 2, 1), np.tile(np.eye(3), (len(frames), 1, 1)), atol=1e-9
    )
    assert np.linalg.det(frames).min() > 0


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("rest", ["hanging", "T", "reaching"])
def test_a_walk_comes_back_from_bvh_as_it_was(tmp_path, motion, convention, rest):
    """Same body: the very joints. Daz's skeleton has no toes: there the tips of the feet are made up."""
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, convention=convention, rest=rest)
    known = [i for name, i in JOINT.items() if convention != "Daz" or "ToeSite" not in name]
    np.testing.assert_allclose(back.joints[:, known], motion.joints[:, known], atol=0.5)
    for name, axes in motion.frames.items():
        is_rotation(back.frames[name])
        if convention != "Daz" or "toes" not in name:
            np.testing.assert_allclose(back.frames[name], axes, atol=2e-3)
    np.testing.assert_allclose(np.unwrap(back.heading), np.unwrap(motion.heading), atol=0.2)


@pytest.mark.parametrize("rest", ["hanging", "T", "strewn"])
def test_another_body_points_the_same_way_with_its_own_bones(tmp_path, motion, rest):
    back = through_bvh(tmp_path / "a.bvh", motion, OTHER, rest=rest)
    np.testing.assert_allclose(directions(back, LIMBS), directions(motion, LIMBS), atol=2e-5)
    own = walk(OTHER, GAITS["S8"], 1, True, np.random.default_rng(0)).joints[:, KEPT]
    kept = back.joints[:, KEPT]
    for parent, child in EDGES:
        if (parent, child) == (0, 7):  # hip to spine is no bone, but its length is the body's all the same
            expected = OTHER.length("spine")
        else:
            expected = np.linalg.norm(own[0, child] - own[0, parent])
        np.testing.assert_allclose(
            np.linalg.norm(kept[:, child] - kept[:, parent], axis=1), expected, atol=1e-6
        )


def test_the_path_is_scaled_by_the_legs(tmp_path, motion):
    back = through_bvh(tmp_path / "a.bvh", motion, OTHER)
    scale = (OTHER.length("thigh") + OTHER.length("shank")) / (BODY.length("thigh") + BODY.length("shank"))
    np.testing.assert_allclose(back.joints[:, 0], scale * motion.joints[:, 0], atol=1e-2)
    np.testing.assert_array_equal(back.joints[:, JOINT["Spine"]], back.joints[:, 0])


def test_a_rest_pose_that_is_none_costs_a_few_degrees_at_most(tmp_path, motion):
    """The most upright frame of a walk is not quite upright: lean, twist and roll are lost there."""
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, rest="strewn")
    for name, axes in motion.frames.items():
        is_rotation(back.frames[name])
        cosine = (np.trace(back.frames[name].transpose(0, 2, 1) @ axes, axis1=1, axis2=2) - 1) / 2
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < (40 if "arm" in name else 20), name


@pytest.fixture(scope="module")
def exercise():
    """Straight limbs raised in front, to the side and overhead, a deep bow, a squat, and a handstand."""
    motion = walk(BODY, GAITS["S1"], 1, True, np.random.default_rng(8)).at(np.zeros(100, int))
    angle = np.radians(np.linspace(5, 170, 100))
    frames = {name: np.tile(np.eye(3), (100, 1, 1)) for name in motion.frames}
    for name in ("upper arm", "forearm"):
        frames[f"Left {name}"] = euler("Y", -angle)
        frames[f"Right {name}"] = euler("X", -angle)
    frames["trunk"] = frames["head"] = euler("Y", 0.6 * angle)
    frames["waist"] = euler("Y", 0.3 * angle)
    for side in ("Left", "Right"):
        frames[f"{side} thigh"], frames[f"{side} shank"] = euler("Y", -0.7 * angle), euler("Y", 0.3 * angle)
    motion = motion.at(np.arange(100))
    over = euler("Y", 1.5 * angle)
    return motion.__class__(
        motion.joints, {name: over @ axes for name, axes in frames.items()}, motion.heading, motion.planted
    )


@pytest.mark.parametrize("rest", ["hanging", "T", "reaching"])
def test_frames_turn_smoothly_whatever_the_pose(tmp_path, exercise, rest):
    """Degenerate for a frame that is guessed from positions: straight knees and elbows, limbs along x."""
    back = through_bvh(tmp_path / "a.bvh", exercise, OTHER, rest=rest)
    for name, axes in back.frames.items():
        is_rotation(axes)
        step = np.trace(axes[1:].transpose(0, 2, 1) @ axes[:-1], axis1=1, axis2=2)
        assert np.degrees(np.arccos(np.clip((step - 1) / 2, -1, 1))).max() < 6, name
    for name, axes in exercise.frames.items():
        if "toes" not in name:
            np.testing.assert_allclose(back.frames[name], axes, atol=2e-3, err_msg=name)


def test_toes_that_are_not_captured_stay_level_while_the_heel_rises(tmp_path, motion):
    back = through_bvh(tmp_path / "a.bvh", motion, BODY, convention="Daz")
    for side in ("Left", "Right"):
        foot, toes = (back.frames[f"{side} {name}"][:, 2, 0] for name in ("foot", "toes"))
        assert foot.min() < -0.5
        np.testing.assert_allclose(toes[foot > 0], foot[foot > 0])
        steep = foot < -0.3
        np.testing.assert_allclose(np.arcsin(toes[steep]), 0.2 * np.arcsin(foot[steep]), atol=1e-6)
        np.testing.assert_allclose(toes, motion.frames[f"{side} toes"][:, 2, 0], atol=2e-3)
