import csv
import os
import tomllib
from pathlib import Path

import pytest

import pose3d
from pose3d.config import Config, from_dict, load
from pose3d.errors import UserError
from pose3d.io.atomic_files import LOCK
from pose3d.report.plots.figures import curve_figure
from pose3d.training.run_folder import LOG, RunFolder, versions_line
from pose3d.training.tasks import RegressionTask
from tests.small import SMALL


def finished(folder, text="one"):
    run = RunFolder.create(folder, Config())
    run.log(text)
    (folder / "best.npz").write_text(text)
    return run


def test_a_run_keeps_its_settings_its_command_and_what_it_said(tmp_path, capsys):
    folder = tmp_path / "new" / "run"
    settings = load("detection", None, [*SMALL])
    RunFolder.create(folder, settings).log("epoch 1")
    assert from_dict(tomllib.loads((folder / "config.toml").read_text())) == settings
    log = (folder / "log.txt").read_text()
    assert capsys.readouterr().out == log
    assert log.splitlines()[0].startswith("$ ")
    assert f"pose3d {pose3d.__version__}, pytensor " in log.splitlines()[1]
    assert log.splitlines()[2:] == ["epoch 1"]


def test_the_curve_is_rewritten_with_every_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr("pose3d.training.run_folder.REDRAWN", -1)
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


def test_the_picture_of_the_curve_waits_some_seconds_but_not_beyond_the_end(tmp_path):
    pictures = []

    def plot(path, rows, names, unit):
        pictures.append(len(rows))

    run = RunFolder.create(tmp_path / "run", Config(), plot)
    with run.curve_drawn(RegressionTask):  # of a run that ended before its first epoch did
        pass
    for epoch in range(3):
        run.add_row({"epoch": epoch, "cost": None, "validation_mpjpe_mm": 99}, RegressionTask)
    assert pictures == []
    for _ in range(2):
        with run.curve_drawn(RegressionTask):
            pass
    assert pictures == [3]


def test_older_runs_are_moved_to_the_next_free_number_and_none_is_lost(tmp_path, capsys):
    folder = tmp_path / "run"
    (tmp_path / "run.2").mkdir()  # somebody's
    for text in ("one", "two", "three"):
        finished(folder, text)
        (folder / "pictures").mkdir()
        (folder / LOCK).touch()
    assert (tmp_path / "run.1" / "best.npz").read_text() == "one"
    assert (tmp_path / "run.1" / "pictures").is_dir()
    assert (tmp_path / "run.3" / "best.npz").read_text() == "two"
    assert (folder / "best.npz").read_text() == "three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.1", "run.2", "run.3"]
    assert list((tmp_path / "run.2").iterdir()) == []
    assert f"the older run in {folder} was moved to {tmp_path / 'run.3'}" in capsys.readouterr().out


def test_a_move_that_was_cut_short_is_a_run_still(tmp_path, monkeypatch):
    """Killed after any file: both halves are kept, and the next start takes the rest."""
    folder = tmp_path / "run"
    finished(folder)
    replace = os.replace

    def dying(source, target):
        if Path(source).name == "log.txt":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", dying)
    with pytest.raises(KeyboardInterrupt):
        RunFolder.create(folder, Config())
    monkeypatch.undo()
    finished(folder, "two")
    assert (tmp_path / "run.1" / "best.npz").read_text() == "one"
    assert "one" in (tmp_path / "run.2" / "log.txt").read_text()


def test_an_empty_folder_is_taken(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    finished(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_no_run_is_refused_and_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="run is no run folder and not empty: name another with --out"):
        RunFolder.create(tmp_path / "run", Config())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file: name another folder with --out"):
        RunFolder.create(tmp_path / "file", Config())


def test_a_curve_may_get_more_columns(tmp_path):
    run = RunFolder.create(tmp_path / "run", Config())
    for epoch, more in enumerate(({}, {"test_mpjpe_mm": 80.0})):
        run.add_row({"epoch": epoch, "train_mpjpe_mm": 90.0, **more}, RegressionTask)
    with (run.folder / "curve.csv").open(newline="") as file:
        assert [row["test_mpjpe_mm"] for row in csv.DictReader(file)] == ["", "80.0"]


def test_the_log_takes_any_path_and_goes_on_after_any_bytes(tmp_path):
    run = RunFolder.create(tmp_path / "run", Config())
    with (run.folder / LOG).open("ab") as file:
        file.write(b"\xff\xfe\n")
    RunFolder(run.folder).log("caf\udce9")
    assert (run.folder / LOG).read_bytes().endswith(b"caf\\udce9\n")


def test_a_checkout_need_not_be_installed(monkeypatch):
    def version(name):
        assert name != "pose3d"
        return "1"

    monkeypatch.setattr("pose3d.training.run_folder.version", version)
    assert versions_line().startswith(f"pose3d {pose3d.__version__}, pytensor 1")
