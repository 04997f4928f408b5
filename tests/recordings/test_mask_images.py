from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pose3d.errors import UserError
from pose3d.recordings.mask_images import MaskImages, masks_by_name

PERSON = np.zeros((40, 30), bool)
PERSON[5:, 10:20] = True
NOISE = np.random.default_rng(0).integers(0, 6, PERSON.shape)
NOBODY = np.zeros_like(PERSON)


def with_alpha(gray, alpha):
    return np.stack([np.broadcast_to(gray, PERSON.shape), alpha * 255], axis=2)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (PERSON * 255, PERSON),
        (PERSON * 1, PERSON),
        (PERSON * 7, PERSON),
        (PERSON * 180 + NOISE, PERSON),
        (NOISE, NOBODY),
        (NOBODY * 255, NOBODY),
        (with_alpha(255, PERSON), PERSON),
        (with_alpha(0, PERSON), PERSON),
        (with_alpha(NOISE * 50, PERSON), PERSON),
        (with_alpha(PERSON * 255, PERSON | True), PERSON),
        (with_alpha(255, NOBODY), NOBODY),
    ],
)
def test_the_person_is_white_or_cut_out_by_alpha(tmp_path, pixels, expected):
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(MaskImages(tmp_path, [tmp_path / "a.png"])[0], expected)


@pytest.mark.parametrize("pixels", [~PERSON * 255, ~PERSON * 1, PERSON * 0 + 255, with_alpha(255, ~PERSON)])
def test_a_mask_that_is_inverted_or_covers_all_is_named(tmp_path, pixels):
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: is white along its border, so it is inverted or no mask"):
        MaskImages(tmp_path, [tmp_path / "a.png"])[0]


@pytest.mark.parametrize(
    ("masks", "images", "expected"),
    [
        (["a.png", "c.png"], ["a.jpg", "b.jpg", "c.bmp"], ["a.png", None, "c.png"]),
        (["a.png", "a.bmp"], ["a.bmp", "a.png"], ["a.bmp", "a.png"]),
        (["b.png"], ["a.jpg", "a.png", "b.jpg"], [None, None, "b.png"]),
        (["a.png"], ["a.jpg", "a.png"], "a.jpg and a.png differ in their endings only"),
        (["a.png", "a.bmp"], ["a.jpg"], "a.png and a.bmp differ in their endings only"),
    ],
)
def test_masks_belong_to_images_by_name(masks, images, expected):
    masks, images = map(Path, masks), [*map(Path, images)]
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            masks_by_name([*masks], images)
    else:
        assert [mask and mask.name for mask in masks_by_name([*masks], images)] == expected
