import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.synthetic.body import population
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.placement import keep_in_view, put_on_floor
from pose3d.synthetic.scene import camera_of

BODY = population().body(25)


@pytest.fixture(scope="module")
def motion():
    return walk(BODY, GAITS["S6"], 300, False, np.random.default_rng(1))


def lowest(motion):
    bare = np.zeros(len(BODY.vertices), np.float32)
    return np.array([skin(BODY, t, bare)[: BODY.n_body_vertices, 2].min() for t in motion.transforms(BODY)])


def test_a_walk_is_put_back_on_its_floor(motion):
    staged = put_on_floor(motion.moved([0, 0, 1234.5]), BODY)
    np.testing.assert_allclose(staged.root, motion.root, atol=10)
    assert np.abs(lowest(staged)).max() < 10


def test_nothing_sinks_by_more_than_30_mm(motion):
    by = np.zeros((300, 3))
    by[100:103, 2] = -400  # a glitch of the capture
    staged = put_on_floor(motion.moved(by), BODY)
    assert lowest(staged).min() == pytest.approx(-30, abs=0.01)
    by[100:103, 2] = -25  # too little to lift everything
    staged = put_on_floor(motion.moved(by), BODY)
    clean = put_on_floor(motion, BODY)
    np.testing.assert_allclose(staged.root - by, clean.root, atol=0.5)


def seen(motion, margin):
    joints = motion.joints(BODY)
    for number in CAMERAS:
        camera = camera_of(number, 1000)
        px = project(camera, world_to_camera(camera, joints))
        yield ((px > margin) & (px < 999 - margin)).all(axis=(1, 2))


def test_a_motion_that_fits_is_centred_in_one_piece(motion):
    staged = keep_in_view(motion.moved([3000, -2000, 0]), BODY, "a.bvh")
    level = staged.joints(BODY)[..., :2].reshape(-1, 2)
    np.testing.assert_allclose(level.min(axis=0) + level.max(axis=0), 0, atol=1e-9)
    by = staged.root - motion.root
    np.testing.assert_allclose(by, np.broadcast_to(by[0], by.shape), atol=1e-9)
    assert by[0, 2] == 0
    np.testing.assert_array_equal(staged.rotations, motion.rotations)


def test_a_long_path_is_cut_into_few_stretches_that_are_seen_whole(motion):
    """20 m straight on: within each stretch nothing but a shift, and no body out of any image."""
    along = np.zeros((300, 3))
    along[:, 0] = np.linspace(0, 20_000, 300)
    far = motion.moved(along)
    staged = keep_in_view(far, BODY, "a.bvh")
    assert len(staged) == 300
    assert all(view.all() for view in seen(staged, 39))
    by = staged.root - far.root
    jumps = np.abs(np.diff(by, axis=0)).max(axis=1) > 1e-6
    assert 4 <= jumps.sum() <= 15
    assert np.abs(by[:, 2]).max() == 0


def test_frames_that_no_place_makes_visible_are_dropped(motion):
    high = np.zeros((300, 3))
    high[120:150, 2] = 2500
    staged = keep_in_view(motion.moved(high), BODY, "a.bvh")
    np.testing.assert_array_equal(staged.rotations, np.delete(motion.rotations, range(120, 150), axis=0))
    assert all(view.all() for view in seen(staged, 39))
    with pytest.raises(UserError, match="a.bvh: no frame is in view of all four cameras"):
        keep_in_view(motion.moved([0, 0, 2500]), BODY, "a.bvh")


def test_joints_without_a_place_are_named(motion):
    nowhere = motion.moved(np.where(np.arange(300)[:, None] == 7, np.nan, 0))
    with pytest.raises(
        UserError, match=r"a.bvh: joints coincide in some frame; name other joints by --joint"
    ):
        keep_in_view(nowhere, BODY, "a.bvh")
