import os
import shutil

import h5py
import pytest
from PIL import Image

from pose3d import build_dataset, synthetic
from pose3d.dataset.samples import Dataset
from tests.building import build_undrawn as run
from tests.recordings.written import rename_takes

FEW = ("--every", 6, "--workers", 1)  # two frames of each recording


def test_from_a_raw_tree_to_table_and_contact_sheet(raw_tree, tmp_path, capsys):
    options = ("--source", raw_tree, "--out", tmp_path / "out", "--every", 4, "--workers", 1)
    assert build_dataset.main([*map(str, options)]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "S6: skipped, there is no folder" in out
    assert "24 of 24 recordings: numbers of frames, poses and masks differ by up to 5; cut to the sh" in out
    assert [line.split()[:6] for line in lines if line.startswith(("Walking", "all "))] == [
        ["Walking", "S1", "2", "24", "0", "0"],
        ["Walking", "S5", "2", "24", "0", "0"],
        ["Walking", "S11", "2", "24", "0", "0"],
        ["all", "6", "72", "0", "0", lines[-3].split()[-1]],
    ]
    sheet = tmp_path / "out" / "contact_sheet.png"
    assert lines[-1] == f"72 samples in {sheet.parent}; check {sheet} by eye"
    assert "WARNING" not in out
    for name in ("sample.png", "windows.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.width > 1000
    with Image.open(tmp_path / "out" / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 800
    assert len(Dataset.open(tmp_path / "out")) == 72


def test_a_bad_recording_is_an_error_that_leaves_the_rest_built(raw_tree, tmp_path, capsys):
    tree = shutil.copytree(raw_tree, tmp_path / "raw")
    video = tree / "S1" / "Videos" / "Walking 1.54138969.mp4"
    os.truncate(video, 3000)
    assert run("--source", tree, "--out", tmp_path / "out", "--subjects", "S1", "S11", *FEW) == 1
    captured = capsys.readouterr()
    error = captured.err.splitlines()[-1]
    assert error.startswith("error: 1 of 16 recordings cannot be read, the first: ")
    assert str(video) in error
    assert "Traceback" not in captured.err
    assert set(Dataset.open(tmp_path / "out").subject) == {"S11"}


def test_without_a_source_it_takes_the_real_data_else_makes_its_own(raw_tree, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = []

    def generate(out, subjects, workers):
        made.append((str(out), subjects, workers))
        return shutil.copytree(raw_tree, out)

    monkeypatch.setattr(synthetic, "generate", generate)
    assert run("--subjects", "S1", *FEW) == 0
    assert made == [("data/synthetic", ["S1"], 1)]
    assert "There is no data/human36m: generating and building synthetic walkers" in capsys.readouterr().out
    assert (tmp_path / "data" / "walking" / "Walking-S1.h5").is_file()

    shutil.copytree(raw_tree, tmp_path / "data" / "human36m")
    assert run("--subjects", "S1", *FEW, "--out", "other") == 0
    assert len(made) == 1
    assert "synthetic" not in capsys.readouterr().out


def renamed(raw_tree, folder, subject, action):
    """A tree of Human3.6M's own names, with S1's walks under those of that subject and action."""
    tree = shutil.copytree(raw_tree, folder, ignore=shutil.ignore_patterns("S5", "S11", "synthetic.json"))
    rename_takes(tree, subject, action)
    return tree


def test_recordings_known_to_be_bad_are_dropped(raw_tree, tmp_path, capsys):
    tree = renamed(raw_tree, tmp_path / "raw", "S9", "Greeting")
    options = ("--source", tree, "--subjects", "S9", "--actions", "Greeting", *FEW)
    assert run(*options, "--out", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "rule s9-shifted-poses: 4 recording(s) dropped, S9 Greeting take 2 (Greeting): " in out
    assert set(Dataset.open(tmp_path / "out").take) == {1}
    assert run(*options, "--out", tmp_path / "all", "--rule", "s9-shifted-poses=keep") == 0
    out = capsys.readouterr().out
    assert "rule s9-shifted-poses: 4 recording(s) kept" in out
    assert "rule s9-short-capture: 4 recording(s) kept" in out
    assert set(Dataset.open(tmp_path / "all").take) == {1, 2}


def test_the_rules_do_not_touch_synthetic_walkers_unless_asked(raw_tree, tmp_path, capsys):
    tree = shutil.copytree(raw_tree, tmp_path / "raw", ignore=shutil.ignore_patterns("S5", "S11"))
    (tree / "S1").rename(tree / "S9")
    options = ("--source", tree, "--subjects", "S9", *FEW)
    assert run(*options, "--out", tmp_path / "out") == 0
    assert "rule " not in capsys.readouterr().out
    assert run(*options, "--out", tmp_path / "first", "--rule", "s9-short-capture=drop") == 0
    assert "rule s9-short-capture: 4 recording(s) dropped" in capsys.readouterr().out
    assert set(Dataset.open(tmp_path / "first").take) == {1}


def test_rules_that_drop_everything_are_an_error(raw_tree, tmp_path, capsys):
    tree = renamed(raw_tree, tmp_path / "raw", "S9", "Greeting")
    for path in list(tree.rglob("Greeting 1.*")):
        path.unlink()
    assert run("--source", tree, "--subjects", "S9", "--actions", "Greeting", "--out", tmp_path / "out") == 1
    assert "error: the rules drop all that was asked for; override" in capsys.readouterr().err


def test_verify_prints_a_table_and_all_faults_and_builds_nothing(raw_tree, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--verify", "--source", raw_tree, "--subjects", "S1", "S5", "S11") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"raw tree {raw_tree}, synthetic:"
    assert lines[1].split()[:4] == ["subject", "action", "takes", "recordings"]
    assert lines[3].split()[:6] == ["S1", "Walking", "2", "8", "96", "96"]
    assert [line.split()[-1] for line in lines[3:6]] == ["ok"] * 3
    assert lines[6:] == ["no fault found"]
    tree = shutil.copytree(raw_tree, "raw")
    video = f"{tree}/S1/Videos/Walking 1.54138969.mp4"
    os.truncate(video, 3000)
    assert run("--verify", "--source", tree, "--subjects", "S1", "S5", "S6") == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line.split()[-1] for line in lines[3:6]] == ["fault", "ok", "missing"]
    assert lines[6] == f"S6: skipped, there is no folder {tree}/S6"
    assert lines[7].startswith(f"{video}: cannot be read as a video")
    assert lines[8:] == ["2 faults"]
    assert "Traceback" not in captured.err
    assert os.listdir() == ["raw"]


def test_verify_takes_what_is_there_and_makes_nothing(raw_tree, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--verify", "--subjects", "S1") == 1
    message = "error: there is neither data/human36m nor data/synthetic nor a built file in"
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    shutil.copytree(raw_tree, "data/synthetic")
    assert run("--verify", "--subjects", "S1") == 0
    shutil.copytree(raw_tree, "data/human36m")
    (tmp_path / "data/human36m/synthetic.json").unlink()
    assert run("--verify", "--subjects", "S1") == 1  # poses are too few for Human3.6M
    out = capsys.readouterr().out
    assert "raw tree data/human36m:\n" in out
    assert "12 poses, not 3476; extract it again" in out
    assert run("--verify", "--subjects", "S1", "--source", raw_tree, "--metadata", "nowhere.xml") == 1
    assert "nowhere.xml: there is no such file" in capsys.readouterr().out


def test_verify_checks_the_built_files_too(raw_tree, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--source", raw_tree, "--subjects", "S1", "S5", "--out", "out", "--workers", 1)
    assert run(*options) == 0
    capsys.readouterr()
    assert run(*options, "--verify") == 0
    out = capsys.readouterr().out
    assert out.count("no fault found") == 2
    assert [line.split()[:5] for line in out.splitlines() if line.startswith("Walking-")] == [
        ["Walking-S1.h5", "96", "2", "0", "0"], ["Walking-S5.h5", "96", "2", "0", "0"],
    ]  # fmt: skip
    with h5py.File("out/Walking-S5.h5", "r+") as file:
        file["joints_2d"][3, 2, 1] += 1
    assert run("--verify", "--out", "out") == 1  # the built files alone: there is no tree here
    out = capsys.readouterr().out
    assert "out/Walking-S5.h5: joints_2d differ from what was written" in out
    assert out.splitlines()[-1] == "1 fault"


def test_the_actions_of_the_report_have_one_name(raw_tree, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--source", raw_tree, "--subjects", "S1", "--actions", "report")
    assert run(*options, "--out", tmp_path / "out", *FEW) == 0
    out = capsys.readouterr().out
    assert "S1 TakingPhoto take 2 (TakingPhoto): skipped, none of its files is there" in out
    assert "S1 Posing" not in out
    run("--verify", *options)
    rows = [line.split()[1] for line in capsys.readouterr().out.splitlines()[3:9]]
    assert rows == ["Walking", "Discussion", "Eating", "Greeting", "TakingPhoto", "WalkingDog"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--source", "nowhere"], 1, "error: nowhere is no folder; give the one that holds S1"),
        (["--source", "{tree}", "--out", "{tree}/synthetic.json", "--every", "6"], 1, "error: "),
        (["--source", "{tree}", "--rule", "s9=keep"], 1, "error: no rule 's9=keep'; give NAME=keep or"),
        (["--every", "0"], 2, "--every: a whole number of 1 or more"),
        (["--workers", "two"], 2, "--workers: a whole number of 1 or more"),
    ],
)
def test_bad_arguments(raw_tree, arguments, status, message, capsys):
    try:
        found = run(*(argument.format(tree=raw_tree) for argument in arguments))
    except SystemExit as error:
        found = error.code
    assert found == status
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
