import numpy as np
import pytest
from PIL import Image

from pose3d.dataset.crop import Transform, box_from_joints, box_from_silhouette, crop
from pose3d.recordings.observation import box_around

# Boxes wide, tall, odd, square, larger and smaller than the crop, in a frame of 301 x 260 px.
BOXES = [(40, 30, 241, 131), (50, 0, 151, 260), (3, 5, 80, 44), (10, 20, 138, 148), (0, 0, 301, 260)]


def frame_with(value=0, height=260, width=301):
    return np.full((height, width), value, np.uint8)


def within(frame, box):
    x0, y0, x1, y1 = box
    return frame[y0:y1, x0:x1]


def centre_of_mass(image):
    ys, xs = np.indices(image.shape)
    weights = image / image.sum()
    return np.array([(xs * weights).sum(), (ys * weights).sum()])


@pytest.mark.parametrize("box", BOXES)
def test_a_drawn_dot_lies_where_the_transform_takes_its_centre(box):
    x0, y0, x1, y1 = box
    x, y = x0 + (x1 - x0) * 7 // 10, y0 + (y1 - y0) * 3 // 10
    frame = frame_with()
    frame[y - 3 : y + 4, x - 3 : x + 4] = 255
    image = crop(within(frame, box))
    assert image.shape == (128, 128)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(centre_of_mass(image), Transform.of_box(box).to_crop((x, y)), atol=0.03)


@pytest.mark.parametrize("box", BOXES)
def test_the_longer_side_fills_the_crop_and_the_shorter_is_centred(box):
    white = crop(within(frame_with(255), box))
    sides = np.array([box[2] - box[0], box[3] - box[1]])
    filled = [(white > 0).any(axis=axis).sum() for axis in (0, 1)]
    np.testing.assert_allclose(filled, 128 * sides / sides.max(), atol=2)
    # Centred to half a px of the frame, which is `scale / 2` in the crop.
    np.testing.assert_allclose(centre_of_mass(white), 63.5, atol=Transform.of_box(box).scale / 2 + 0.01)
    # Aspect: the area in the crop is the box's times the scale squared.
    assert white.sum() / 255 == pytest.approx(128 * 128 * sides.min() / sides.max(), rel=0.01)


def test_the_transform_by_hand():
    # 40 x 60 px: the square of 60 starts 10 columns further left; 60 px become 128.
    transform = Transform.of_box((100, 200, 140, 260))
    assert transform == Transform(90, 200, 60)
    # The border between px 89 and 90 becomes the crop's border, that between 149 and 150 the other.
    np.testing.assert_allclose(transform.to_crop([[89.5, 199.5], [149.5, 259.5]]), [[-0.5] * 2, [127.5] * 2])
    np.testing.assert_allclose(transform.to_crop([90, 200]), [0.5 * 128 / 60 - 0.5] * 2)


def test_there_and_back():
    points = np.random.default_rng(0).uniform(-50, 400, (4, 17, 2))
    transform = Transform.of_box((7, 11, 130, 312))
    np.testing.assert_allclose(transform.to_frame(transform.to_crop(points)), points, atol=1e-10)


@pytest.mark.parametrize("box", BOXES)
def test_what_the_scaling_skips_is_zero_anyway(box):
    gray = np.random.default_rng(0).integers(0, 256, (260, 301), dtype=np.uint8)
    transform = Transform.of_box(box)
    square = Image.new("L", (transform.side, transform.side))
    square.paste(Image.fromarray(within(gray, box)), (box[0] - transform.left, box[1] - transform.top))
    whole = np.asarray(square.resize((128, 128), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(crop(within(gray, box)).astype(int), whole, atol=1)


def test_the_background_is_zeroed_before_scaling():
    frame, mask = frame_with(255, 256, 256), np.zeros((256, 256), bool)
    mask[:, 100:201] = True  # ends within a px of the crop, which must then be a blend with zero
    image = crop(frame, mask)
    assert (image[:, :49] == 0).all()
    assert (image[:, 51:99] == 255).all()
    assert (image[:, 102:] == 0).all()
    assert 0 < image[64, 100] < 255
    assert (frame == 255).all()


def test_a_mask_of_another_size_or_an_empty_box_is_refused():
    with pytest.raises(ValueError, match=r"a mask of \(99, 100\) px for a box of \(260, 301\)"):
        crop(frame_with(), np.ones((99, 100), bool))
    with pytest.raises(ValueError, match="empty"):
        crop(frame_with()[:, :0])


def test_boxes_from_masks():
    mask = np.zeros((50, 70), bool)
    assert box_around(mask) is None
    assert box_from_silhouette(mask) is None
    mask[10:20, 30:33] = True
    mask[20, 33] = True  # joined at a corner only
    mask[45, 69] = True  # a speck, at the frame's corner
    assert box_around(mask) == (30, 10, 70, 46)
    assert box_from_silhouette(mask) == (30, 10, 34, 21)


def test_a_box_from_joints_has_a_margin_and_stays_in_the_frame():
    joints_2d = np.array([[100.0, 50.0], [120.0, 250.0]])  # 200 px tall: a margin of 20 px
    assert box_from_joints(joints_2d, (1000, 1000)) == (80, 30, 141, 271)
    assert box_from_joints(joints_2d, (260, 130, 3)) == (80, 30, 130, 260)
    assert box_from_joints(joints_2d + 2000, (1000, 1000)) is None
