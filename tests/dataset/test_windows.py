import numpy as np
import pytest

from pose3d.dataset import windows
from pose3d.skeleton import EDGES, JOINTS

PELVIS, HEAD = JOINTS.index("pelvis"), JOINTS.index("head")
FAR_AWAY = (-500.0, -500.0)


def label(**joints):
    """Labels (17, 10, 10) of a pose whose other joints all lie far outside in one point.

    Here px are counted from the border of the image, where its first pixel begins.
    """
    pose = np.full((1, 17, 2), FAR_AWAY)
    for name, xy in joints.items():
        pose[0, JOINTS.index(name.replace("_", " "))] = np.subtract(xy, 0.5)  # whole numbers are centres
    return windows.labels(pose).reshape(17, 10, 10)


def positive(labels):
    return {tuple(map(int, rc)) for rc in np.argwhere(labels)}


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
    assert positive(label(head=xy)[HEAD]) == expected


def test_every_point_of_the_image_lies_in_a_window():
    joints = np.random.default_rng(0).uniform(-0.5, 127.5, (400, 17, 2))
    joints[0], joints[1], joints[2] = -0.5, -0.4, 127.5
    assert windows.labels(joints).any(axis=2).all()


def test_a_joint_outside_has_no_window_of_its_own_but_its_edge_may():
    # From (6, -5) down to (6, 15): 13 of 20 px in window (0, 0), 2.2 px in window (1, 0).
    labels = label(neck=(6, -5), head=(6, 15))
    assert positive(labels[JOINTS.index("neck")]) == {(0, 0)}
    assert positive(labels[HEAD]) == {(0, 0), (1, 0)}


# From x = 10 to the right, 3 px of the edge lie in column 0, which ends at 13.
@pytest.mark.parametrize(("length", "counts"), [(9.99, True), (10.0, False), (10.01, False)])
def test_an_edge_counts_from_just_over_30_percent(length, counts):
    labels = label(neck=(10, 6), head=(10 + length, 6))
    assert ((0, 0) in positive(labels[HEAD])) == counts
    assert (0, 0) in positive(labels[JOINTS.index("neck")])  # which lies in it
    assert positive(labels[PELVIS]) == set()  # no end of this edge


def test_a_diagonal_edge_is_clipped_by_rows_and_columns():
    # (6, 12) to (20, 26): column 0 until t = 1/2, row 0 until t = 1/14, row 1 from t = 0.056 to 0.984.
    labels = label(neck=(6, 12), head=(20, 26))
    # In (row 1, column 0) for t = 0.056 .. 0.5, in (1, 1) for 0.484 .. 0.984; (0, 0) holds the neck.
    assert positive(labels[HEAD]) == {(1, 0), (1, 1), (2, 1)}
    assert positive(labels[JOINTS.index("neck")]) == {(0, 0), (1, 0), (1, 1)}


def test_the_shares_of_two_edges_do_not_add_up():
    # Both edges of the neck spend 20 % in window (0, 0), whose column ends at 13.
    labels = label(thorax=(21, 6), neck=(11, 6), head=(21, 8))
    assert (0, 0) not in positive(labels[JOINTS.index("thorax")])
    assert (0, 0) not in positive(labels[HEAD])


def test_an_edge_along_a_border_follows_the_half_open_rule():
    labels = label(neck=(13, 2), head=(13, 10))
    assert positive(labels[HEAD]) == {(0, 1)}
    labels = label(neck=(128, 2), head=(128, 10))
    assert positive(labels[HEAD]) == {(0, 9)}


def test_an_edge_of_zero_length_counts_only_through_its_joints():
    labels = label(neck=(40, 40), head=(40, 40))
    assert positive(labels[HEAD]) == {(3, 3)} == positive(labels[JOINTS.index("neck")])
    assert positive(label(neck=(-1, 5), head=(-1, 5))[HEAD]) == set()


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
