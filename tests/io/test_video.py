from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from pose3d.errors import UserError
from pose3d.io.video import Packets, count_frames, frame_rate, read_frames, read_packets, video_writer

ROWS, COLUMNS = 62, 50


def write_video(path, frames):
    with video_writer(path, ROWS, COLUMNS, 50) as append:
        for frame in frames:
            append(frame)


def gray_steps(count):
    """Frame i is uniformly 4 * i, but for a brighter red corner at the top left."""
    frames = np.repeat(np.arange(count, dtype=np.uint8) * 4, ROWS * COLUMNS * 3)
    frames = frames.reshape(count, ROWS, COLUMNS, 3)
    frames[:, :16, :16] = (250, 20, 20)
    return frames


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, ROWS, COLUMNS, 3), dtype=np.uint8)


def test_a_video_that_names_no_rate_is_shown_at_25_frames_a_second(tmp_path):
    path = tmp_path / "one.mkv"
    write_video(path, noise(1))
    assert frame_rate(path) == 50
    default_duration = b"\x23\xe3\x83"  # an element of Matroska; the next name means nothing
    path.write_bytes(path.read_bytes().replace(default_duration, b"\x23\xe3\x84"))
    assert frame_rate(path) == 25


def test_frames_come_in_order_upright_and_in_rgb(tmp_path):
    written = gray_steps(40)
    write_video(tmp_path / "v.mp4", written)
    found = list(read_frames(tmp_path / "v.mp4"))
    assert count_frames(tmp_path / "v.mp4") == len(found) == 40
    for frame, truth in zip(found, written, strict=True):
        rgb = frame.rgb()
        assert frame.shape == (ROWS, COLUMNS)
        assert (rgb.shape, rgb.dtype) == ((ROWS, COLUMNS, 3), np.uint8)
        assert abs(float(rgb[-20:].mean()) - truth[-1, -1, 0]) < 2
        np.testing.assert_allclose(rgb[4:8, 4:8].mean((0, 1)), (250, 20, 20), atol=12)


