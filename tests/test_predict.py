import dataclasses
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageColor

import pose3d
from pose3d import predict
from pose3d.dataset.samples import Dataset
from pose3d.inference import picture_poses, predictor, trust
from pose3d.inference.pictures import read_pictures
from pose3d.io.tables import read_table
from pose3d.io.video import video_writer
from pose3d.model import weights
from pose3d.report.colours import EDGE_COLOURS
from pose3d.report.overlay import DOUBTFUL, OUTLINE
from pose3d.skeleton import JOINTS
from tests.inference.drawn import draw_person, meadow
from tests.io.test_video import cut_short

ROWS, COLUMNS = 160, 200


def person(left, top=30):
    """A picture with a bright person of 100 x 40 px, and where that is."""
    where = np.zeros((ROWS, COLUMNS), bool)
    where[top : top + 100, left : left + 40] = True
    stripes = np.arange(ROWS)[:, None, None] % 50 + 150
    rgb = np.where(where[..., None], stripes, np.arange(COLUMNS)[:, None] % 60 + 20)
    return np.broadcast_to(rgb, (ROWS, COLUMNS, 3)).astype(np.uint8), where


@pytest.fixture
def run(regression_run, tmp_path):
    """Call the command; returns its status and the folder that it writes."""

    def call(*arguments):
        out = tmp_path / "out"
        words = [*map(str, arguments), "--weights", str(regression_run), "--out", str(out)]
        return predict.main(words), out

    return call


def poses(folder):
    found = json.loads((folder / "predictions.json").read_text())
    assert found["joints"] == list(JOINTS)
    return np.array(found["predictions_mm"]), found


def cut_out_png(path, left, reduced=1):
    rgb, where = person(left)
    Image.fromarray(np.dstack([rgb, where * np.uint8(255)])[::reduced, ::reduced]).save(path)
    return path


def test_an_image_with_alpha(run, regression_run, tmp_path, capsys):
    status, out = run(cut_out_png(tmp_path / "me.png", 60))
    assert status == 0
    found, content = poses(out)
    assert found.shape == (1, 17, 3)
    assert content["picture"] == ["me.png"]
    printed = capsys.readouterr().out
    assert f"network: {regression_run}, whose trust is not calibrated" in printed
    assert "do not trust" not in printed
    assert content["note"] == [""]
    assert "trust" not in content
    assert "1 pose" in printed
    before, after = (
        np.asarray(Image.open(path).convert("RGB")) for path in (tmp_path / "me.png", out / "overlay.png")
    )
    assert after.shape == before.shape
    assert (after != before).any()
    np.testing.assert_array_equal(after[:20], before[:20])  # above the head


