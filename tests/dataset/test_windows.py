import numpy as np
import pytest

from pose3d.dataset import windows
from pose3d.skeleton import EDGES, JOINTS

FAR_AWAY = (-500.0, -500.0)


def windows_of(**joints):
    """Joint -> positive windows (row, column), of a pose whose other joints all lie far outside in one point.

    Here px are counted from the border of the image, where its first pixel begins.
    """
    pose = np.full((1, 17, 2), FAR_AWAY)
    for name, xy in joints.items():
        pose[0, JOINTS.index(name)] = np.subtract(xy, 0.5)  # whole numbers are centres
    found = windows.labels(pose).reshape(17, 10, 10)
    return {name: {tuple(map(int, rc)) for rc in np.argwhere(found[i])} for i, name in enumerate(JOINTS)}


def test_the_grid_touches_both_borders_and_overlaps_by_a_fifth_of_a_pixel():
    bounds = windows.window_bounds()
    assert bounds.shape == (100, 4)
    np.testing.assert_allclose(bounds[0], [-0.5, -0.5, 12.5, 12.5])
    np.testing.assert_allclose(bounds[99], [114.5, 114.5, 127.5, 127.5])
    # Window 1 is the second of the first row: x moves first.
    np.testing.assert_allclose(bounds[1], [115 / 9 - 0.5, -0.5, 115 / 9 + 12.5, 12.5])
    assert bounds[0, 2] - bounds[1, 0] == pytest.approx(13 - 115 / 9)


@pytest.mark.parametrize(
    ("xy", "expected"),
    [
        ((6.0, 20.0), {(1, 0)}),  # x is the column, y the row
        ((0.0, 0.0), {(0, 0)}),
        ((13.0, 6.0), {(0, 1)}),  # 13 ends window 0, half-open; 12.78 starts window 1
        ((12.9, 6.0), {(0, 0), (0, 1)}),  # in the overlap
        ((128.0, 128.0), {(9, 9)}),  # the far border is closed
        ((128.01, 64.0), set()),
        ((-0.01, 64.0), set()),
    ],
)
def test_a_joint_is_in_the_windows_that_hold_it(xy, expected):
    assert windows_of(head=xy)["head"] == expected


def test_every_point_of_the_image_lies_in_a_window():
    joints = np.random.default_rng(0).uniform(-0.5, 127.5, (400, 17, 2))
    joints[0], joints[1], joints[2] = -0.5, -0.4, 127.5
    assert windows.labels(joints).any(axis=2).all()


@pytest.mark.parametrize(
    ("neck", "head", "of_neck", "of_head"),
    [
        # A joint outside has no window of its own, but its edge may: 13 of 20 px in (0, 0), 2.2 px in (1, 0).
        ((6, -5), (6, 15), {(0, 0)}, {(0, 0), (1, 0)}),
        # From x = 10 to the right, 3 px of the edge lie in column 0, which ends at 13: just over 30 % and 30.
        ((10, 6), (19.99, 6), {(0, 0), (0, 1)}, {(0, 0), (0, 1)}),
        ((10, 6), (20, 6), {(0, 0), (0, 1)}, {(0, 1)}),
        ((10, 6), (20.01, 6), {(0, 0), (0, 1)}, {(0, 1)}),
        # Column 0 until t = 1/2, row 0 until t = 1/14, row 1 from t = 0.056 to 0.984. So it is in (1, 0) for
        # t = 0.056 .. 0.5, in (1, 1) for 0.484 .. 0.984; (0, 0) holds the neck.
        ((6, 12), (20, 26), {(0, 0), (1, 0), (1, 1)}, {(1, 0), (1, 1), (2, 1)}),
        # Along a border, which is half-open but for the far one.
        ((13, 2), (13, 10), {(0, 1)}, {(0, 1)}),
        ((128, 2), (128, 10), {(0, 9)}, {(0, 9)}),
        # An edge of zero length counts only through its joints.
        ((40, 40), (40, 40), {(3, 3)}, {(3, 3)}),
        ((-1, 5), (-1, 5), set(), set()),
    ],
)
def test_edges_by_hand(neck, head, of_neck, of_head):
    found = windows_of(neck=neck, head=head)
    assert (found["neck"], found["head"], found["pelvis"]) == (of_neck, of_head, set())


def test_the_shares_of_two_edges_do_not_add_up():
    # Both edges of the neck spend 20 % in window (0, 0), whose column ends at 13.
    found = windows_of(thorax=(21, 6), neck=(11, 6), head=(21, 8))
    assert (0, 0) not in found["thorax"] | found["head"]


def oracle(pose):
    """Window by window, edge by edge, by walking along the edge in 4000 steps."""
    found = np.zeros((17, 100), bool)
    margins = np.full((17, 100), np.inf)  # how far the nearest decision is from being another
    t = (np.arange(4000) + 0.5) / 4000
    for w, (x0, y0, x1, y1) in enumerate(windows.window_bounds()):
        for j, (x, y) in enumerate(pose):
            found[j, w] |= x0 <= x < x1 and y0 <= y < y1
        for a, b in EDGES:
            x, y = (pose[a] + t[:, None] * (pose[b] - pose[a])).T
            share = np.mean((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
            for j in (a, b):
                found[j, w] |= share > 0.3
                margins[j, w] = min(margins[j, w], abs(share - 0.3))
    return found, margins > 1e-3


@pytest.mark.parametrize("spread", [4, 20])
def test_labels_agree_with_a_walk_along_every_edge(spread):
    rng = np.random.default_rng(spread)
    poses = rng.uniform(10, 118, (3, 1, 2)) + rng.normal(0, spread, (3, 17, 2))
    labels = windows.labels(poses)
    for pose, found in zip(poses, labels, strict=True):
        expected, sure = oracle(pose)
        assert sure.mean() > 0.95
        np.testing.assert_array_equal(found[sure], expected[sure])
        assert expected.any(axis=1).sum() > 10


def test_one_sample_and_none_and_another_shape():
    assert windows.labels(np.zeros((0, 17, 2))).shape == (0, 17, 100)
    assert windows.labels(np.zeros((1, 17, 2))).sum() == 17
    with pytest.raises(ValueError, match=r"\(N, 17, 2\)"):
        windows.labels(np.zeros((17, 2)))