def write_as(path, pixel_format, frames, codec="libx264", options=None, **colours):
    """A video of another codec, pixel format or colour space than `video_writer`'s; frames in RGB or RGBA."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=50, options={"crf": "1"} if options is None else options)
        (stream.height, stream.width, _), stream.pix_fmt = frames[0].shape, pixel_format
        stream.metadata["alpha_mode"] = "1"
        for name, value in colours.items():
            setattr(stream.codec_context, name, value)
        for frame in frames:
            raw = av.VideoFrame.from_ndarray(frame, format="rgb24" if frame.shape[2] == 3 else "rgba")
            converted = raw.reformat(
                format=pixel_format,
                dst_colorspace=colours.get("colorspace", Colorspace.ITU601),
                dst_color_range=colours.get("color_range", ColorRange.MPEG),
            )
            container.mux(stream.encode(converted))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("pixel_format", "colours"),
    [
        ("yuv420p", {}),
        ("yuv420p", {"colorspace": Colorspace.ITU601}),
        ("yuv420p", {"color_range": ColorRange.JPEG}),
        ("yuv420p", {"colorspace": Colorspace.ITU709}),
        ("yuv444p", {}),
        ("yuv422p", {}),
    ],
)
def test_gray_is_itu_r_601_of_any_video(tmp_path, pixel_format, colours):
    truth = np.empty((ROWS, COLUMNS, 3), np.uint8)
    truth[:, :24], truth[:, 24:] = (30, 200, 90), (220, 60, 10)
    write_as(tmp_path / "v.mp4", pixel_format, [truth] * 2, **colours)
    frame = next(read_frames(tmp_path / "v.mp4"))
    gray = frame.gray((4, 10, 46, 50))
    assert (gray.shape, gray.dtype) == ((40, 42), np.uint8)
    expected = truth[10:50, 4:46] @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(gray[:, :18], expected[:, :18], atol=3)
    np.testing.assert_allclose(gray[:, -18:], expected[:, -18:], atol=3)
    rgb = frame.rgb().astype(int)
    np.testing.assert_allclose(rgb[:, :22], truth[:, :22], atol=4)
    np.testing.assert_allclose(rgb[:, 26:], truth[:, 26:], atol=4)


@pytest.mark.parametrize("read", [lambda path: next(read_frames(path)), read_packets, count_frames])
def test_a_file_that_is_truncated_missing_or_of_no_known_codec_is_named(tmp_path, read):
    path = tmp_path / "v.mp4"
    write_video(path, noise(20))  # its header is at the end
    whole = path.read_bytes()
    for share in (0.0, 0.5, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match="v.mp4: cannot be read as a video"):
            read(path)
    path.write_bytes(whole.replace(b"avc1", b"zzzz"))
    with pytest.raises(UserError, match="v.mp4: its video has no known codec or no size"):
        read(path)
    with pytest.raises(UserError, match="absent.mp4: there is no such file"):
        read(tmp_path / "absent.mp4")


def test_damage_inside_names_the_frame_it_ends_at(tmp_path):
    path = tmp_path / "hurt.mp4"
    write_video(path, noise(30))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(5000)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"hurt.mp4: damaged, decoding ends after \d+ frames") as caught:
        list(read_frames(path))
    assert 5 < int(str(caught.value).split("after ")[1].split()[0]) < 25


def test_a_file_without_a_picture_is_named(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(UserError, match="sound.mp4: holds no video"):
        next(read_frames(path))


def header_first(path, target):
    """Write the same packets to a file whose header comes before them, so that a part of it can be read."""
    with av.open(str(path)) as read, av.open(str(target), "w", options={"movflags": "faststart"}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return target.read_bytes()


def cut_short(path, packets, frames=13):
    """Cut a video before the packet of that number; the new path. The video is drawn if it is not there."""
    if not path.exists():
        write_video(path, noise(frames))
    cut = path.with_name("cut.mp4")
    whole = header_first(path, cut)
    with av.open(str(cut)) as file:
        places = [packet.pos for packet in file.demux(video=0) if packet.size]
    cut.write_bytes(whole[: places[packets]])
    return cut


def test_a_truncated_video_holds_fewer_packets_than_its_header_promises(tmp_path):
    path, cut = tmp_path / "v.mp4", tmp_path / "cut.mp4"
    write_video(path, noise(13))
    assert read_packets(path) == Packets(frames=13, promised=13, rows=ROWS, columns=COLUMNS)
    assert count_frames(path) == len(list(read_frames(path))) == 13
    whole, counts = header_first(path, cut), []
    for share in (1, 0.95, 0.6, 0.05):
        cut.write_bytes(whole[: int(share * len(whole))])
        assert read_packets(cut).promised == 13
        counts.append(read_packets(cut).frames)
    assert 13 == counts[0] > counts[1] > counts[2] > counts[3] == 0


def with_matrix(path, a, b, c, d):
    """Write the display matrix, big-endian, into the track headers of an mp4."""
    unit = (65536).to_bytes(4, "big")
    old = b"".join([unit, bytes(12), unit, bytes(12), (2**30).to_bytes(4, "big")])
    rows = [(a, b, 0), (c, d, 0), (0, 0, 2**30)]
    new = b"".join((n * (65536 if n < 2 else 1)).to_bytes(4, "big", signed=True) for row in rows for n in row)
    content = path.read_bytes()
    head, track = content.split(b"tkhd", 1)
    assert old in track
    path.write_bytes(head + b"tkhd" + track.replace(old, new, 1))


@pytest.mark.parametrize("full", ["yuv420p", "rgb"])
@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((1, 0, 0, 1), lambda seen: seen),
        ((0, 1, -1, 0), lambda seen: np.rot90(seen, -1)),
        ((-1, 0, 0, -1), lambda seen: np.rot90(seen, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda seen: seen.swapaxes(0, 1)),
    ],
)
def test_a_video_is_turned_as_its_header_says(tmp_path, matrix, turn, full):
    path = tmp_path / "v.mp4"
    if full == "rgb":  # gray is computed from RGB
        write_as(path, "yuv420p", gray_steps(1), colorspace=Colorspace.ITU709)
    else:
        write_video(path, gray_steps(1))
    plain = next(read_frames(path))
    with_matrix(path, *matrix)
    frame = next(read_frames(path))
    rgb = turn(plain.rgb())
    assert frame.shape == rgb.shape[:2]
    np.testing.assert_array_equal(frame.rgb(), rgb)
    gray = turn(plain.gray((0, 0, COLUMNS, ROWS)))
    np.testing.assert_array_equal(frame.gray((3, 5, 40, 45)), gray[5:45, 3:40])


def test_tags_of_another_alphabet_do_not_matter(tmp_path):
    path = tmp_path / "v.mp4"
    write_video(path, noise(3))
    content = path.read_bytes()
    assert b"VideoHandler" in content
    path.write_bytes(content.replace(b"VideoHandler", b"Vid\xe9oHandler"))
    assert count_frames(path) == 3


def test_a_size_that_changes_is_named(tmp_path):
    content = b""
    for shape in ((32, 48, 3), (48, 32, 3)):
        write_as(tmp_path / "part.ts", "yuv420p", [np.zeros(shape, np.uint8)] * 3, "mpeg2video", {})
        content += (tmp_path / "part.ts").read_bytes()
    (tmp_path / "v.mpg").write_bytes(content)
    with pytest.raises(UserError, match="v.mpg: the size changes after . frames; convert it"):
        list(read_frames(tmp_path / "v.mpg"))


def test_pixels_that_are_not_square_are_stretched_as_players_do(tmp_path):
    written = gray_steps(2)
    for name, ratio in (("plain", Fraction(1)), ("wide", Fraction(2)), ("high", Fraction(16, 25))):
        write_as(tmp_path / f"{name}.mp4", "yuv420p", written, sample_aspect_ratio=ratio)
    plain, wide, high = (list(read_frames(tmp_path / f"{n}.mp4"))[1] for n in ("plain", "wide", "high"))
    assert (plain.shape, wide.shape, high.shape) == ((ROWS, COLUMNS), (ROWS, 2 * COLUMNS), (ROWS, 32))
    assert read_packets(tmp_path / "wide.mp4") == Packets(2, 2, ROWS, 2 * COLUMNS)
    for frame in (plain, wide, high):
        rgb, width = frame.rgb(), frame.shape[1]
        assert rgb.shape == (ROWS, width, 3)
        left = width * 14 // COLUMNS  # the red corner ends at 16 of 50
        np.testing.assert_allclose(rgb[4:8, left // 2 : left].mean((0, 1)), (250, 20, 20), atol=12)
        box = (0, 20, width, ROWS)
        np.testing.assert_allclose(frame.gray(box), 4, atol=3)
    with_matrix(tmp_path / "wide.mp4", 0, 1, -1, 0)
    frame = next(read_frames(tmp_path / "wide.mp4"))
    assert frame.shape == frame.rgb().shape[:2] == (2 * COLUMNS, ROWS)
    write_as(tmp_path / "odd.mp4", "yuv420p", written, sample_aspect_ratio=Fraction(5))
    for read in (read_packets, lambda path: next(read_frames(path))):
        with pytest.raises(UserError, match=r"odd\.mp4: its pixels are 5 times as wide as high"):
            read(tmp_path / "odd.mp4")


def test_a_name_with_colons_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video("12:30:05.mp4", gray_steps(3))
    assert count_frames("12:30:05.mp4") == len(list(read_frames("12:30:05.mp4"))) == 3


@pytest.mark.parametrize(
    ("codec", "name", "pixel_format"),
    [("png", "v.mov", "rgba"), ("qtrle", "v.mov", "argb"), ("ffv1", "v.mkv", "yuva420p"),
     ("libvpx-vp9", "v.webm", "yuva420p"), ("libvpx", "v.webm", "yuva420p")],
)  # fmt: skip
def test_the_alpha_channel_is_that_of_the_video(tmp_path, codec, name, pixel_format):
    if codec not in av.codec.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    pixels = np.full((ROWS, COLUMNS, 4), 100, np.uint8)
    pixels[..., 3] = 0
    pixels[10:40, 8:28, 3] = 255
    options = {"auto-alt-ref": "0"} if "vpx" in codec else {}
    write_as(tmp_path / name, pixel_format, [pixels] * 2, codec, options)
    frames = list(read_frames(tmp_path / name))
    assert len(frames) == 2
    for frame in frames:
        np.testing.assert_array_equal(frame.alpha, pixels[..., 3] > 0)
    write_video(tmp_path / "plain.mp4", gray_steps(1))
    assert next(read_frames(tmp_path / "plain.mp4")).alpha is None
