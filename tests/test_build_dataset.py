import shutil

import pytest
from PIL import Image

from pose3d import build_dataset, synthetic
from pose3d.dataset import Dataset


def run(*arguments):
    return build_dataset.main([str(argument) for argument in arguments])


def test_from_a_raw_tree_to_table_and_contact_sheet(raw_tree, tmp_path, capsys):
    options = ("--source", raw_tree, "--out", tmp_path / "out", "--every", 4, "--workers", 1)
    assert run(*options) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "S6: left out, there is no folder" in out
    assert (
        "24 of 24 recordings: numbers of frames, poses and masks differ by up to 5; cut to the shortest"
        in out
    )
    assert [line.split()[:6] for line in lines if line.startswith(("Walking", "all"))] == [
        ["Walking", "S1", "2", "24", "0", "0"],
        ["Walking", "S5", "2", "24", "0", "0"],
        ["Walking", "S11", "2", "24", "0", "0"],
        ["all", "6", "72", "0", "0", lines[-2].split()[-1]],
    ]
    assert lines[-1] == f"72 samples in {tmp_path / 'out'}; look at {tmp_path / 'out' / 'contact_sheet.png'}"
    assert "WARNING" not in out
    with Image.open(tmp_path / "out" / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 800
    assert len(Dataset.open(tmp_path / "out")) == 72


def test_without_masks_it_warns_loudly(raw_tree, tmp_path, capsys):
    tree = shutil.copytree(raw_tree, tmp_path / "raw")
    shutil.rmtree(tree / "S1" / "MySegmentsMat" / "ground_truth_bs")
    assert (
        run("--source", tree, "--out", tmp_path / "out", "--subjects", "S1", "--every", 6, "--workers", 1)
        == 0
    )
    out = capsys.readouterr().out
    assert "WARNING: the background of 8 recordings is NOT subtracted" in out


def test_a_bad_recording_is_an_error_that_leaves_the_rest_built(raw_tree, tmp_path, capsys):
    tree = shutil.copytree(raw_tree, tmp_path / "raw")
    video = tree / "S1" / "Videos" / "Walking 1.54138969.mp4"
    video.write_bytes(video.read_bytes()[:3000])
    options = (
        "--source",
        tree,
        "--out",
        tmp_path / "out",
        "--subjects",
        "S1",
        "S11",
        "--every",
        6,
        "--workers",
        1,
    )
    assert run(*options) == 1
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
    assert run("--subjects", "S1", "--every", 6, "--workers", 1) == 0
    assert made == [("data/synthetic", ["S1"], 1)]
    assert "no data/human36m: building from the built-in synthetic walkers" in capsys.readouterr().out
    assert (tmp_path / "data" / "walking" / "Walking-S1.h5").is_file()

    shutil.copytree(raw_tree, tmp_path / "data" / "human36m")
    assert run("--subjects", "S1", "--every", 6, "--workers", 1, "--out", "other") == 0
    assert len(made) == 1
    assert "synthetic" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--source", "nowhere"], 1, "error: nowhere is no folder; give the one that holds S1"),
        (["--source", "{tree}", "--subjects", "S2"], 1, "error: no subject 'S2'"),
        (["--source", "{tree}", "--actions", "Running"], 1, "error: no action 'Running'"),
        (["--source", "{tree}", "--subjects", "S6"], 1, "holds no complete recording of Walking by S6"),
        (["--source", "{tree}", "--out", "{tree}/synthetic.json", "--every", "6"], 1, "error: "),
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
