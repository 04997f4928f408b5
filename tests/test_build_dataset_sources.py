"""``python -m pose3d.build_dataset`` on what is no raw tree, through its main()."""

import numpy as np
import pytest
from PIL import Image

from pose3d import train_regression
from pose3d.dataset.samples import Dataset
from tests.building import build_undrawn as run
from tests.recordings.custom.drawn import (
    ANNOTATED,
    FRAMES,
    ROW,
    image_of,
    row_of,
    write_recordings,
    write_table,
)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "s9-short-capture=drop"], "--rule applies to raw Human3.6M trees, and"),
        (["--actions", "Walking"], "lists no action 'Walking', only Dancing"),
    ],
)
def test_what_is_for_others_is_refused(custom_folder, tmp_path, capsys, arguments, message):
    assert run("--source", custom_folder, "--out", tmp_path / "out", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