def test_a_folder_with_masks_in_all_formats(run, tmp_path, capsys):
    images, masks = tmp_path / "images", tmp_path / "masks"
    for folder in (images, masks):
        folder.mkdir()
    for number, left in enumerate((20, 60, 100)):
        rgb, where = person(left)
        Image.fromarray(rgb).save(images / f"f{number}.jpg")
        Image.fromarray(where if number else np.zeros_like(where)).save(masks / f"f{number}.png")
    status, out = run(images, "--mask", masks, "--format", "json", "csv", "npz", "txt")
    assert status == 0
    assert "1 picture is skipped" in capsys.readouterr().out
    found, content = poses(out)
    assert content["picture"] == ["f1.jpg", "f2.jpg"]
    np.testing.assert_allclose(found[0], found[1], atol=2)  # the same person elsewhere; JPEG blurs a little
    columns, rows = read_table(out / "predictions.csv")
    assert columns[:8] == (
        "picture", "box_x0", "box_y0", "box_x1", "box_y1", "people", "note", "pelvis x"
    )  # fmt: skip
    table = [[row.text(name) for name in columns[:5]] for row in rows]
    assert table == [
        [name, *map(str, box)] for name, box in zip(content["picture"], content["box_px"], strict=True)
    ]
    with np.load(out / "predictions.npz") as file:
        np.testing.assert_allclose(file["predictions_mm"], found, atol=1e-4)
    assert sorted(path.name for path in (out / "overlay").iterdir()) == [f"f{i}.jpg.png" for i in range(3)]
    assert {path.suffix for path in out.glob("predictions.*")} == {".json", ".csv", ".npz", ".txt"}


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(run, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.png", "a.webp"):
        cut_out_png(images / name, 60)
    for name in ("b.png", "notes.txt"):
        (images / name).write_text("none")
    status, out = run(images)
    printed = capsys.readouterr()
    assert status == 1
    assert re.fullmatch(r"skipped: .*b\.png: cannot be read as an image .*\n", printed.err)
    assert "1 other file in" in printed.out
    assert poses(out)[1]["picture"] == ["a.png", "a.webp"]
    assert sorted(path.name for path in (out / "overlay").iterdir()) == ["a.png.png", "a.webp.png"]
    for path in images.iterdir():
        path.write_text("none")
    assert run(images)[0] == 1
    assert "none of the pictures can be used; the first: " in capsys.readouterr().err


def test_a_video_cut_short_keeps_what_was_predicted(run, tmp_path, capsys):
    status, out = run(cut_short(tmp_path / "v.mp4", 6), "--background", "keep")
    assert status == 1
    assert len(poses(out)[0]) == 6
    assert re.match(r"skipped: .*cut\.mp4: cut short, holds 6 of 13 frames", capsys.readouterr().err)


def test_a_block_is_bounded_in_bytes(run, tmp_path, monkeypatch):
    for number in range(3):
        cut_out_png(tmp_path / f"{number}.png", 60)
    blocks = []
    monkeypatch.setattr(picture_poses, "BLOCK_BYTES", 2 * ROWS * COLUMNS * 3)
    plain = picture_poses._blocks
    monkeypatch.setattr(
        picture_poses, "_blocks", lambda cuts: (blocks.append(len(block)) or block for block in plain(cuts))
    )
    assert run(tmp_path)[0] == 0
    assert blocks == [2, 1]


def test_a_video_whose_background_is_subtracted(run, tmp_path, capsys):
    with video_writer(tmp_path / "v.mp4", ROWS, COLUMNS, 25) as append:
        for number in range(12):
            append(person(13 * number)[0])
    status, out = run(tmp_path / "v.mp4", "--background", "median")
    assert status == 0
    assert len(poses(out)[0]) == 12
    assert len(list(read_pictures(out / "overlay.mp4"))) == 12
    assert "background is kept" not in capsys.readouterr().out


def test_without_a_mask_it_says_what_that_means(run, tmp_path, capsys):
    Image.fromarray(person(60)[0]).save(tmp_path / "a.png")
    status, out = run(tmp_path / "a.png", "--box", "60,30,100,130", "--background", "keep")
    assert status == 0
    assert "do not trust 1 of 1 poses (1: the background is kept)" in capsys.readouterr().out
    assert poses(out)[1]["note"] == ["the background is kept"]


def save_mask(path, levels):
    Image.fromarray(levels.astype(np.uint8)).save(path)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 6, "a.png: no person found; give --mask"),
        (~person(60)[1] * 255, "m.png: is white along its border, so it is inverted or no mask"),
    ],
)
def test_a_mask_without_a_person_is_an_error(run, tmp_path, capsys, levels, message):
    save_mask(tmp_path / "m.png", levels)
    assert run(cut_out_png(tmp_path / "a.png", 60), "--mask", tmp_path / "m.png")[0] == 1
    assert message in capsys.readouterr().err


