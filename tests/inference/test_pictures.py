import av
import numpy as np
import pytest
from PIL import Image

from pose3d.errors import UserError
from pose3d.inference.pictures import is_video, read_pictures
from pose3d.io.video import video_writer
from tests.io.test_video import cut_short


def test_pictures_of_a_folder_come_by_number(tmp_path):
    for number in (10, 2, 1):
        Image.fromarray(np.full((2, 2, 3), number, np.uint8)).save(tmp_path / f"f{number}.png")
    assert [(p.name, p.rgb[0, 0, 0]) for p in read_pictures(tmp_path)] == [
        ("f1.png", 1), ("f2.png", 2), ("f10.png", 10)
    ]  # fmt: skip


def test_frames_of_a_video_are_numbered_from_0(tmp_path):
    with video_writer(tmp_path / "v.mp4", 32, 48, 25) as append:
        for level in (40, 120, 200):
            append(np.full((32, 48, 3), level, np.uint8))
    (tmp_path / "v.mp4").rename(tmp_path / "V.MP4")  # as cameras name them
    pictures = list(read_pictures(tmp_path / "V.MP4"))
    assert [picture.name for picture in pictures] == ["0", "1", "2"]
    for picture, level in zip(pictures, (40, 120, 200), strict=True):
        np.testing.assert_allclose(picture.rgb, level, atol=4)


@pytest.mark.parametrize("ending", [".ts", ".mts", ".3gp", ".flv", ".ogv", ".wmv"])
def test_videos_are_known_by_all_their_endings(tmp_path, ending):
    kind = {".mts": "mpegts", ".wmv": "asf"}.get(ending)
    codec = {".flv": "flv", ".ogv": "ffv1", ".ts": "mpeg2video", ".mts": "mpeg2video"}.get(ending, "mpeg4")
    with av.open(
        str(tmp_path / f"v{ending}"), "w", format="matroska" if ending == ".ogv" else kind
    ) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for level in range(0, 250, 10):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert [picture.name for picture in read_pictures(tmp_path / f"v{ending}")] == [*map(str, range(25))]


def no_frames(path):
    """A video whose only stream ends before its first frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.mp4", no_frames, "holds no video"),
        ("a.avi", no_frames, "holds no frame"),
        ("a.mp4", lambda path: None, "there is no such file"),
        ("a", lambda path: path.mkdir(), "holds no image"),
    ],
)
def test_a_source_without_pictures_is_named(tmp_path, name, make, message):
    path = tmp_path / name
    make(path)
    with pytest.raises(UserError, match=message) as caught:
        list(read_pictures(path))
    assert str(path) in str(caught.value)


def test_a_folder_may_be_named_as_a_video(tmp_path):
    folder = tmp_path / "walk.mp4"
    folder.mkdir()
    Image.new("RGB", (2, 2)).save(folder / "a.png")
    assert not is_video(folder)
    assert [picture.name for picture in read_pictures(folder)] == ["a.png"]


def test_a_video_cut_short_gives_its_frames_and_says_so(tmp_path):
    cut = cut_short(tmp_path / "v.mp4", 6)
    names = []
    with pytest.raises(UserError, match=r"cut.mp4: cut short, holds 6 of 13 frames"):
        names.extend(picture.name for picture in read_pictures(cut))
    assert names == [*"012345"]
