import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.inference.person_crop import SILHOUETTE_MARGIN, cut_out
from pose3d.io.images import Picture

PICTURE = Picture("a.png", np.full((200, 300, 3), 90, np.uint8))
PERSON = np.zeros((200, 300), bool)
PERSON[40:140, 100:130] = True  # 100 px tall, 30 wide
SPECKED = PERSON.copy()
SPECKED[10, 290] = True


def test_the_box_is_the_silhouettes_and_a_margin():
    cut = cut_out(PICTURE, SPECKED)
    margin = round(100 * SILHOUETTE_MARGIN)
    assert cut.box == (100 - margin, 40 - margin, 130 + margin, 140 + margin)
    assert cut.body == (100, 40, 130, 140)


def test_the_background_becomes_zero():
    crop = cut_out(PICTURE, PERSON).crop
    assert crop.shape == (128, 128)
    assert crop[64, 64] == 90
    assert crop[0, 0] == crop[64, 20] == 0
    assert 0.9 * 90 * PERSON.sum() < crop.sum() * (110 / 128) ** 2 < 1.1 * 90 * PERSON.sum()


def test_a_margin_ends_at_the_border():
    mask = np.zeros((200, 300), bool)
    mask[0:200, 0:50] = True
    assert cut_out(PICTURE, mask).box == (0, 0, 60, 200)
    assert cut_out(PICTURE, mask[:, ::-1]).box == (240, 0, 300, 200)


def test_a_given_box_is_taken_as_it_is():
    cut = cut_out(PICTURE, PERSON, (90, 30, 150, 90))
    assert cut.box == (90, 30, 150, 90)
    assert cut.body == (100, 40, 130, 90)


def test_without_mask_and_box_the_whole_picture_is_the_person():
    cut = cut_out(PICTURE)
    assert cut.box == cut.body == (0, 0, 300, 200)
    assert cut.crop[64].min() == 90


def test_an_empty_mask_has_no_crop():
    assert cut_out(PICTURE, np.zeros_like(PERSON)) is None
    assert cut_out(PICTURE, PERSON, (0, 0, 50, 50)) is None


@pytest.mark.parametrize("box", [(0, 0, 301, 10), (-1, 0, 5, 5), (7, 3, 7, 9), (9, 3, 7, 9)])
def test_a_box_beyond_the_picture_is_refused(box):
    with pytest.raises(UserError, match=r"a\.png: is 300 x 200 px; the box"):
        cut_out(PICTURE, None, box)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(UserError, match="its mask 200 x 300"):
        cut_out(PICTURE, PERSON.T)


def masked(rows, columns, shape=(200, 300)):
    mask = np.zeros(shape, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "box", "is_cut_off"),
    [
        (PERSON, None, False),
        (masked((100, 200), (100, 130)), None, True),  # without feet
        (masked((100, 200), (100, 130))[:, ::-1], None, True),
        (masked((40, 140), (0, 30)), None, True),
        (masked((40, 140), (270, 300)), None, True),
        (masked((0, 100), (100, 130)), None, True),
        (masked((100, 200), (100, 130)) & ~masked((195, 200), (0, 122)), None, False),  # a foot touches
        (PERSON, (90, 30, 150, 90), True),  # by a box
        (PERSON, (90, 30, 150, 150), False),
        (np.ones((200, 300), bool), None, False),  # trimmed to the person
    ],
)
def test_a_silhouette_that_ends_at_a_border_is_cut_off(mask, box, is_cut_off):
    assert cut_out(PICTURE, mask, box).is_cut_off == is_cut_off


def test_a_crop_with_its_background_is_not_called_cut_off():
    assert not cut_out(PICTURE).is_cut_off
