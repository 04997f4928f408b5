import av
import pytest

from pose3d.errors import UserError
from pose3d.io.video_packets import Packets
from pose3d.recordings.human36m import count_frames, read_frames, read_packets


@pytest.fixture(scope="module")
def video(raw_tree):
    return raw_tree / "S1" / "Videos" / "Walking 1.54138969.mp4"


def header_first(path, target):
    """The same packets in a file whose header comes before them, so that a part of it can be read."""
    with av.open(str(path)) as read, av.open(str(target), "w", options={"movflags": "faststart"}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return target.read_bytes()


def test_packets_are_as_many_as_frames(video):
    found = read_packets(video)
    assert found == Packets(frames=13, promised=13, rows=252, columns=250)
    assert found.frames == len(list(read_frames(video))) == count_frames(video)


def test_a_video_cut_short_holds_fewer_than_it_promises(video, tmp_path):
    path = tmp_path / "cut.mp4"
    whole = header_first(video, path)
    assert read_packets(path).frames == 13
    counts = []
    for share in (0.95, 0.6, 0.05):
        path.write_bytes(whole[: int(share * len(whole))])
        found = read_packets(path)
        assert found.promised == 13
        counts.append(found.frames)
    assert 13 > counts[0] > counts[1] > counts[2] == 0


def test_what_is_no_video_is_named(video, tmp_path):
    with pytest.raises(UserError, match="absent.mp4: there is no such file"):
        read_packets(tmp_path / "absent.mp4")
    path = tmp_path / "cut.mp4"
    path.write_bytes(video.read_bytes()[:3000])  # its header is at the end
    with pytest.raises(UserError, match="cut.mp4: cannot be read as a video"):
        read_packets(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="cut.mp4: cannot be read as a video"):
        read_packets(path)
