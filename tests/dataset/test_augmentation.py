import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from pose3d.config import AugmentationSettings, load
from pose3d.dataset.augmentation import augmented, draw, mirrored, relit, shifted
from pose3d.dataset.samples import Dataset
from pose3d.dataset.windows import labels
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.skeleton import JOINTS, MIRROR
from pose3d.training.tasks import DetectionTask, RegressionTask
from tests.small import SMALL

WRIST, OTHER_WRIST, HEAD = (JOINTS.index(name) for name in ("left wrist", "right wrist", "head"))


@pytest.fixture
def dotted():
    """Three samples: joint j is one px of brightness 10 + j, and its pose is of its own numbers."""
    rng = np.random.default_rng(4)
    places = np.stack([rng.permutation(128)[:17] for _ in range(6)]).reshape(3, 2, 17).transpose(0, 2, 1)
    images = np.zeros((3, 128, 128), np.uint8)
    for image, joints in zip(images, places, strict=True):
        image[joints[:, 1], joints[:, 0]] = 10 + np.arange(17)
    return images, places.astype("float32"), rng.normal(0, 100, (3, 17, 3)).astype("float32")


def at(image, xy):
    x, y = xy.astype(int)
    return image[y, x]


def test_a_mirror_takes_every_joints_px_along_and_swaps_left_and_right(dotted):
    before = [array.copy() for array in dotted]
    images, joints_2d, poses = mirrored(*dotted)
    for n in range(3):
        for j in range(17):
            assert at(images[n], joints_2d[n, j]) == 10 + MIRROR[j]
    x, y = dotted[1][0, WRIST]
    assert joints_2d[0, OTHER_WRIST].tolist() == [127 - x, y]
    x, y, z = dotted[2][1, WRIST]
    assert poses[1, OTHER_WRIST].tolist() == [-x, y, z]
    x, y, z = dotted[2][1, HEAD]
    assert poses[1, HEAD].tolist() == [-x, y, z]
    for mine, again, old in zip(dotted, mirrored(images, joints_2d, poses), before, strict=True):
        np.testing.assert_array_equal(again, old, strict=True)  # mirrored twice
        np.testing.assert_array_equal(mine, old)  # and nothing was overwritten


def test_a_shift_takes_every_joints_px_along_and_zeros_come_in():
    image = np.arange(1, 128 * 128 + 1).reshape(1, 128, 128)  # no zero, no number twice
    joints_2d = np.random.default_rng(1).integers(30, 90, (1, 17, 2)).astype("float32")
    for right, down in ((0, 0), (3, 0), (-3, 0), (0, 5), (0, -5), (7, -2), (-29, 30)):
        (moved,), (joints,) = shifted(image, joints_2d, np.array([[right, down]]))
        assert joints.dtype == "float32"
        np.testing.assert_array_equal(joints - joints_2d[0], np.tile([right, down], (17, 1)))
        for new, old in zip(joints, joints_2d[0], strict=True):
            assert at(moved, new) == at(image[0], old)
        assert (moved == 0).sum() == 128 * 128 - (128 - abs(right)) * (128 - abs(down))
        assert at(moved, np.array([64 + right, 64 + down])) == at(image[0], np.array([64, 64]))
    assert image.all()


