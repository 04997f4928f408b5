import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.synthetic.motion.bvh import pose, read, rest_pose

TEXT = """HIERARCHY
ROOT Hips
{
\tOFFSET 1.0 2.0 3.0
\tCHANNELS 6 Yposition Xposition Zposition Xrotation Zrotation Yrotation
\tJOINT Left Leg
\t{
\t\tOFFSET 0.0 0.0 10.0
\t\tCHANNELS 2 Yrotation Xrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0.0 5.0 0.0
\t\t}
\t}
\tJOINT Slider {
\t\tOFFSET 7.0 8.0 9.0 CHANNELS 1 Zposition
\t}
}
MOTION
Frames: 2
Frame Time: .0083333
20 10 30 90 90 0 90 0 4
0 0 0 0 0 0 0 90 9
"""


def write(tmp_path, text=TEXT):
    path = tmp_path / "walk.bvh"
    path.write_bytes(text.encode())
    return path


def test_forward_kinematics_of_a_case_worked_by_hand(tmp_path):
    """Frame 0: the root turns Rx(90) Rz(90), which takes x to z, y to -x and z to -y; the leg Ry(90)."""
    bvh = read(write(tmp_path))
    assert bvh.names == ["Hips", "Left Leg", "", "Slider"]
    assert bvh.parents == [-1, 0, 1, 0]
    assert bvh.frame_time == 0.0083333
    positions, rotations = pose(bvh)
    np.testing.assert_allclose(rotations[0][0].as_matrix(), [[0, -1, 0], [0, 0, -1], [1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(positions[0, 0], [10, 20, 30], atol=1e-12)  # channels replace the offset
    np.testing.assert_allclose(positions[0, 1], [10, 10, 30], atol=1e-12)  # z goes to -y
    # Ry(90) takes the leg's x to -z and leaves y, so that its x is the root's -z, which is the file's y.
    np.testing.assert_allclose(rotations[1][0].apply([1, 0, 0]), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(positions[0, 2], [5, 10, 30], atol=1e-12)
    np.testing.assert_allclose(positions[0, 3], [10 - 8, 20 - 4, 30 + 7], atol=1e-12)  # (7, 8, 4) turned
    # Frame 1: only the leg is turned, about x: y goes to z.
    np.testing.assert_allclose(positions[1, 2], [0, 0, 15], atol=1e-12)
    np.testing.assert_allclose(rest_pose(bvh), [[[1, 2, 3], [1, 2, 13], [1, 7, 13], [8, 10, 12]]])


def test_line_ends_blank_lines_and_capitals_do_not_matter(tmp_path):
    plain = read(write(tmp_path))
    text = TEXT.replace("\n", "\r\n").replace("\t", "  ").replace("End Site", "END SITE")
    text = (
        "\ufeff"
        + text.replace("Frames: 2", "FRAMES:\t2").replace("Frame Time:", "Frame\tTime :\t")
        + "\r\n \r\n"
    )
    other = read(write(tmp_path, text))
    np.testing.assert_array_equal(other.values, plain.values)
    assert (other.names, other.parents, other.channels) == (plain.names, plain.parents, plain.channels)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY\n", "", "line 1: HIERARCHY and ROOT expected, not 'ROOT'"),
        ("ROOT", "JOINT", "line 2: HIERARCHY and ROOT expected, not 'JOINT'"),
        ("5.0 0.0\n\t\t}", "5.0 0.0\n", "line 19: JOINT, .* or } expected, not 'MOTION'"),
        ("}\nMOTION", "}\n}\nMOTION", "line 19: '}' after the end of the figure"),
        ("MOTION\n", "", "line 22: MOTION is missing"),
        ("OFFSET 0.0 5.0 0.0", "OFFSET 0.0 five 0.0", "line 12: 'five' is not a finite number"),
        ("\t\t\tOFFSET 0.0 5.0 0.0\n", "", "line 12: an End Site ends without an OFFSET"),
        ("CHANNELS 2 Yr", "CHANNELS two Yr", "line 9: JOINT, .* expected, not 'CHANNELS'"),
        ("CHANNELS 2 Y", "CHANNELS 3 Y", "line 9: 3 channels announced, but 2 named"),
        ("JOINT Left Leg", "JOIN Left Leg", "line 6: JOINT, .* expected, not 'JOIN'"),
        ("JOINT Left Leg", "JOINT", "line 6: JOINT, .* expected, not 'JOINT'"),
        ("Frames: 2", "Frames: 0", "line 21: 0 frames of 0.0083333 s are no motion"),
        ("Frames: 2", "Frame: 2", "line 19: 'Frames:' and 'Frame Time:' with a number each expected"),
        ("Frame Time: .0083333", "Frame Time: 0", "line 21: 2 frames of 0 s are no motion"),
        ("Frames: 2", "Frames: 3", "line 23: 3 frames announced, but 2 lines of motion"),
        ("Frames: 2", "Frames: 1", "line 23: 1 frames announced, but 2 lines of motion"),
        ("90 0 4\n", "90 0\n", "line 22: 8 values, but the joints have 9 channels"),
        ("90 9\n", "inf 9\n", "line 23: 'inf' is not a finite number"),
        ("90 9\n", "1e308 9\n", "line 23: '1e308' is not a finite number, at most 1e"),
        ("90 9\n", f"{'9' * 5000} 9\n", "line 23: '9+' is not a finite number"),
        ("CHANNELS 2 Yr", f"CHANNELS {'2' * 5000} Yr", "line 9: JOINT, .* expected, not 'CHANNELS'"),
        ("JOINT Slider", "JOINT Left Leg", "line 15: a second joint 'Left Leg'; rename one"),
        (TEXT, "", "line 1: MOTION is missing"),
        (TEXT, "HIERARCHY\nMOTION\n", "line 2: HIERARCHY and ROOT expected, not 'MOTION'"),
        (TEXT[TEXT.index("Frames") :], "", "line 19: 'Frames:' and"),
        (TEXT[TEXT.index("Frame Time") :], "", "line 19: 'Frames:' and"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(tmp_path, old, new, message):
    assert old in TEXT
    path = write(tmp_path, TEXT.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, line ")


def test_joints_may_be_nested_deeply(tmp_path):
    depth = 5000
    opened = "".join(f"JOINT j{i} {{ OFFSET 0 1 0\n" for i in range(depth))
    text = f"HIERARCHY\nROOT r {{ OFFSET 0 0 0 CHANNELS 1 Xrotation\n{opened}{'}' * depth}}}\n"
    bvh = read(write(tmp_path, text + "MOTION\nFrames: 1\nFrame Time: .01\n90\n"))
    np.testing.assert_allclose(pose(bvh)[0][0, -1], [0, 0, depth], atol=1e-6)
