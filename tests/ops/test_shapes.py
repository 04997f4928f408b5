import pytest

from pose3d.ops.shapes import pooled_side


def test_the_sides_of_the_report():
    assert [pooled_side(128, 5), pooled_side(62, 5), pooled_side(29, 6)] == [62, 29, 12]


def test_a_partial_window_is_dropped():
    assert pooled_side(8, 4) == 2  # 5 positions, the fifth has no partner


def test_too_small_a_side_is_refused_with_the_smallest_that_would_do():
    assert pooled_side(7, 6) == 1
    with pytest.raises(ValueError, match="at least 7"):
        pooled_side(6, 6)
