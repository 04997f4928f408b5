import numpy as np

from pose3d.synthetic.rasteriser import rasterise, shade

BACK = -1.0


def drawn(pixels, depths, values, faces, size=12):
    image, nearest = np.full((size, size, 1), BACK, np.float32), np.full((size, size), np.inf, np.float32)
    arrays = (np.array(each, np.float32) for each in (pixels, depths))
    rasterise(*arrays, np.array(values, np.float32)[:, None], np.array(faces, np.int32), image, nearest)
    return image[..., 0], nearest


SQUARE = [(2, 2), (8, 2), (8, 8), (2, 8)]
FACES = [(0, 2, 1), (0, 3, 2)]  # counter-clockwise as the camera sees it, y up


def test_a_square_covers_its_pixel_centres():
    image, nearest = drawn(SQUARE, [5] * 4, [7] * 4, FACES)
    wanted = np.zeros((12, 12), bool)
    wanted[2:9, 2:9] = True
    np.testing.assert_allclose(image, np.where(wanted, 7, BACK), rtol=1e-5)
    np.testing.assert_array_equal(np.isfinite(nearest), wanted)
    assert (image[~wanted] == BACK).all()


def test_values_and_depths_are_interpolated():
    image, nearest = drawn(SQUARE, [1, 1, 2, 2], [0, 6, 6, 0], FACES)
    np.testing.assert_allclose(image[5, 2:9], np.arange(7), atol=1e-4)
    np.testing.assert_allclose(nearest[2:9, 4], 1 + np.arange(7) / 6, atol=1e-5)


def test_the_nearer_triangle_is_seen_in_any_order():
    pixels, values = SQUARE * 2, [1] * 4 + [2] * 4
    near = [(a + 4, b + 4, c + 4) for a, b, c in FACES]
    for faces in (FACES + near, near + FACES):
        image, _ = drawn(pixels, [5] * 4 + [4] * 4, values, faces)
        np.testing.assert_allclose(image[2:9, 2:9], 2, rtol=1e-5)


def test_the_back_of_a_triangle_is_not_drawn():
    image, _ = drawn(SQUARE, [5] * 4, [7] * 4, [face[::-1] for face in FACES])
    assert (image == BACK).all()


def test_what_reaches_beyond_the_image_is_clipped():
    image, _ = drawn([(-50, -50), (60, -50), (-50, 60)], [1] * 3, [3] * 3, [(0, 2, 1)])
    assert image[0, 0] == 3
    assert image[11, 11] == BACK


def test_light_falls_on_what_faces_it():
    normals = np.array([(1, 0, 0), (-2, 0, 0), (0, 0, 1)], np.float32)
    lights, up = np.array([(1, 0, 0, 0.5)], np.float32), np.array([0, 0, 1], np.float32)
    albedo = np.array([[1], [1], [0.5]], np.float32)
    found = shade(normals, albedo, lights, np.float32(0.2), up)
    np.testing.assert_allclose(found[:, 0], [0.7, 0.2, 0.5 * 0.3], rtol=1e-5)
