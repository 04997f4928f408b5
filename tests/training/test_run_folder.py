import csv
import tomllib

import pytest

from pose3d.config import Config, from_dict, load
from pose3d.errors import UserError
from pose3d.report.figures import curve_figure
from pose3d.training.run_folder import RunFolder
from pose3d.training.tasks import RegressionTask


def finished(folder, text="one"):
    run = RunFolder.create(folder, Config())
    run.log(text)
    (folder / "best.npz").write_text(text)
    return run


def test_a_run_keeps_its_settings_its_command_and_what_it_said(tmp_path, capsys):
    folder = tmp_path / "new" / "run"
    settings = load("detection", None, ["network.kernels=[2,3,4]"])
    RunFolder.create(folder, settings).log("epoch 1")
    assert from_dict(tomllib.loads((folder / "config.toml").read_text())) == settings
    log = (folder / "log.txt").read_text()
    assert capsys.readouterr().out == log
    assert log.splitlines()[0].startswith("$ ")
    assert "pose3d 0.2.0, pytensor " in log.splitlines()[1]
    assert log.splitlines()[2:] == ["epoch 1"]


def test_the_curve_is_rewritten_with_every_epoch(tmp_path):
    run = RunFolder.create(tmp_path / "run", Config(), curve_figure)
    for epoch in range(3):
        row = {"epoch": epoch, "cost": None, "train_mpjpe_mm": 90.5 - epoch, "validation_mpjpe_mm": 99}
        run.add_row(row, RegressionTask)
        with (run.folder / "curve.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == epoch + 1
    assert rows[1] == {"epoch": "1", "cost": "", "train_mpjpe_mm": "89.5", "validation_mpjpe_mm": "99"}
    assert (run.folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    assert {path.name for path in run.folder.iterdir()} == {
        "config.toml",
        "log.txt",
        "curve.csv",
        "curve.png",
    }


def test_an_older_run_is_set_aside_and_the_one_before_it_goes(tmp_path):
    folder = tmp_path / "run"
    finished(folder, "one")
    finished(folder, "two")
    kept = tmp_path / "run.previous"
    assert (kept / "best.npz").read_text() == "one"
    (kept / "pictures").mkdir()
    (kept / "pictures" / "a.png").touch()
    finished(folder, "three")
    assert (kept / "best.npz").read_text() == "two"
    assert (folder / "best.npz").read_text() == "three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.previous"]


def test_an_empty_folder_is_taken(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    finished(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["run", "run.previous"])
def test_a_folder_of_somebody_elses_is_refused_and_left_alone(tmp_path, name):
    finished(tmp_path / "run")
    if name == "run":
        (tmp_path / "run" / "config.toml").unlink()
    else:
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("years of work")
    before = {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(UserError, match=f"{name} is no run folder and not empty: name another with --out"):
        RunFolder.create(tmp_path / "run", Config())
    assert {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="run is no run folder"):
        RunFolder.create(tmp_path / "run", Config())
