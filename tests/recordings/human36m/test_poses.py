import cdflib.cdfwrite
import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.human36m import read_poses_2d, read_poses_3d, write_poses


def poses(frames, dimensions):
    rng = np.random.default_rng(frames + dimensions)
    return rng.normal(0, 1000, (frames, 32, dimensions)).astype(np.float32)


@pytest.mark.parametrize(("read", "dimensions"), [(read_poses_2d, 2), (read_poses_3d, 3)])
def test_what_was_written_is_read_to_the_bit(tmp_path, read, dimensions):
    path = tmp_path / "Walking 1.54138969.cdf"
    written = poses(7, dimensions)
    write_poses(path, written)
    found = read(path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, written)


def test_the_file_is_stored_column_by_column_with_one_record(tmp_path):
    """Byte order on disk, checked without our reader: the first joint's x over all frames comes first."""
    path = tmp_path / "x.cdf"
    written = poses(5, 3)
    write_poses(path, written)
    assert written[:, 0, 0].astype("<f4").tobytes() in path.read_bytes()
    info = cdflib.CDF(path)
    variable = info.varinq("Pose")
    assert info.cdf_info().Majority == "Column_major"
    assert (variable.Dim_Sizes, variable.Last_Rec, variable.Data_Type_Description) == (
        [5, 96],
        0,
        "CDF_FLOAT",
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_named(tmp_path, share):
    path = tmp_path / "cut.cdf"
    write_poses(path, poses(40, 2))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match="cut.cdf: cannot be read as a CDF file"):
        read_poses_2d(path)


def test_a_file_of_another_layout_is_named(tmp_path):
    path = tmp_path / "pose.cdf"
    write_poses(path, poses(6, 3))
    with pytest.raises(UserError, match=r"pose.cdf: its Pose is float32 \(1, 6, 96\).*2D positions"):
        read_poses_2d(path)
    with pytest.raises(UserError, match="absent.cdf: there is no such file"):
        read_poses_2d(tmp_path / "absent.cdf")
    angles = tmp_path / "angles.cdf"
    cdf = cdflib.cdfwrite.CDF(angles)
    spec = {"Variable": "Angles", "Data_Type": cdf.CDF_FLOAT, "Num_Elements": 1, "Rec_Vary": True}
    cdf.write_var({**spec, "Dim_Sizes": [6, 96]}, var_data=np.zeros((1, 6, 96), np.float32))
    cdf.close()
    with pytest.raises(UserError, match=r"angles.cdf: holds no variable Pose \(it has Angles\)"):
        read_poses_3d(angles)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_coordinate_that_is_not_finite_is_named_with_its_frame(tmp_path, bad):
    path = tmp_path / "hole.cdf"
    broken = poses(9, 2)
    broken[[4, 6], 31, 1] = bad
    write_poses(path, broken)
    with pytest.raises(UserError, match="hole.cdf: 2 of 9 frames hold NaN.*first is frame 4"):
        read_poses_2d(path)
