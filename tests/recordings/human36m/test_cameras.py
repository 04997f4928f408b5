import numpy as np

from pose3d.recordings.human36m import Camera, project, world_to_camera

PLAIN = Camera(
    np.eye(3), np.zeros(3), np.array([1000.0, 1100]), np.array([500.0, 510]), np.zeros(3), np.zeros(2)
)


def test_a_point_without_distortion_by_hand():
    np.testing.assert_allclose(project(PLAIN, [[1000.0, -500, 4000]]), [[750.0, 372.5]])


def test_distortion_by_hand():
    camera = Camera(
        np.eye(3), np.zeros(3), np.ones(2), np.zeros(2), np.array([0.1, 0.2, 0.4]), np.array([0.01, 0.02])
    )
    # x = 0.6, y = -0.8, r2 = 1; gain = 1 + 0.1 + 0.2 + 0.4 + 0.01 * (-0.8) + 0.02 * 0.6 = 1.704
    expected = [0.6 * 1.704 + 0.02, -0.8 * 1.704 + 0.01]
    np.testing.assert_allclose(project(camera, [600.0, -800, 1000]), expected, rtol=1e-12)


def test_the_world_is_shifted_and_then_turned():
    quarter = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    camera = Camera(quarter, np.array([10.0, 20, 30]), PLAIN.f, PLAIN.c, PLAIN.k, PLAIN.p)
    points = np.array([[11.0, 22, 33], [10, 20, 30]])
    np.testing.assert_allclose(world_to_camera(camera, points), [[2.0, -1, 3], [0, 0, 0]])
