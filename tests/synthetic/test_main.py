from pose3d.human36m import find_recordings
from pose3d.synthetic.__main__ import main

TINY = ["--frames", "2", "--image-size", "100", "--subjects", "S5", "--workers", "1"]


def test_the_command_writes_a_tree_and_says_where(tmp_path, capsys):
    assert main(["--out", str(tmp_path / "tree"), *TINY]) == 0
    assert capsys.readouterr().out == f"wrote the synthetic walkers to {tmp_path / 'tree'}\n"
    assert len(find_recordings(tmp_path / "tree", subjects=["S5"])[0]) == 8


def test_a_fault_of_the_user_is_one_line(tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert main(["--out", str(tmp_path / "full"), *TINY]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert str(tmp_path / "full") in error
