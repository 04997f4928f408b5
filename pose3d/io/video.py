"""Read and write videos frame by frame, and count frames without decoding."""

import contextlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole
from pose3d.io.images import opaque_part

# Pixel formats whose first plane is the luma, one byte a pixel.
_PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
_FULL_RANGE = ("yuvj420p", "yuvj422p", "yuvj444p", "gray")
# Color spaces whose luma is the gray of ITU-R 601. Decoders assume one of them if the video names none.
_UNSPECIFIED, _SMPTE_170M = 2, 6  # numbers of the standard H.273, missing from PyAV's enumeration
_ITU_601 = (_UNSPECIFIED, Colorspace.ITU601, _SMPTE_170M)
_BLACK, _WHITE = 16, 235  # luma
# Tags of another alphabet are an error to PyAV before version 19, which reads them and has no such argument.
_ANY_TAGS = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}


# FFmpeg's own decoders of these codecs drop the alpha channel, those of libvpx keep it.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_SQUARE = 0.01  # a ratio of a pixel's sides this near to 1 is a rounding of the picture's
_LARGEST_RATIO = 4


class Frame:
    """One decoded frame, turned and stretched as it is to be shown. Only the requested part is converted.

    It is made of an av.VideoFrame and the width, px, that this has as shown before it is turned. Its `shape`
    is (H, W).
    """

    def __init__(self, decoded, width):
        self._decoded, self._turn, self._width = decoded, _turn(decoded), width
        self.shape = self._turn(np.broadcast_to(np.uint8(0), (decoded.height, width))).shape

    def gray(self, box):
        """Gray levels (ITU-R 601), uint8, of a box (x0, y0, x1, y1), px, half-open, within the frame."""
        x0, y0, x1, y1 = box
        if self._luma_is_gray():
            luma = self._turn(_plane(self._decoded, 0))[y0:y1, x0:x1]
            return luma.copy() if self._is_full_range() else _stretched(luma)
        return np.asarray(Image.fromarray(self.rgb()[y0:y1, x0:x1]).convert("L"))

    def rgb(self):
        """The whole frame in RGB: (H, W, 3) uint8 array."""
        return np.ascontiguousarray(self._turn(self._decoded.to_ndarray(format="rgb24", width=self._width)))

    @property
    def alpha(self):
        """(H, W) bool array, True where the frame is opaque, or None as of `pose3d.io.images.opaque_part`."""
        if not any(component.is_alpha for component in self._decoded.format.components):
            return None
        # In RGBA, FFmpeg leaves the alpha of the last columns of some widths undefined.
        with_alpha = self._decoded.reformat(format="yuva444p", width=self._width)
        return opaque_part(self._turn(_plane(with_alpha, 3)))

    def _luma_is_gray(self):
        name, stretched = self._decoded.format.name, self._width != self._decoded.width
        is_itu_601 = name == "gray" or self._decoded.colorspace in _ITU_601
        return name in _PLANAR and is_itu_601 and not stretched

    def _is_full_range(self):
        return self._decoded.format.name in _FULL_RANGE or self._decoded.color_range == ColorRange.JPEG


def _plane(frame, number):
    """A plane of one byte a pixel: (H, W) uint8 array."""
    plane = frame.planes[number]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def _turn(decoded):
    """Function of an array (H, W, ...) that turns and mirrors it as the frame's display matrix says.

    The matrix takes (x, y) to (a x + c y, b x + d y). Its angle is rounded to a quarter turn.
    """
    stored = decoded.side_data.get(Type.DISPLAYMATRIX)
    if stored is None:
        return lambda pixels: pixels
    a, b, _, c, d = np.frombuffer(bytes(stored), np.int32)[:5].tolist()
    is_quarter = abs(b) + abs(c) > abs(a) + abs(d)
    along_x, along_y = (c, b) if is_quarter else (a, d)
    ways = slice(None, None, -1 if along_y < 0 else 1), slice(None, None, -1 if along_x < 0 else 1)
    return lambda pixels: (pixels.swapaxes(0, 1) if is_quarter else pixels)[ways]


def _stretched(luma):
    """Scale luma 16 to 235 to gray 0 to 255. Four times as fast as a lookup table."""
    above = (np.clip(luma, _BLACK, _WHITE) - _BLACK).astype(np.uint16)
    return ((above * 298 + 128) >> 8).astype(np.uint8)  # 298 / 256 = 255 / 219


