import numpy as np

from pose3d.recordings.human36m import find_recordings
from pose3d.synthetic.__main__ import main
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.tree.appearance import body_of
from tests.synthetic.motion.skeletons import write_motion

TINY = ["--frames", "2", "--image-size", "100", "--subjects", "S5", "--workers", "1"]


def test_the_command_writes_a_tree_and_says_where(tmp_path, capsys):
    assert main(["--out", str(tmp_path / "tree"), *TINY]) == 0
    assert capsys.readouterr().out == f"wrote the synthetic walkers to {tmp_path / 'tree'}\n"
    assert len(find_recordings(tmp_path / "tree", subjects=["S5"])[0]) == 8


def test_the_command_drives_the_bodies_by_a_folder_of_bvh(tmp_path, capsys):
    motion = walk(body_of("S1"), GAITS["S1"], 6, False, np.random.default_rng(0))
    path = write_motion(tmp_path / "bvh" / "a.bvh", body_of("S1"), motion, rest="T")
    path.write_text(path.read_text().replace("LeftForeArm", "Elle"))
    where = ["--out", str(tmp_path / "tree"), "--motion", str(path.parent), "--actions", "Posing", *TINY]
    assert main(where) == 1
    assert "name it by --joint-map" in capsys.readouterr().err
    (tmp_path / "map.json").write_text('{"LeftForeArm": "Elle"}')
    assert main([*where, "--joint-map", str(tmp_path / "map.json")]) == 0
    assert capsys.readouterr().out == (
        f"wrote the synthetic bodies to {tmp_path / 'tree'}; synthetic.json lists the BVH file of each take\n"
    )
    assert len(find_recordings(tmp_path / "tree", ["Posing"], ["S5"])[0]) == 8
