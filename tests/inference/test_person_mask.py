import numpy as np
import pytest
from PIL import Image

from pose3d.errors import UserError
from pose3d.inference.person_mask import mask_finder
from pose3d.inference.person_search import count_people
from pose3d.io.images import Picture
from pose3d.io.video import video_writer
from tests.inference.drawn import draw_person, meadow


@pytest.fixture(scope="module")
def photograph():
    rgb = meadow(300, 400)
    return Picture("a.jpg", rgb), draw_person(rgb, 150, 150, 110)


def test_a_picture_without_a_mask_is_searched(photograph, tmp_path):
    picture, where = photograph
    find, masks = mask_finder(tmp_path / "a.jpg")
    mask, people = find(0, picture)
    assert masks is None
    assert people == 1
    assert (mask & where).sum() > 0.85 * (mask | where).sum()
    assert not find(0, picture, (300, 0, 400, 300))[0].any()  # a box without anybody


def test_a_picture_may_keep_its_background(photograph, tmp_path):
    assert mask_finder(tmp_path / "a.jpg", background="keep")[0](0, photograph[0]) == (None, 1)


@pytest.mark.parametrize("background", ["search", "keep"])
def test_the_alpha_channel_goes_before_a_search_and_a_given_mask_before_both(
    photograph, tmp_path, background
):
    alpha, given = np.zeros((2, 300, 400), bool)
    alpha[100:200, 20:60], given[50:250, 300:350] = True, True
    picture = Picture("a.jpg", photograph[0].rgb, alpha)
    find, _ = mask_finder(tmp_path / "a.jpg", background=background)
    np.testing.assert_array_equal(find(0, picture)[0], alpha)
    Image.fromarray(given).save(tmp_path / "m.png")
    find, masks = mask_finder(tmp_path / "a.jpg", tmp_path / "m.png", background)
    np.testing.assert_array_equal(find(0, picture)[0], given)
    assert len(masks) == 1
    with pytest.raises(UserError, match=r"none\.png: there is no such mask"):
        mask_finder(tmp_path / "a.jpg", tmp_path / "none.png")


def test_the_median_is_subtracted_and_a_given_mask_not(tmp_path):
    with video_writer(tmp_path / "v.mp4", 96, 128, 25) as append:
        for number in range(10):
            frame = np.full((96, 128, 3), 40, np.uint8)
            frame[20:76, 10 * number : 10 * number + 20] = 220
            append(frame)
    find, _ = mask_finder(tmp_path / "v.mp4", background="median")
    mask, people = find(9, Picture("9", frame))
    assert people == 1
    assert abs(np.flatnonzero(mask.any(axis=0)).mean() - 99.5) < 2


def test_parts_that_are_not_much_smaller_are_people():
    mask = np.zeros((100, 100), bool)
    assert count_people(mask) == 0
    mask[10:50, 10:30] = True  # 800 px
    mask[60:62, 60:62] = True
    assert count_people(mask) == 1
    mask[60:80, 50:61] = True  # 220 px
    assert count_people(mask) == 2
