import numpy as np
import pytest

from pose3d.synthetic.files import mask_writer, video_writer, whole


def break_off(writer, use):
    """Begin to write, then fail."""
    with writer as target:
        use(target)
        raise ZeroDivisionError


def test_a_file_appears_only_when_whole(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with whole(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(ZeroDivisionError):
        break_off(whole(path), lambda temporary: temporary.write_text("half"))
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_between_frames_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        break_off(mask_writer(tmp_path / "m.mat"), lambda append: append(np.zeros((4, 6), bool)))
    frame = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ZeroDivisionError):
        break_off(video_writer(tmp_path / "v.mp4", 32, 48), lambda append: append(frame))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_plain_oserror(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), whole(tmp_path / "file" / "below.cdf"):
        raise AssertionError("not reached")
