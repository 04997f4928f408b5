from dataclasses import replace

import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.kinematics import JOINT
from pose3d.synthetic.motion.placement import keep_in_view, put_on_floor
from pose3d.synthetic.scene import camera_of
from pose3d.synthetic.walker_bodies import BODIES

BODY = BODIES["S6"]


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S6"], 300, False, np.random.default_rng(1))


def shifted(motion, by):
    return replace(motion, joints=motion.joints + by)


def test_a_walk_is_put_back_on_its_floor(motion):
    """Planted feet are found again, but for the moments in which they come down and leave."""
    staged = put_on_floor(shifted(motion, [0, 0, 1234.5]), BODY)
    assert np.abs(staged.joints - motion.joints).max() < 10
    for side in ("Left", "Right"):
        assert (staged.planted[side] >= motion.planted[side]).mean() > 0.98
        assert 0.5 < staged.planted[side].mean() < 0.95


def test_nothing_sinks_by_more_than_30_mm(motion):
    joints = motion.joints.copy()
    joints[100:103, JOINT["LeftHand"], 2] = -400  # a glitch of the capture
    staged = put_on_floor(replace(motion, joints=joints), BODY)
    assert staged.joints[..., 2].min() == pytest.approx(-30)
    joints[100:103, JOINT["LeftHand"], 2] = -25  # too little to lift everything
    staged = put_on_floor(replace(motion, joints=joints), BODY)
    clean = put_on_floor(motion, BODY)
    np.testing.assert_allclose(staged.joints[:, 0], clean.joints[:, 0], atol=0.5)


def seen(joints, margin):
    for number in CAMERAS:
        camera = camera_of(number, 1000)
        px = project(camera, world_to_camera(camera, joints))
        yield ((px > margin) & (px < 999 - margin)).all(axis=(1, 2))


def test_a_motion_that_fits_is_centred_in_one_piece(motion):
    staged = keep_in_view(shifted(motion, [3000, -2000, 0]), "a.bvh")
    level = staged.joints[..., :2].reshape(-1, 2)
    np.testing.assert_allclose(level.min(axis=0) + level.max(axis=0), 0, atol=1e-9)
    by = staged.joints - motion.joints
    np.testing.assert_allclose(by, np.broadcast_to(by[0, 0], by.shape), atol=1e-9)
    assert abs(by[0, 0, 2]) == 0
    assert staged.frames.keys() == motion.frames.keys()


def test_a_long_path_is_cut_into_few_stretches_that_are_seen_whole(motion):
    """20 m straight on: within each stretch nothing but a shift, and no body out of any image."""
    along = np.zeros((300, 1, 3))
    along[:, 0, 0] = np.linspace(0, 20_000, 300)
    far = shifted(motion, along)
    staged = keep_in_view(far, "a.bvh")
    assert len(staged.joints) == 300
    assert all(view.all() for view in seen(staged.joints, 39))
    by = staged.joints - far.joints
    assert np.ptp(by, axis=1).max() < 1e-9
    jumps = np.abs(np.diff(by[:, 0], axis=0)).max(axis=1) > 1e-6
    assert 4 <= jumps.sum() <= 15
    assert np.abs(np.diff(by[:, 0, 2])).max() == 0


def test_frames_that_no_place_makes_visible_are_left_out(motion):
    high = np.zeros((300, 1, 3))
    high[120:150, 0, 2] = 2500
    climbed = shifted(motion, high)
    staged = keep_in_view(climbed, "a.bvh")
    assert len(staged.joints) == len(staged.heading) == len(staged.frames["head"]) == 270
    np.testing.assert_array_equal(staged.heading, np.delete(motion.heading, range(120, 150)))
    np.testing.assert_array_equal(staged.planted["Left"], np.delete(motion.planted["Left"], range(120, 150)))
    assert all(view.all() for view in seen(staged.joints, 39))
    with pytest.raises(UserError, match="a.bvh: no frame is in view of all four cameras"):
        keep_in_view(shifted(motion, [0, 0, 2500]), "a.bvh")
