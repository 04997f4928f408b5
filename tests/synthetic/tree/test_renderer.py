import numpy as np
import pytest

from pose3d.recordings.human36m import CAMERAS, project, world_to_camera
from pose3d.skeleton import KEPT
from pose3d.synthetic.mesh import skin
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.tree.appearance import appearance
from pose3d.synthetic.tree.renderer import render
from pose3d.synthetic.tree.scene import camera_of, empty_room

SIZE = 300
LOOKS = appearance("S11")
CAMERA = camera_of(CAMERAS[0], SIZE)


@pytest.fixture(scope="module")
def drawn():
    motion = walk(LOOKS.body, GAITS["S11"], 60, False, np.random.default_rng(2))
    empty = empty_room(CAMERAS[0], (302, SIZE), 0)
    return motion, empty, list(render(LOOKS, motion, CAMERA, empty, 60))


def test_the_joints_are_inside_the_silhouette(drawn):
    motion, _, pictures = drawn
    joints = motion.joints(LOOKS.body)[:, KEPT]
    px = np.rint(project(CAMERA, world_to_camera(CAMERA, joints))).astype(int)
    inside = [silhouette[at[:, 1], at[:, 0]] for at, (_, silhouette) in zip(px, pictures, strict=True)]
    assert np.mean(inside) > 0.99


def test_the_silhouette_is_that_of_the_mesh_distortion_included(drawn):
    motion, _, pictures = drawn
    for number in (0, 30):
        posed = skin(LOOKS.body, motion.transforms(LOOKS.body)[number], LOOKS.offsets)
        px = project(CAMERA, world_to_camera(CAMERA, posed[: LOOKS.body.n_body_vertices]))
        rows, columns = np.nonzero(pictures[number][1])
        found = [columns.min(), rows.min(), columns.max(), rows.max()]
        np.testing.assert_allclose(found, [*px.min(axis=0), *px.max(axis=0)], atol=1.5)


def test_only_the_silhouette_is_painted(drawn):
    _, empty, pictures = drawn
    for image, silhouette in pictures[::10]:
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image[~silhouette], empty[~silhouette])
        assert (image[silhouette] != empty[silhouette]).any(axis=-1).mean() > 0.98
        assert image[silhouette].std() > 15  # light and shade


def test_a_body_that_leaves_the_image_is_cut(drawn):
    """At the border, and beyond it, nothing but the empty room."""
    motion, empty, pictures = drawn
    x, _, z = world_to_camera(CAMERA, motion.root[0])
    aside = CAMERA.R[0] * ((SIZE - CAMERA.c[0]) / CAMERA.f[0] * z - x)  # the hips to the right border
    found = [next(render(LOOKS, motion.moved(by), CAMERA, empty, 1)) for by in (aside, 2 * aside)]
    silhouettes = [silhouette for _, silhouette in found]
    assert silhouettes[0][:, -1].any()
    assert 0.2 < silhouettes[0].sum() / pictures[0][1].sum() < 0.9
    assert not silhouettes[1].any()
    np.testing.assert_array_equal(found[1][0], empty)
