"""``python -m pose3d.build_dataset`` on what is no raw tree, through its main()."""

import numpy as np
import pytest
from PIL import Image

from pose3d import build_dataset, train_regression
from pose3d.dataset.samples import Dataset
from tests.recordings.custom.drawn import (
    ANNOTATED,
    FRAMES,
    ROW,
    image_of,
    row_of,
    write_recordings,
    write_table,
)


def run(*arguments):
    return build_dataset.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def out_and_back(raw_tree, tmp_path_factory):
    """Built files of a raw tree, exported, and built again."""
    folder = tmp_path_factory.mktemp("export")
    options = ("--source", raw_tree, "--subjects", "S1", "S11", "--workers", 1)
    assert run(*options, "--out", folder / "raw", "--export-mat", folder / "mat") == 0
    assert run("--source", folder / "mat", "--out", folder / "back", "--workers", 2) == 0
    return folder


def test_an_export_is_built_to_the_same_samples(out_and_back, capsys):
    raw, back = (Dataset.open(out_and_back / name) for name in ("raw", "back"))
    numbers = np.arange(len(raw))
    assert len(back) == len(raw) == 2 * 8 * 12
    np.testing.assert_array_equal(back.images(numbers), raw.images(numbers))
    np.testing.assert_array_equal(back.labels(numbers), raw.labels(numbers))
    np.testing.assert_array_equal(back.poses, raw.poses)
    np.testing.assert_array_equal(back.pelvis, raw.pelvis)
    assert set(back.camera) == {0}
    # A window's side is 13 px: the estimate is of that order.
    there = raw.labels(numbers).any(axis=-1)
    assert np.median(np.linalg.norm(back.joints_2d - raw.joints_2d, axis=-1)[there]) < 13


