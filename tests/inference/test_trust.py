import numpy as np
import pytest

import pose3d
from pose3d.dataset.samples import Dataset
from pose3d.dataset.windows import window_bounds
from pose3d.inference import predictor, trust
from pose3d.skeleton import EDGES, N_JOINTS, mirrored_poses


class Fixed:
    """A network whose outputs follow a function of the images."""

    def __init__(self, answer):
        self._answer = answer

    def predict(self, images, mirror=False):
        return np.stack([self._answer(image) for image in images])


POSE = np.random.default_rng(0).uniform(-800, 800, (N_JOINTS, 3))
POSE[0] = 0
IMAGES = np.zeros((2, 128, 128), np.uint8)
IMAGES[:, 10:110, 40:65] = 90
IMAGES[1, 10:60] = 0


def turning(pose):
    """An answer that knows mirror images of `IMAGES`, shifted or not."""
    return lambda image: pose if image[:, 45].any() else mirrored_poses(pose)


def signs(pose=lambda image: POSE, windows=lambda image: np.full((N_JOINTS, 10, 10), 0.5)):
    poses, found = trust.measure(Fixed(pose), Fixed(windows), IMAGES)
    turned = mirrored_poses(pose(IMAGES[0][:, ::-1]))
    np.testing.assert_allclose(poses[0], (pose(IMAGES[0]) + turned) / 2)
    return {name: found[:, number] for number, name in enumerate(trust.SIGNS)}


def test_there_is_a_sign_of_each_edge_and_of_the_crop():
    found, even = signs(), (POSE + mirrored_poses(POSE)) / 2
    for (parent, child), name in zip(EDGES, trust.SIGNS, strict=False):
        length = np.linalg.norm(even[parent] - even[child])
        np.testing.assert_allclose(np.exp(found[name]) - 1, length)
    np.testing.assert_allclose(found["share of the crop"], np.log(np.array([2500, 1250]) / 128**2 + 1e-3))
    np.testing.assert_allclose(found["height by width"], np.log([101 / 26, 51 / 26]))
    np.testing.assert_allclose(found["depth of the pose"], abs(even[:, 2]).mean())
    np.testing.assert_allclose(found["extent of the pose"], even.std())
    np.testing.assert_allclose(found["tilt of the trunk"], even[8, 1] / np.linalg.norm(even[8]))
    np.testing.assert_allclose(found["entropy of the windows"], np.log(1700 * np.log(2) + 1))


def test_views_that_agree_do_not_spread_and_mirrored_ones_are_mirrored_back():
    even = (POSE + mirrored_poses(POSE)) / 2
    np.testing.assert_allclose(signs(lambda image: even)["spread of the views"], 0, atol=1e-5)
    apart = np.linalg.norm(POSE - mirrored_poses(POSE), axis=1)
    expected = np.sqrt(np.mean((apart / 2) ** 2))
    np.testing.assert_allclose(np.exp(signs()["spread of the views"]) - 1, expected)


def test_a_pose_that_lies_where_the_windows_see_it_is_near_them_at_any_scale_and_place():
    points = np.random.default_rng(1).uniform(20, 108, (N_JOINTS, 2))
    x0, y0, x1, y1 = window_bounds().T
    inside = (x0 <= points[:, :1]) & (points[:, :1] < x1) & (y0 <= points[:, 1:]) & (points[:, 1:] < y1)
    windows = inside.reshape(N_JOINTS, 10, 10).astype(float)
    right, wrong = np.zeros((N_JOINTS, 3)), np.zeros((N_JOINTS, 3))
    right[:, :2], wrong[:, :2] = 11.3 * points - 500, 11.3 * points[::-1] - 500
    near, far = (signs(turning(pose), lambda image: windows) for pose in (right, wrong))
    assert np.exp(near["distance from the windows"]).max() < 6  # half of a window's side
    assert np.exp(far["distance from the windows"]).min() > 20
    least, most = np.log([0.02, 1.02])
    assert near["probability of the windows"].min() > least + 0.7 * (most - least)
    assert far["probability of the windows"].max() < least + 0.3 * (most - least)


def test_a_blank_crop_has_signs_too():
    poses, found = trust.measure(
        Fixed(lambda _: POSE), Fixed(lambda _: np.zeros((N_JOINTS, 10, 10))), 0 * IMAGES
    )
    assert np.isfinite(found).all()


def test_one_view_has_the_chances_of_the_mean_of_all(built, regression_run, detection_run):
    regression, detection = pose3d.load(regression_run), pose3d.load(detection_run)
    count = len(trust.SIGNS)
    regression.about[trust.ABOUT] = {
        "mean": [1.0] * count, "deviation": [2.0] * count, "weights": [0.01] * count, "bias": -0.5
    }  # fmt: skip
    images = Dataset.open(built).images(slice(0, 5))
    mean, chances = trust.predict(regression, detection, images)
    one, same = trust.predict(regression, detection, images, average=False)
    moved = [np.roll(images, shift, axis=(1, 2)) for shift in (0, 3, -3)]  # nothing is at the border
    poses = np.mean([regression.predict(each, mirror=True) for each in moved], axis=0)
    np.testing.assert_allclose(mean, poses, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(mean, predictor.averaged(regression, images))
    np.testing.assert_array_equal(one, regression.predict(images))
    np.testing.assert_array_equal(same, chances)
    _, found = trust.measure(regression, detection, images)
    expected = 1 / (1 + np.exp(0.5 - 0.01 * ((found - 1) / 2).sum(axis=1)))
    np.testing.assert_allclose(chances, expected)


@pytest.mark.parametrize("average", [True, False])
def test_each_view_is_predicted_once(average):
    asked = []
    network = Fixed(lambda image: asked.append(image.tobytes()) or POSE)
    network.about = {
        trust.ABOUT: {"mean": 0.0, "deviation": 1.0, "weights": np.zeros(len(trust.SIGNS)), "bias": 0}
    }
    trust.predict(network, Fixed(lambda _: np.ones((N_JOINTS, 10, 10))), IMAGES[:1], average)
    assert len(asked) == len(set(asked)) == 2 * len(predictor.SHIFTS)


def test_no_images_have_no_chances(regression_run, detection_run):
    poses, found = trust.measure(pose3d.load(regression_run), pose3d.load(detection_run), IMAGES[:0])
    assert poses.shape == (0, N_JOINTS, 3)
    assert found.shape == (0, len(trust.SIGNS))


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_a_model_of_one_sign_is_the_logistic_function(chance):
    model = {"mean": [2.0], "deviation": [0.5], "weights": [3.0], "bias": 1.0}
    sign = np.array([[2 + 0.5 * (np.log(max(chance, 1e-9) / max(1 - chance, 1e-9)) - 1) / 3]])
    np.testing.assert_allclose(trust.chance(sign, model), chance, atol=1e-8)
