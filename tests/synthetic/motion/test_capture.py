import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.synthetic.body import BONE, population
from pose3d.synthetic.motion.capture import leg_length, load
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.kinematics import Motion, euler
from tests.synthetic.motion.skeletons import UNIT, write_motion

BODY = population().body(180)


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S8"], 25, False, np.random.default_rng(5))


def turning(frames, fps):
    """One body, upright, that turns at 90 degrees a second and goes forward at 1 m/s along x."""
    motion = walk(BODY, GAITS["S8"], 1, False, np.random.default_rng(5)).at(np.zeros(frames, int))
    seconds = np.arange(frames) / fps
    turn = euler("Z", np.pi / 2 * seconds)
    middle = BODY.t_pose[[BONE["LeftUpLeg"], BONE["RightUpLeg"]]].mean(axis=0)
    rotations = turn[:, None] @ motion.rotations
    root = 1000 * seconds[:, None] * [1, 0, 0] + [0, 0, 950]  # of the hips' middle
    return Motion(rotations, root - rotations[:, 0] @ middle)


def test_points_are_the_file_s_with_z_up(tmp_path, motion):
    capture = load(write_motion(tmp_path / "a.bvh", BODY, motion), {})
    assert len(capture.points["Hips"]) == 25
    transforms = motion.transforms(BODY)
    for name in ("LeftUpLeg", "RightLeg", "LeftFoot", "RightToeBase", "Spine1", "Head", "LeftHand"):
        at = transforms[:, BONE[name]]
        expected = (at[..., :3] @ BODY.heads[BONE[name]] + at[..., 3] - motion.root) / UNIT
        back = capture.points[name] - capture.points["LeftUpLeg"]
        hip = transforms[:, BONE["LeftUpLeg"]]
        expected -= (hip[..., :3] @ BODY.heads[BONE["LeftUpLeg"]] + hip[..., 3] - motion.root) / UNIT
        # World x is the file's z and world y its x: the capture's z-up frame is the world turned.
        np.testing.assert_allclose(
            back, np.stack([expected[:, 1], -expected[:, 0], expected[:, 2]], 1), atol=2e-2
        )
    leg = BODY.t_pose[BONE["LeftUpLeg"], 2] - BODY.t_pose[BONE["LeftFoot"], 2]
    assert leg_length(capture.reference) == pytest.approx(leg / UNIT, rel=1e-3)


@pytest.mark.parametrize(("fps", "frames"), [(120, 121), (60, 61), (30, 31), (50, 51), (25, 26)])
def test_motion_is_resampled_to_50_frames_per_second(tmp_path, fps, frames):
    """One second: 51 frames; each is where the body was at that time, rotations too."""
    capture = load(write_motion(tmp_path / "a.bvh", BODY, turning(frames, fps), fps=fps), {})
    forward = (capture.points["Hips"] - capture.points["Hips"][0]) * UNIT
    np.testing.assert_allclose(np.linalg.norm(forward, axis=1), 20 * np.arange(51), atol=0.1)
    turned = (capture.turns["Head"] * capture.turns["Head"][0].inv()).as_matrix()
    angle = np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    np.testing.assert_allclose(angle, 1.8 * np.arange(51), atol=1e-2)


def test_the_limit_cuts_the_end(tmp_path, motion):
    path = write_motion(tmp_path / "a.bvh", BODY, motion)
    short, whole = load(path, {}, 9), load(path, {})
    assert len(short.points["Head"]) == 9
    np.testing.assert_allclose(short.points["Head"], whole.points["Head"][:9], atol=1e-9)
    assert len(load(path, {}, 900).points["Head"]) == 25


def as_t_pose(table):
    """CMU's first frame: the first position, and hardly anything turned."""
    return np.concatenate([table[0, :3], 0 * table[0, 3:-3], [0, 8, 0]])


def zeros(table):
    return np.concatenate([table[0, :3], 0 * table[0, 3:]])


@pytest.mark.parametrize("fps", [50, 120])
@pytest.mark.parametrize("first", [as_t_pose, zeros])
def test_a_t_pose_in_the_first_frame_is_dropped(tmp_path, motion, first, fps):
    plain = load(write_motion(tmp_path / "a.bvh", BODY, motion, rest="T", fps=fps), {})
    without = load(write_motion(tmp_path / "b.bvh", BODY, motion, rest="T", fps=fps, first=first), {})
    np.testing.assert_allclose(without.points["LeftHand"], plain.points["LeftHand"], atol=1e-9)


def test_a_first_frame_that_belongs_to_the_motion_stays(tmp_path, motion):
    quick = motion.at(np.arange(0, 25, 6))  # 6 times the speed
    assert len(load(write_motion(tmp_path / "a.bvh", BODY, quick), {}).points["Head"]) == 5


def test_a_lone_frame_is_no_motion(tmp_path, motion):
    for first in (None, zeros):
        path = write_motion(tmp_path / "a.bvh", BODY, motion.at(np.arange(1)), rest="T", first=first)
        with pytest.raises(UserError, match=r"a.bvh: only . frame"):
            load(path, {})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"Head": "Neck1"}, "Neck1 and Neck1, used as Neck and Head, coincide"),
        ({"Neck": "LeftArm", "Head": "LeftArm"}, "LeftArm and LeftArm, used as Neck and Head, coincide"),
        ({"LeftArm": "RightArm"}, "RightArm and RightArm, used as LeftArm and RightArm, coincide"),
        ({"LeftLeg": "LeftUpLeg"}, "LeftUpLeg and LeftUpLeg, used as LeftUpLeg and LeftLeg, coincide"),
    ],
)
def test_joints_in_one_place_are_refused(tmp_path, motion, names, message):
    path = write_motion(tmp_path / "a.bvh", BODY, motion)
    with pytest.raises(UserError, match=rf"a.bvh: {message}; name other joints by --joint-map"):
        load(path, names)


@pytest.mark.parametrize("rate", [9, 500, 1 / 120])
def test_a_frame_time_that_no_capture_has_is_refused(tmp_path, rate):
    path = write_motion(tmp_path / "a.bvh", BODY, turning(61, 50), fps=rate)
    with pytest.raises(UserError, match="a.bvh: Frame Time: .* is no time in s .* 10 to 480 .* correct it"):
        load(path, {})


def test_the_middle_of_the_shoulders_stands_for_a_missing_neck(tmp_path, motion):
    path = write_motion(tmp_path / "a.bvh", BODY, motion)
    path.write_text(path.read_text().replace("Neck", "Hals"))
    points = load(path, {}).points
    np.testing.assert_allclose(points["Neck"], (points["LeftArm"] + points["RightArm"]) / 2, atol=1e-9)


def test_a_file_in_which_nobody_stands_is_refused(tmp_path, motion):
    """A file with z up, say: everybody lies on his face."""
    path = write_motion(tmp_path / "a.bvh", BODY, motion, rest="strewn")
    load(path, {})
    lying = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    fallen = Motion(lying @ motion.rotations, motion.root @ lying.T)
    for rest, first, message in (
        ("strewn", None, "no standing pose with y up"),
        ("T", None, "stands with z up; convert"),
        ("T", zeros, "stands with z up; convert"),  # a T-pose that stands
    ):
        with pytest.raises(UserError, match=f"a.bvh: .*{message}"):
            load(write_motion(path, BODY, fallen, rest=rest, first=first), {})