def test_takes_are_printed(out_and_back, capsys):
    source, out = out_and_back / "mat", out_and_back / "back"
    assert run("--source", source, "--out", out, "--workers", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    # A camera, or a take, begins with a leap, where its place is not just as near to the next one.
    data, takes = Dataset.open(out_and_back / "raw"), {}
    for subject in ("S1", "S11"):
        chosen = data.subject == subject
        leaps = np.diff(data.poses[chosen] + data.pelvis[chosen][:, None], axis=0)
        takes[subject] = 1 + int((np.linalg.norm(leaps, axis=-1).max(axis=1) > 400).sum())
        assert 5 < takes[subject] <= 8
        note = f"{subject} Walking: 96 samples, cut into {takes[subject]} take(s) where the pose leaps"
        assert any(line.startswith(note) for line in lines)
    assert [line.split()[:6] for line in lines if line.startswith(("Walking", "all "))] == [
        ["Walking", "S1", str(takes["S1"]), "96", "0", "0"],
        ["Walking", "S11", str(takes["S11"]), "96", "0", "0"],
        ["all", str(sum(takes.values())), "192", "0", "0", lines[-3].split()[-1]],
    ]
    assert "WARNING" not in "".join(lines)
    assert (out / "contact_sheet.png").is_file()


def test_another_pixel_order_is_another_build(out_and_back, capsys):
    source, out = out_and_back / "mat", out_and_back / "back"
    assert run("--source", source, "--out", out, "--pixel-order", "rows", "--workers", 1) == 0
    assert run("--source", source, "--out", out, "--pixel-order", "columns", "--workers", 1) == 1
    assert "Walking-S1.h5 was built with options {'pixel_order': 'rows'," in capsys.readouterr().err


def test_what_is_built_is_exported_without_building(out_and_back, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--out", out_and_back / "raw", "--export-mat", "mat", "--subjects", "S11") == 0
    assert capsys.readouterr().out.splitlines() == ["96 samples of S11 Walking exported to mat/Walking"]
    assert [path.name for path in tmp_path.iterdir()] == ["mat"]
    for path in (tmp_path / "mat" / "Walking").iterdir():
        assert path.read_bytes() == (out_and_back / "mat" / "Walking" / path.name).read_bytes()
    assert run("--out", out_and_back / "raw", "--export-mat", "mat", "--subjects", "S5") == 1
    assert "holds no subject S5, only S1, S11" in capsys.readouterr().err


@pytest.fixture
def custom_folder(tmp_path):
    """Images and a table that are the recordings of two subjects."""
    folder = tmp_path / "mine"
    (folder / "frames").mkdir(parents=True)
    for i in range(FRAMES):
        Image.fromarray(image_of(i)).save(folder / "frames" / f"f{i}.png")
    write_table(folder / "j.csv", [row_of(i, f"f{i}.png") for i in ANNOTATED])
    return write_recordings(folder, [ROW, ROW | {"subject": "ben"}])


def test_custom_recordings_are_built_and_trained_on(custom_folder, tmp_path, capsys, small):
    out = tmp_path / "out"
    assert run("--source", custom_folder, "--out", out, "--workers", 1) == 0
    printed = capsys.readouterr().out
    assert "WARNING: the background of 2 recordings is NOT subtracted" in printed
    data = Dataset.open(out)
    assert [set(data.subject[:5]), set(data.subject[5:])] == [{"ben"}, {"anna"}]
    assert set(data.action) == {"Dancing"}
    options = ["--data", str(out), "--out", str(tmp_path / "run"), "--init", "none", *small]
    settings = ("--set", 'data.test=["ben"]', "--set", "training.batch_size=1")
    assert train_regression.main([*options, *settings]) == 0
    assert "the last tenth of each of 1 training takes" in capsys.readouterr().out


def test_custom_recordings_are_verified_without_building(custom_folder, tmp_path, capsys):
    verify = "--verify", "--source", custom_folder, "--out", tmp_path / "out"
    assert run(*verify) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"folder of custom recordings {custom_folder}:"
    assert [line.split() for line in lines[3:]] == [
        ["anna", "Dancing", "2", "7", "5", "ok"],
        ["ben", "Dancing", "2", "7", "5", "ok"],
        ["no", "fault", "found"],
    ]
    boxes = dict.fromkeys(("box_x0", "box_y0"), 0) | dict.fromkeys(("box_x1", "box_y1"), 20)
    write_table(custom_folder / "off.csv", [row_of(i, f"f{i}.png") | boxes for i in ANNOTATED])
    (custom_folder / "masks").mkdir()
    rows = [ROW | {"joints": "off.csv", "masks": ""}, ROW | {"subject": "ben", "masks": "masks"}]
    write_recordings(custom_folder, rows)
    mask = np.zeros(image_of(0).shape[:2], np.uint8)
    for level, faults in (
        (255, ["f7.png: cannot be read as an image", "f1.png: is white along its border"]),
        (0, ["anna Dancing take 2 camera 7: only 0 % of the 2D joints lie in its boxes; correct either",
             "ben Dancing take 2 camera 7: only 0 % of the 2D joints lie in its masks; correct either"]),
    ):  # fmt: skip
        mask[:], mask[:, :20] = level, 255
        for i in range(FRAMES):
            Image.fromarray(mask).save(custom_folder / "masks" / f"f{i}.png")
        Image.fromarray(image_of(7)).save(custom_folder / "frames" / "f7.png")
        if level:
            (custom_folder / "frames" / "f7.png").write_bytes(b"none")
        assert run(*verify) == 1
        printed = capsys.readouterr().out
        assert all(fault in printed for fault in faults)
        assert printed.endswith(f"{2 + bool(level)} faults\n")  # the boxes are off in both
    assert not (tmp_path / "out").exists()


def test_legacy_files_are_not_verified(out_and_back, tmp_path, capsys):
    assert run("--verify", "--source", out_and_back / "mat", "--out", tmp_path) == 1
    assert "is a folder of legacy .mat files; --verify checks raw trees and custom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "s9-short-capture=drop"], "--rule applies to raw Human3.6M trees, and"),
        (["--pixel-order", "rows"], "--pixel-order has no meaning for a folder of custom recordings"),
        (["--actions", "Walking"], "lists no action 'Walking', only Dancing"),
    ],
)
def test_what_is_for_others_is_refused(custom_folder, tmp_path, capsys, arguments, message):
    assert run("--source", custom_folder, "--out", tmp_path / "out", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
