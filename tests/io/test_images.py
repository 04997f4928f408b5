import shlex
import zlib

import numpy as np
import pytest
from PIL import Image

from pose3d.errors import UserError
from pose3d.io.images import LARGEST_SIDE, list_images, read_picture
from tests.io.test_video import gray_steps, write_video

COLOURS = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3  # 6 rows, 4 columns


def saved(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(("pixels", "rgb"), [(COLOURS, COLOURS), (COLOURS[..., 0], COLOURS[..., [0, 0, 0]])])
def test_colours_are_kept_and_gray_is_itu_601(tmp_path, pixels, rgb):
    picture = read_picture(saved(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(picture.rgb, rgb)
    assert picture.alpha is None
    np.testing.assert_allclose(picture.gray(), rgb @ [0.299, 0.587, 0.114], atol=0.51)
    np.testing.assert_array_equal(picture.gray((1, 2, 4, 6)), picture.gray()[2:6, 1:4])


TURNS = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90,
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    ("ending", "mode", "options"),
    [
        *[("tiff", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")],
        ("tiff", "RGBA", {"compression": "tiff_lzw"}),
        ("png", "RGBA", {}),
        ("webp", "RGBA", {"lossless": True, "exact": True}),
        ("jpg", "L", {"quality": 100}),
    ],
)
def test_pictures_of_any_orientation_are_upright(tmp_path, ending, mode, options, orientation):
    colours = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
    colours[..., 3] = np.arange(24).reshape(6, 4) % 5 * 60
    image = Image.fromarray(colours)
    image = (image.convert("RGB") if mode in ("1", "P", "CMYK") else image).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"a.{ending}", exif=exif, **options)
    found = read_picture(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(found.rgb, TURNS[orientation](np.asarray(image.convert("RGB"))), atol=3)
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(found.alpha, TURNS[orientation](colours[..., 3] >= 128))


@pytest.mark.parametrize("lost", [10, 40])  # bytes of the text, of the table
def test_damaged_exif_is_ignored_in_silence(tmp_path, recwarn, lost):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    saved(tmp_path / "a.jpg", COLOURS, exif=exif.tobytes()[:-lost])
    assert read_picture(tmp_path / "a.jpg").shape == (6, 4)
    assert [str(warning.message) for warning in recwarn] == []


def test_a_phone_s_jpeg_with_a_second_picture_gives_the_first(tmp_path):
    first, second = (Image.new("RGB", (8, 6), (level,) * 3) for level in (200, 20))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert read_picture(tmp_path / "a.jpg").rgb.min() > 190


def with_alpha(colours, alpha):
    return Image.fromarray(np.dstack([colours, alpha.astype(np.uint8)]))


def palette():
    """Three colours, of which one is transparent."""
    image = Image.new("P", (4, 6))
    image.putdata((np.arange(24) % 3).tolist())
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.info["transparency"] = 1
    return image


ALPHA = np.array([0, 127, 128, 255, 0])[np.arange(24).reshape(6, 4) % 5]
OPAQUE = np.full((6, 4), 255)  # of a screenshot
INVERTED = np.pad(np.zeros((2, 2)), ((2, 2), (1, 1)), constant_values=255)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (with_alpha(COLOURS, ALPHA), ALPHA >= 128),
        (with_alpha(COLOURS[..., 0], ALPHA), ALPHA >= 128),
        (palette(), np.arange(24).reshape(6, 4) % 3 != 1),
        (with_alpha(COLOURS, OPAQUE), None),
        (with_alpha(COLOURS, INVERTED), None),
    ],
)
def test_alpha_is_thresholded_and_counts_as_none_where_it_cuts_out_nothing(tmp_path, image, expected):
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").alpha, expected)


def no_pixels(path):
    """A PNG of 0 x 0 px, which Pillow does not write."""
    saved(path, COLOURS)
    content = bytearray(path.read_bytes())
    content[16:24] = bytes(8)  # width and height
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def animated(path):
    frames = [Image.fromarray(np.full((4, 4), level, np.uint8)) for level in (0, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def cut_short(path):
    saved(path, np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:900])


def unknown_pixels(path):
    """A DDS file whose pixel format Pillow does not know."""
    saved(path.with_suffix(".dds"), COLOURS).rename(path)
    content = bytearray(path.read_bytes())
    content[80:84] = (8).to_bytes(4, "little")
    path.write_bytes(content)


def no_width(path):
    """A TIFF file whose second picture has no width."""
    image = Image.fromarray(COLOURS)
    image.save(path, "TIFF", save_all=True, append_images=[image])
    first, width, second = path.read_bytes().rpartition(b"\x00\x01\x04\x00\x01")
    path.write_bytes(first + b"\x99" + width[1:] + second)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.png", lambda path: None, "there is no such file"),
        ("a.png", lambda path: path.write_text("no image"), "cannot be read as an image"),
        ("a.png", lambda path: path.write_bytes(b""), "cannot be read as an image"),
        ("a.png", cut_short, "cannot be read as an image"),
        ("a.jpg", unknown_pixels, "cannot be read as an image"),
        ("a.png", no_width, "cannot be read as an image"),
        ("a.png", lambda path: saved(path, np.zeros((3, 3), np.uint16)), "8 bits a channel"),
        ("a.tif", lambda path: saved(path, np.zeros((3, 3), np.float32)), "8 bits a channel"),
        ("a.png", no_pixels, "cannot be read as an image|0 x 0"),
        ("a.gif", animated, "is animated, 2 frames"),
        ("a.png", lambda path: saved(path, np.zeros((1, 20_000), np.uint8)), f"at most {LARGEST_SIDE} px"),
    ],
)
def test_a_bad_file_is_named(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: .*({message})"):
        read_picture(tmp_path / name)


FORMATS = {
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
    "a b.jpg": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
    "a.jxl": (b"\xff\x0a\xf8\x03", "a JPEG XL picture"),
    "b.jxl": (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    "a.cr2": (b"II*\0\x10\0\0\0CR\2\0", "a camera's raw picture"),
    "a.cr3": (b"\0\0\0\x18ftypcrx ", "a camera's raw picture"),
    "a.raf": (b"FUJIFILMCCD-RAW 0201", "a camera's raw picture"),
    # TIFF, of which Pillow would read the preview.
    "a.dng": ({50706: b"\1\4\0\0"}, "a camera's raw picture"),
    "a.nef": ({254: 1}, "a camera's raw picture"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_another_format_is_named_with_a_command_that_a_shell_takes(tmp_path, name):
    path, (content, kind) = tmp_path / name, FORMATS[name]
    if isinstance(content, bytes):
        path.write_bytes(content + bytes(99))
    else:
        saved(path, COLOURS, format="TIFF", tiffinfo=content)
    message = f"is {kind}, which is not read; convert it"
    with pytest.raises(UserError, match=f"{name}: {message}") as raised:
        read_picture(path)
    words = shlex.split(str(raised.value).rpartition("ImageMagick: ")[2])
    assert words == ["magick", str(path), str(path.with_suffix(".png"))]
    if name == "a.heic":
        with pytest.raises(UserError, match=r"holds no image, such as .* file, but a HEIC picture, which is"):
            list_images(tmp_path)


def test_a_video_named_as_something_else_is_told_from_a_damaged_image(tmp_path):
    write_video(tmp_path / "v.mp4", gray_steps(2))
    path = (tmp_path / "v.mp4").rename(tmp_path / "v.dat")
    with pytest.raises(UserError, match=r"v\.dat: is a video; give its name the ending of one, such as \.mp"):
        read_picture(path)


def test_a_folder_gives_every_kind_of_image_and_counts_other_files(tmp_path):
    for name in ("b.bmp", "a10.webp", "a2.JPEG", "c.tif", ".hidden.png", "notes.txt", "built.h5", "v.mpg"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    images, others = list_images(tmp_path)
    assert [path.name for path in images] == ["a2.JPEG", "a10.webp", "b.bmp", "c.tif"]
    assert others == 3
