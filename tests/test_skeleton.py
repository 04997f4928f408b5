import numpy as np

from pose3d import skeleton


def test_the_kept_joints_carry_the_official_names():
    official = [skeleton.JOINTS_32[i] for i in skeleton.KEPT]
    assert official == [
        "Hips", "RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot",
        "Spine1", "Neck", "Head", "HeadSite",
        "LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand",
    ]  # fmt: skip


def test_edges_form_one_tree_rooted_at_the_pelvis():
    assert len(skeleton.EDGES) == 16
    for joint in range(1, skeleton.N_JOINTS):
        seen = set()
        while joint != skeleton.PELVIS:
            assert joint not in seen
            seen.add(joint)
            joint = skeleton.PARENTS[joint]


def test_mirroring_swaps_the_published_pairs_and_keeps_the_tree():
    pairs = {(1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16)}
    swapped = {(i, int(j)) for i, j in enumerate(skeleton.MIRROR) if i < j}
    assert swapped == pairs
    edges = set(skeleton.EDGES)
    assert {(int(skeleton.MIRROR[a]), int(skeleton.MIRROR[b])) for a, b in edges} == edges


def test_pelvis_relative_zeroes_the_pelvis_and_keeps_its_argument():
    poses = np.random.RandomState(0).normal(size=(2, 17, 3))
    kept = poses.copy()
    relative = skeleton.pelvis_relative(poses)
    assert (relative[:, 0] == 0).all()
    np.testing.assert_allclose(relative[:, 5] - relative[:, 3], poses[:, 5] - poses[:, 3])
    np.testing.assert_array_equal(poses, kept)