def test_the_alpha_channel_of_a_video_is_its_mask(run, tmp_path, capsys):
    with av.open(str(tmp_path / "v.mov"), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, "rgba"
        for left in (20, 60):
            rgb, where = person(left)
            pixels = np.dstack([rgb, where * np.uint8(255)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
            Image.fromarray(pixels).save(tmp_path / f"{left}.png")
        container.mux(stream.encode())
    found = poses(run(tmp_path / "v.mov")[1])[0]
    assert "background is kept" not in capsys.readouterr().out
    np.testing.assert_allclose(found, poses(run(tmp_path)[1])[0], atol=1e-3)


@pytest.mark.parametrize("count", [5, 7])
def test_a_video_needs_one_mask_for_each_frame(run, tmp_path, capsys, count):
    (tmp_path / "masks").mkdir()
    with video_writer(tmp_path / "v.mp4", ROWS, COLUMNS, 25) as append:
        for number in range(6):
            append(person(9 * number)[0])
    for number in range(count):
        save_mask(tmp_path / "masks" / f"{number}.png", person(9 * number)[1] * 255)
    status, out = run(tmp_path / "v.mp4", "--mask", tmp_path / "masks")
    assert status == 1
    assert re.search(
        r"masks: (7 masks for 6 frames of .*v\.mp4|holds no mask for frame 5)", capsys.readouterr().err
    )
    assert (out / "predictions.json").exists() == (count == 5)


@pytest.mark.parametrize("words", [(), ("--single-view",)])
def test_built_files_are_predicted_as_they_are(run, built, regression_run, words):
    status, out = run(built, *words)
    assert status == 0
    data = Dataset.open(built)
    network, images = pose3d.load(regression_run), data.images(range(len(data)))
    expected = network.predict(images) if words else predictor.averaged(network, images)
    found, content = poses(out)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert content["frame"] == data.frame.tolist()
    assert not list(out.glob("overlay*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda folder: [folder / "absent.png"], "absent.png"),
        (lambda folder: [cut_out_png(folder / "a.png", 9), "--box", "0,0,500,500"], "a.png: is 200 x 160 px"),
        (lambda folder: [cut_out_png(folder / "a.png", 9), "--box", "150,0,180,50"], "no person found"),
        (lambda folder: [cut_out_png(folder / "a.png", 9), "--mask", folder / "m.png"], "no such mask"),
        (
            lambda folder: [cut_out_png(folder / "a.png", 9), "--mask", cut_out_png(folder / "m.png", 9, 2)],
            "a.png: is 200 x 160 px, but its mask 100 x 80",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(run, tmp_path, error_line, arguments, message):
    status, out = run(*arguments(tmp_path))
    assert status == 1
    assert message in error_line()
    assert not list(out.glob("predictions.*"))


def test_a_detection_network_is_refused(detection_run, tmp_path, capsys):
    path = str(cut_out_png(tmp_path / "a.png", 9))
    assert predict.main([path, "--weights", str(detection_run), "--out", str(tmp_path / "out")]) == 1
    assert "holds a detection network, a regression network is wanted" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--box", "1,2,3"], ["--box", "a,b,c,d"], ["--background", "median"]])
def test_wrong_usage_is_status_2(run, tmp_path, words):
    with pytest.raises(SystemExit) as caught:
        run(cut_out_png(tmp_path / "a.png", 9), *words)
    assert caught.value.code == 2


@pytest.fixture
def shipped(regression_run, detection_run, monkeypatch, tmp_path):
    """A function of a chance, that of all poses, which lets small networks be those that come with pose3d."""
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(predictor, "__file__", str(folder / "predictor.py"))

    def ship(chance):
        count = len(trust.SIGNS)
        bias = float(np.log(chance / (1 - chance)))
        model = {"mean": [0.0] * count, "deviation": [1.0] * count, "weights": [0.0] * count, "bias": bias}
        for task, run in (("regression", regression_run), ("detection", detection_run)):
            found = weights.load(run)
            about = {**found.about, trust.ABOUT: model}
            weights.save(folder / f"people-{task}.npz", dataclasses.replace(found, about=about), "int8")
        return folder

    return ship


def photograph(path, *people, size=(300, 400)):
    rgb = meadow(*size)
    for place in people:
        draw_person(rgb, *place)
    Image.fromarray(rgb).save(path)
    return path


def test_a_photograph_needs_neither_training_nor_mask(shipped, tmp_path, capsys):
    shipped(0.875)
    picture, out = photograph(tmp_path / "me.png", (150, 150, 110)), tmp_path / "out"
    assert predict.main([str(picture), "--out", str(out), "--format", "json", "csv"]) == 0
    printed = capsys.readouterr().out
    assert "network: people-regression.npz, which comes with pose3d" in printed
    assert "do not trust" not in printed
    _, content = poses(out)
    x0, y0, x1, y1 = content["box_px"][0]
    assert 70 < x0 < 130 < 170 < x1 < 230
    assert 20 < y0 < 50 < 240 < y1 < 280
    assert (content["trust"], content["note"], content["people"]) == ([0.875], [""], [1])
    columns, rows = read_table(out / "predictions.csv")
    assert columns[5:8] == ("people", "trust", "note")
    assert [row.text("trust") for row in rows] == ["0.875"]
    drawn = np.asarray(Image.open(out / "overlay.png").convert("RGB"))
    assert (drawn == OUTLINE).all(axis=2).sum() > 300  # around the mask that was found


def test_poses_of_unsure_networks_are_marked(shipped, tmp_path, capsys):
    shipped(0.3)
    picture, out = photograph(tmp_path / "me.png", (150, 150, 110)), tmp_path / "out"
    assert predict.main([str(picture), "--out", str(out)]) == 0
    assert "do not trust 1 of 1 poses (1: the networks are unsure)" in capsys.readouterr().out
    _, content = poses(out)
    assert (content["trust"], content["note"]) == ([0.3], ["the networks are unsure"])
    drawn = np.asarray(Image.open(out / "overlay.png").convert("RGB"))
    gray = np.array(ImageColor.getrgb(DOUBTFUL))
    assert (drawn == gray).all(axis=2).sum() > 300  # the pose and the warning
    assert not (drawn == ImageColor.getrgb(EDGE_COLOURS[0])).all(axis=2).any()


def test_several_and_cut_off_people_are_told(shipped, tmp_path, capsys):
    shipped(0.9)
    photograph(tmp_path / "a.png", (120, 130, 90), (290, 150, 120))
    photograph(tmp_path / "b.png", (200, 260, 200))
    photograph(tmp_path / "c.png")
    assert predict.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "a.png: 2 people; the largest is taken, --box X0,Y0,X1,Y1 chooses another" in printed
    assert "1 picture is skipped, because there is no person in the mask or the picture" in printed
    assert "do not trust 1 of 2 poses (1: the person is cut off at the border)" in printed
    _, content = poses(tmp_path / "out")
    assert content["picture"] == ["a.png", "b.png"]
    assert content["people"] == [2, 1]
    assert content["trust"] == [0.9, 0.0]
    assert content["box_px"][0][0] > 200
    words = [str(tmp_path / "a.png"), "--box", "60,20,185,240", "--out", str(tmp_path / "other")]
    assert predict.main(words) == 0
    assert poses(tmp_path / "other")[1]["note"] == [""]


@pytest.mark.parametrize(
    ("people", "words", "message"),
    [
        ([], [], "me.png: no person found; give --mask"),
        ([(150, 150, 110)], ["--box", "300,0,400,300"], "no person found"),
    ],
)
def test_a_picture_without_anybody_is_one_clear_line(shipped, tmp_path, error_line, people, words, message):
    shipped(0.9)
    out = tmp_path / "out"
    assert predict.main([str(photograph(tmp_path / "me.png", *people)), "--out", str(out), *words]) == 1
    assert message in error_line()
    assert not list(out.glob("predictions.*"))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PK")])
@pytest.mark.parametrize("task", ["regression", "detection"])
def test_a_missing_or_damaged_network_of_pose3d_is_one_clear_line(
    shipped, tmp_path, error_line, task, damage
):
    damage(shipped(0.9) / f"people-{task}.npz")
    assert predict.main([str(photograph(tmp_path / "me.png")), "--out", str(tmp_path / "out")]) == 1
    told = f"people-{task}.npz: this file of pose3d is missing or damaged; install pose3d again"
    assert told in error_line()