def test_half_are_drawn_for_the_mirror_and_all_offsets_alike():
    settings = AugmentationSettings(mirror=True, shift=3, light=0.5)
    mirror, offsets, light = draw(7000, settings, np.random.default_rng(1))
    assert mirror.mean() == pytest.approx(0.5, abs=0.03)
    for axis in offsets.T:
        found, counts = np.unique(axis, return_counts=True)
        assert found.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        np.testing.assert_allclose(counts, 1000, atol=150)
    assert light.shape == (7000, 4, 4)
    assert light.dtype == np.float32
    assert abs(light).max() == pytest.approx(0.5, rel=1e-4)
    np.testing.assert_allclose(light.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(light.std(axis=0), 0.5 / 3**0.5, atol=0.02)
    drawn = np.column_stack([mirror, offsets, light.reshape(-1, 16)])
    assert abs(np.corrcoef(drawn.T) - np.eye(19)).max() < 0.05


def test_draws_repeat_with_the_generator_and_one_option_leaves_the_others_draws():
    def drawn(**settings):
        rng = np.random.default_rng(5)
        return [draw(20, AugmentationSettings(**settings), rng) for _ in range(2)]

    options = {"mirror": True, "shift": 4, "light": 0.3}
    all_three = drawn(**options)
    np.testing.assert_equal(drawn(**options), all_three)
    for place, (name, value) in enumerate(options.items()):
        assert (all_three[0][place] != all_three[1][place]).any()
        for found, alone in zip(all_three, drawn(**{name: value}), strict=True):
            np.testing.assert_array_equal(alone[place], found[place])
            assert not any(other.any() for n, other in enumerate(alone) if n != place)


def test_gray_values_are_multiplied_by_a_field_that_is_linear_between_its_places():
    images = np.full((2, 128, 128), 100, np.uint8)
    images[0, 40:50, 60:70] = 0
    light = np.log(np.random.default_rng(2).uniform(0.5, 2, (2, 4, 4))).astype("float32")
    before, found = images.copy(), relit(images, light)
    assert found.dtype == np.uint8
    assert not found[0, 40:50, 60:70].any()
    places = np.linspace(0, 127, 4)
    grid = np.stack(np.meshgrid(np.arange(128), np.arange(128), indexing="ij"), axis=-1)
    field = RegularGridInterpolator((places, places), np.exp(light[1]))(grid)
    np.testing.assert_array_equal(found[1], np.minimum(np.floor(100 * field + 0.5), 255))
    np.testing.assert_array_equal(images, before)
    assert (relit(images, np.full((2, 4, 4), np.log(3), "float32"))[1] == 255).all()
    np.testing.assert_array_equal(relit(images, np.zeros((2, 4, 4), "float32")), images)


def test_a_minibatch_is_lit_mirrored_in_part_and_then_shifted(dotted):
    before = [array.copy() for array in dotted]
    offsets, light = np.array([[5, 0], [127, -127], [0, 0]]), np.zeros((3, 4, 4), "float32")
    images, joints_2d, poses = augmented(*dotted, np.array([True, False, False]), offsets, light)
    first, second = mirrored(*(a[:1] for a in dotted)), [a[1:2] for a in dotted]
    for n, (i, j, p) in enumerate((first, second)):
        i, j = shifted(i, j, offsets[n : n + 1])
        for mine, wanted in zip((images[n], joints_2d[n], poses[n]), (i[0], j[0], p[0]), strict=True):
            np.testing.assert_array_equal(mine, wanted, strict=True)
    for mine, old, kept in zip((images, joints_2d, poses), before, dotted, strict=True):
        np.testing.assert_array_equal(mine[2], old[2])
        np.testing.assert_array_equal(kept, old)
    light[0, :, 0] = 1  # at the left, which the mirror takes to the right
    lit, *_ = augmented(
        np.full((3, 128, 128), 10, np.uint8), *dotted[1:], np.array([True] * 3), 0 * offsets, light
    )
    assert lit[0, 0].tolist() == sorted(lit[0, 0])
    assert lit[0, 0, 127] == 27
    assert (lit[1:] == 10).all()


@pytest.fixture
def sample(built):
    """Two training samples' images, joints and poses, as they are stored, and how to change them."""
    data, indices = Dataset.open(built), np.array([3, 50])
    stored = data.images(indices), data.joints_2d[indices], data.poses[indices]
    light = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 4, 4)).astype("float32")
    return data, indices, stored, (np.array([True, False]), np.array([[2, -3], [-40, 4]]), light)


def test_targets_are_those_of_the_new_joints_and_a_shift_leaves_poses_alone(sample):
    data, indices, stored, drawn = sample
    detection = DetectionTask(DetectionGraph(load("detection", None, [*SMALL])), data)
    graph = RegressionGraph(load("regression", None, [*SMALL]), TargetScale(np.zeros(51), np.ones(51)))
    new_images, joints_2d, poses = augmented(*stored, *drawn)
    for task, expected in ((detection, labels(joints_2d)), (RegressionTask(graph, data), poses)):
        images, targets = task.samples(indices, drawn)
        np.testing.assert_array_equal(images, new_images)
        np.testing.assert_array_equal(targets, expected.reshape(2, -1))
    np.testing.assert_array_equal(poses[1], stored[2][1])
    assert (poses[0] != stored[2][0]).any()
