import numpy as np
import pytest
from PIL import Image

from pose3d.dataset.crop import Transform
from pose3d.errors import UserError
from pose3d.io.images import list_images
from tests.recordings.custom.drawn import (
    ANNOTATED,
    FRAMES,
    HEIGHT,
    POSES,
    ROW,
    WIDTH,
    corner,
    joints_of,
    mask_of,
    row_of,
    sample,
    write_recordings,
    write_table,
)


def test_every_row_is_a_sample_of_its_own_frame(folder):
    samples, facts = sample(folder)
    np.testing.assert_array_equal(samples["frame"], ANNOTATED)
    boxes = [(x, y, x + 20, y + 40) for x, y in map(corner, ANNOTATED)]
    np.testing.assert_array_equal(samples["box"], boxes)
    assert samples["images"][:, :, 34:94].min() > 215
    assert samples["images"][:, :, :28].max() == samples["images"][:, :, 100:].max() == 0
    expected = [Transform.of_box(box).to_crop(joints_of(i)) for box, i in zip(boxes, ANNOTATED, strict=True)]
    np.testing.assert_allclose(samples["joints_2d"], expected, atol=1e-4)
    poses = POSES[ANNOTATED]
    np.testing.assert_allclose(samples["poses"], poses - poses[:, :1], atol=1e-3)
    np.testing.assert_allclose(samples["pelvis"], poses[:, 0], rtol=1e-6)
    assert set(samples["take"]) == {2}
    assert set(samples["camera"]) == {7}
    counts = {"frames": 5, "repeated": 0, "blank": 0, "surplus": 0}
    assert facts == {**counts, "background": "subtracted", "notes": []}
    second, _ = sample(folder, every=2)
    for name, values in samples.items():
        np.testing.assert_array_equal(second[name], values[::2], err_msg=name)


@pytest.mark.parametrize("masks", ["masks", ""])
def test_a_video_gives_what_its_images_give(folder, masks):
    write_recordings(folder, [ROW | {"masks": masks}])
    of_images, facts = sample(folder)
    write_recordings(folder, [ROW | {"images": "video.mp4", "joints": "numbers.csv", "masks": masks}])
    of_video, facts_of_video = sample(folder)
    assert facts_of_video == facts
    for name in of_images.keys() - {"images"}:
        np.testing.assert_array_equal(of_video[name], of_images[name], err_msg=name)
    difference = np.abs(of_video["images"].astype(int) - of_images["images"])
    assert 0 < difference.mean() < 2  # of lossy coding


def test_numbers_stand_for_images_in_their_order(folder):
    by_name, _ = sample(folder)
    write_recordings(folder, [ROW | {"masks": "masks", "joints": "numbers.csv"}])
    by_number, _ = sample(folder)
    np.testing.assert_array_equal(by_number["images"], by_name["images"])
    assert [path.name for path in list_images(folder / "frames")[0]] == [f"f{i}.png" for i in range(FRAMES)]


def test_images_without_a_row_are_not_read(folder):
    for i in set(range(FRAMES)) - set(ANNOTATED):
        (folder / "frames" / f"f{i}.png").write_bytes(b"none")
    assert len(sample(folder)[0]["frame"]) == 5


def test_without_masks_the_background_stays_and_the_box_is_the_joints(folder):
    write_recordings(folder, [ROW])
    samples, facts = sample(folder)
    assert facts["background"] == "kept"
    assert facts["notes"] == []
    x0, y0, x1, y1 = samples["box"][0]
    low, high = joints_of(1).min(axis=0), joints_of(1).max(axis=0)
    assert (low - (x0, y0) > 0).all()
    assert ((x1, y1) - high > 0).all()
    assert (samples["images"][:, 64] > 0).any(axis=1).all()


def test_a_box_of_the_table_goes_before_all(folder):
    box = {"box_x0": 9, "box_y0": 8, "box_x1": 150, "box_y1": 90}
    rows = [row_of(i, f"f{i}.png") | box for i in ANNOTATED]
    rows[1] |= dict.fromkeys(box, "")
    write_table(folder / "j.csv", rows)
    samples, facts = sample(folder)
    assert samples["box"][0].tolist() == [9, 8, 150, 90]
    assert samples["box"][1].tolist() == [*corner(2), corner(2)[0] + 20, corner(2)[1] + 40]
    assert facts["notes"] == [
        "anna Dancing take 2 camera 7: boxes not from the box columns but 1 from the mask"
    ]
    assert not samples["images"][0, :, 110:].any()  # the background, by the mask


def test_a_video_too_short_and_masks_that_do_not_fit_are_named(folder):
    video = ROW | {"images": "video.mp4", "joints": "numbers.csv"}
    write_table(folder / "numbers.csv", [row_of(3, "3"), row_of(5, "12")])
    write_recordings(folder, [video])
    message = r"numbers\.csv, line 3, column frame: is 12, but .*video.mp4 has only frames 0 to 11"
    with pytest.raises(UserError, match=message):
        sample(folder)
    write_table(folder / "numbers.csv", [row_of(3, "3")])
    (folder / "masks" / "f5.png").unlink()
    write_recordings(folder, [video | {"masks": "masks"}])
    with pytest.raises(UserError, match=r"masks: 11 masks for 12 frames of .*video\.mp4"):
        sample(folder)


def test_a_mask_that_is_not_there_is_named(folder):
    (folder / "masks" / "f4.png").unlink()
    with pytest.raises(UserError, match="masks: holds no mask for frame 4; add it"):
        sample(folder)
    for path in (folder / "masks").iterdir():
        path.rename(path.with_name("mask" + path.name))
    with pytest.raises(UserError, match=r"masks: no mask is named after an image of .*frames, such as f0\.p"):
        sample(folder)


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


def test_a_recording_whose_samples_are_all_blank_is_an_error(folder):
    for i in ANNOTATED[1:]:
        Image.new("L", (WIDTH, HEIGHT)).save(folder / "masks" / f"f{i}.png")
    assert sample(folder)[1]["blank"] == 4
    Image.new("L", (WIDTH, HEIGHT)).save(folder / "masks" / f"f{ANNOTATED[0]}.png")
    with pytest.raises(UserError, match="anna Dancing take 2 camera 7: all of its samples are blank"):
        sample(folder)
