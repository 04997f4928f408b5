import h5py
import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.legacy_mat import matrices
from tests.recordings.legacy_mat.written import drawn, find, stored, write
from tests.recordings.sampled import sample


@pytest.mark.parametrize("along", [0, 1])
def test_a_square_matrix_lies_as_the_other_two(tmp_path, along):
    values = drawn(count=96)
    write(tmp_path / "Walking", stored(values), along=along)
    samples, _ = sample(find(tmp_path)[0])
    np.testing.assert_array_equal(samples["pelvis"], values["poses"][:, 0].astype(np.float32))


def test_blocks_are_whole_chunks(tmp_path):
    write(tmp_path / "Walking", stored(drawn()), along=1, chunks=(64, 30), compression="gzip")
    with h5py.File(tmp_path / "Walking" / "pose_3DS1.mat", "r+") as file:
        values = file["posedata"][()]
        del file["posedata"]
        file["posedata"] = values
    with matrices.open_samples(find(tmp_path)[0].paths) as samples:
        assert {kind: some.block() for kind, some in samples.items()} == {
            "images": 240, "labels": 240, "poses": 256,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda files: files | {"poses": files["poses"][:-1]}, "70 in .*data_36MS1.mat, .* 69 in .*pose_3D"),
        (lambda files: files | {"poses": files["poses"][:, :51]}, "posedata is 70 x 51, and neither is 96"),
        (
            lambda files: {kind: matrix[:0] for kind, matrix in files.items()},
            "must have equally many .* 0 in",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, spoil, message):
    write(tmp_path / "Walking", spoil(stored(drawn())))
    with pytest.raises(UserError, match=message):
        sample(find(tmp_path)[0])
