import numpy as np
import pytest
from PIL import Image

from pose3d.errors import UserError
from tests.recordings.custom.drawn import (
    ANNOTATED,
    HEIGHT,
    WIDTH,
    image_of,
    mask_of,
    sample,
)


def test_a_turned_photograph_is_read_as_it_is_shown(folder):
    for i in ANNOTATED:
        turned = Image.fromarray(np.rot90(image_of(i)).copy())
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned clockwise
        turned.save(folder / "frames" / f"f{i}.png", exif=exif)
    before = extract_of_plain(folder)
    np.testing.assert_array_equal(sample(folder)[0]["images"], before)


def extract_of_plain(folder):
    """The images without the camera's note."""
    kept = {path: path.read_bytes() for path in (folder / "frames").iterdir()}
    for i in ANNOTATED:
        Image.fromarray(image_of(i)).save(folder / "frames" / f"f{i}.png")
    images = sample(folder)[0]["images"]
    for path, content in kept.items():
        path.write_bytes(content)
    return images


def test_masks_may_be_of_0_and_1_and_of_jpeg(folder):
    expected = sample(folder)[0]["images"]
    for i in ANNOTATED:
        path = folder / "masks" / f"f{i}.png"
        path.unlink()
        if i % 2:
            Image.fromarray(mask_of(i).astype(np.uint8)).save(path)
        else:
            Image.fromarray(mask_of(i).astype(np.uint8) * 255).save(path.with_suffix(".jpg"), quality=95)
    np.testing.assert_array_equal(sample(folder)[0]["images"], expected)


def test_an_image_that_cannot_be_read_is_named(folder):
    path = folder / "frames" / "f4.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"f4\.png: cannot be read as an image"):
        sample(folder)
    Image.fromarray(np.full((HEIGHT, WIDTH), 900, np.uint16)).save(path)
    with pytest.raises(UserError, match=r"f4\.png: is of Pillow's mode I.*8 bits"):
        sample(folder)