def read_frames(path):
    """Decode a video from its first frame: yields `Frame`. One frame is in memory at a time.

    Frame i must belong to pose i, so frames are never skipped by seeking, which is inexact in many files. One
    thread decodes, because the recordings are already spread over the cores. A truncated video ends early
    without an error, so count the frames or see `read_packets`.

    A `UserError` if the file is missing or not a video, or its pixels are far from square; if decoding fails
    or the size changes, with the number of frames decoded.
    """
    count, first = 0, None
    with _opened(path) as (container, stream):
        ratio = _pixel_ratio(path, stream)
        try:
            for decoded in _decoded(container, stream):
                frame = Frame(decoded, round(ratio * decoded.width))
                first = first or frame.shape
                if frame.shape != first:
                    raise UserError(f"{path}: the size changes after {count} frames; convert it to one size")
                yield frame
                count += 1
        except av.FFmpegError as error:
            of = f" of {stream.frames}" if stream.frames else ""
            raise UserError(
                f"{path}: damaged, decoding ends after {count} frames{of} ({error.strerror}); "
                "extract it again, or remove it to skip the recording"
            ) from error


def _decoded(container, stream):
    """Yield the decoded frames of a stream, with alpha where the stream has it."""
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    decoder = _WITH_ALPHA.get(stream.codec_context.name)
    if tags.get("alpha_mode") != "1" or decoder not in av.codec.codecs_available:
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)
        return
    context = av.CodecContext.create(decoder, "r")
    context.thread_count = 1
    for packet in container.demux(stream):
        yield from context.decode(packet if packet.size else None)


def _pixel_ratio(path, stream):
    """Width of a pixel as it is to be shown, divided by its height: 1, or a Fraction."""
    ratio = stream.sample_aspect_ratio or 1  # 0 or None where the header does not say
    if not 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
        raise UserError(f"{path}: its pixels are {float(ratio):g} times as wide as high; make them square")
    return ratio if abs(ratio - 1) > _SQUARE else 1


def count_frames(path):
    """Number of frames according to the header, or None if the header does not say.

    A damaged video holds fewer. Raises `UserError` if the file is missing or not a video.
    """
    with _opened(path) as (_, stream):
        return stream.frames or None


def frame_rate(path):
    """Frames per second of the header, or 25 if it names none: Fraction. Raises as `count_frames`."""
    with _opened(path) as (_, stream):
        return stream.average_rate or Fraction(25)


@contextlib.contextmanager
def _opened(path, **options):
    """Yield a video's container and its first stream of pictures, which has a decoder and a size."""
    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        # FFmpeg takes what precedes a colon in a relative path for a protocol.
        container = av.open(os.path.abspath(path), options=options, **_ANY_TAGS)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error
    with container:
        if not container.streams.video:
            raise UserError(f"{path}: holds no video")
        stream = container.streams.video[0]
        # A damaged header names no codec, and a stream without one has no attribute of a picture.
        if stream.codec_context is None or not (stream.width and stream.height):
            raise UserError(
                f"{path}: its video has no known codec or no size; extract it again, or convert it"
            )
        yield container, stream


def _unreadable(path, error):
    return UserError(f"{path}: cannot be read as a video ({error.strerror}); extract it again")


@dataclass(frozen=True)
class Packets:
    """Frames and size of a video file."""

    frames: int  # complete coded frames in the file; fewer than promised in a truncated file
    promised: int  # frames according to the header, 0 if it does not say
    rows: int  # px, as it is to be shown before it is turned
    columns: int


def read_packets(path):
    """Count a video's frames by its packets, as `Packets`; only decoding finds damage inside a packet.

    A `UserError` if the file is missing or not a video, or its packets cannot be read.
    """
    # The header also counts the frames that an edit list hides.
    with _opened(path, ignore_editlist="1") as (container, stream):
        try:
            # The last packet is empty: it flushes the decoder. FFmpeg marks a truncated packet as corrupt.
            frames = sum(packet.size > 0 and not packet.is_corrupt for packet in container.demux(stream))
        except av.FFmpegError as error:
            raise _unreadable(path, error) from error
        columns = round(_pixel_ratio(path, stream) * stream.width)
        return Packets(frames, stream.frames, stream.height, columns)


@contextlib.contextmanager
def video_writer(path, rows, columns, rate):
    """Yield a function that appends one frame, (H, W, 3) uint8, RGB, to a video, whose path ends in ``.mp4``.

    `rows` H and `columns` W are even; `rate` (int or Fraction) is in frames per second.
    """
    try:
        with whole(path) as temporary, av.open(os.path.abspath(temporary), "w") as container:
            stream = _video_stream(container, rows, columns, rate)
            yield lambda frame: container.mux(
                stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
            )
            container.mux(stream.encode())
    except av.FFmpegError as error:  # such as a full disk; PyAV's errors cannot be pickled
        raise OSError(error.errno, error.strerror, str(path)) from error


def _video_stream(container, rows, columns, rate):
    """A single-threaded stream, because recordings are spread over the cores."""
    if "libx264" in av.codec.codecs_available:
        options = {"preset": "superfast", "crf": "20", "threads": "1"}
        stream = container.add_stream("libx264", rate=rate, options=options)
    else:  # a build of FFmpeg without x264 still has MPEG-4 part 2
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate = 4_000_000
    stream.width, stream.height, stream.pix_fmt = columns, rows, "yuv420p"
    return stream
