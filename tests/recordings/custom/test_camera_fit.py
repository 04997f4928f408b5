import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.recordings.custom.camera_fit import camera_fault
from pose3d.skeleton import pelvis_relative
from tests.recordings.custom import drawn
from tests.recordings.custom.drawn import row_of, sample, write_table


@pytest.fixture
def seen():
    """2D and 3D joints of 40 bodies in a camera whose focal length changes."""
    rng = np.random.default_rng(0)
    poses = rng.uniform((-300, -900, -300), (300, 900, 300), (40, 17, 3)) + (200, 100, 4000)
    return rng.uniform(900, 1100, (40, 1, 1)) * poses[..., :2] / poses[..., 2:] + (320, 240), poses


def rotated(poses, angle):
    """As of another camera, turned about the upright axis."""
    c, s = np.cos(angle), np.sin(angle)
    centre = poses.mean(axis=(0, 1))
    return (poses - centre) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) + centre


def noisy(poses, size):
    return poses + np.random.default_rng(1).normal(0, size, poses.shape)


@pytest.mark.parametrize(
    "change",
    [
        lambda two, three: (two, three),
        lambda two, three: (noisy(two, 8), noisy(three, 30)),
        lambda two, three: (two, pelvis_relative(three)),
        lambda two, three: (two[:1], three[:1]),
    ],
)
def test_joints_of_one_camera_fit(seen, change):
    assert camera_fault(*change(*seen)) == ("", False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda two, three: (two[..., ::-1], three), "only with x, y, z = Y, X, Z; the camera's frame"),
        (lambda two, three: (two, three[..., [0, 2, 1]] * (1, 1, -1)), "only with x, y, z = X, -Z, Y"),
        (lambda two, three: (two, three * (1, -1, 1)), "only with x, y, z = X, -Y, Z"),
        (lambda two, three: (two, three * (1, -1, -1)), "only with x, y, z = X, -Y, -Z"),
        (lambda two, three: (two, three * (1, 1, -1)), "only with x, y, z = X, Y, -Z"),
        (lambda two, three: (two, three * (-1, 1, 1)), "only with x, y, z = -X, Y, Z"),
        (lambda two, three: (two, pelvis_relative(three * (1, -1, 1))), "only with x, y, z = X, -Y, Z"),
        (lambda two, three: (two / (640, 480), three), "the 2D joints of a frame span 0.8.* not shares"),
        (lambda two, three: (two, rotated(three, 2)), "the 3D joints miss the 2D joints by [4-9]"),
        (lambda two, three: (two, three - (200, 100, 4000)), "the 3D joints miss .* these have Z <= 0"),
        (lambda two, three: (two * (2, 1), three[::-1]), "the 3D joints miss the 2D joints by"),
    ],
)  # fmt: skip
def test_joints_of_other_axes_do_not(seen, change, message):
    fault, is_certain = camera_fault(*change(*seen))
    assert is_certain
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(fault)


def test_a_poor_fit_is_a_doubt(seen):
    fault, is_certain = camera_fault(noisy(seen[0], 35), seen[1])
    assert not is_certain
    assert "miss the 2D joints by 2" in fault or "miss the 2D joints by 3" in fault


def test_a_table_in_other_axes_is_refused_and_a_doubt_is_a_note(folder, monkeypatch):
    def write(poses):
        with monkeypatch.context() as patched:
            patched.setattr(drawn, "POSES", poses)
            write_table(folder / "j.csv", [row_of(i, f"f{i}.png") for i in drawn.ANNOTATED])

    write(drawn.POSES[..., [1, 0, 2]])
    with pytest.raises(UserError, match=r"j\.csv: the 2D joints fit the 3D joints only with x, y, z = Y, X"):
        sample(folder)
    write(noisy(drawn.POSES, 130))
    (note,) = sample(folder)[1]["notes"]
    assert "j.csv: the 3D joints miss the 2D joints by" in note
