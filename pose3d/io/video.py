"""Read and write videos frame by frame, and count frames without decoding."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from pose3d.errors import UserError
from pose3d.io.atomic_files import whole

# Pixel formats whose first plane is the luma, one byte a pixel.
_PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
_FULL_RANGE = ("yuvj420p", "yuvj422p", "yuvj444p", "gray")
# Color spaces whose luma is the gray of ITU-R 601. Decoders assume one of them if the video names none.
_UNSPECIFIED, _SMPTE_170M = 2, 6  # numbers of the standard H.273, missing from PyAV's enumeration
_ITU_601 = (_UNSPECIFIED, Colorspace.ITU601, _SMPTE_170M)
_BLACK, _WHITE = 16, 235  # luma


class Frame:
    """One decoded frame. Only the requested part is converted.

    Attributes
    ----------
    shape : (H, W)
    """

    def __init__(self, decoded):
        self._decoded = decoded
        self.shape = decoded.height, decoded.width

    def gray(self, box):
        """Gray levels (ITU-R 601) of a part of the frame.

        Parameters
        ----------
        box : (x0, y0, x1, y1), px, half-open, within the frame

        Returns
        -------
        (y1 - y0, x1 - x0) uint8 array, 0 to 255
        """
        x0, y0, x1, y1 = box
        if self._luma_is_gray():
            plane = self._decoded.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[y0:y1, x0:x1]
            return luma.copy() if self._is_full_range() else _stretched(luma)
        return np.asarray(Image.fromarray(self.rgb()[y0:y1, x0:x1]).convert("L"))

    def rgb(self):
        """The whole frame in RGB: (H, W, 3) uint8 array."""
        return self._decoded.to_ndarray(format="rgb24")

    def _luma_is_gray(self):
        name = self._decoded.format.name
        return name in _PLANAR and (name == "gray" or self._decoded.colorspace in _ITU_601)

    def _is_full_range(self):
        return self._decoded.format.name in _FULL_RANGE or self._decoded.color_range == ColorRange.JPEG


def _stretched(luma):
    """Scale luma 16 to 235 to gray 0 to 255. Four times as fast as a lookup table."""
    above = (np.clip(luma, _BLACK, _WHITE) - _BLACK).astype(np.uint16)
    return ((above * 298 + 128) >> 8).astype(np.uint8)  # 298 / 256 = 255 / 219


def read_frames(path):
    """Decode a video from its first frame. One frame is in memory at a time.

    Frame i must belong to pose i, so frames are never skipped by seeking, which is inexact in many files. One
    thread decodes, because the recordings are already spread over the cores.

    Parameters
    ----------
    path : path of a video file

    Yields
    ------
    Frame; a truncated video ends early without an error, so count the frames

    Raises
    ------
    UserError
        if the file is missing or not a video; if decoding fails, with the number of frames decoded
    """
    count = 0
    with _open(path) as container:
        container.streams.video[0].codec_context.thread_count = 1
        try:
            for decoded in container.decode(video=0):
                yield Frame(decoded)
                count += 1
        except av.FFmpegError as error:
            raise UserError(
                f"{path}: damaged, decoding ends after {count} frames ({error.strerror}); "
                "extract it again, or remove it to skip the recording"
            ) from error


def count_frames(path):
    """Number of frames according to the header, or None if the header does not say.

    A damaged video holds fewer. Raises `UserError` if the file is missing or not a video.
    """
    with _open(path) as container:
        return container.streams.video[0].frames or None


def frame_rate(path):
    """Frames per second according to the header: Fraction, or None. Raises as `count_frames`."""
    with _open(path) as container:
        return container.streams.video[0].average_rate


def _open(path):
    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        container = av.open(str(path))
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error
    if not container.streams.video:
        container.close()
        raise UserError(f"{path}: holds no video")
    return container


def _unreadable(path, error):
    return UserError(f"{path}: cannot be read as a video ({error.strerror}); extract it again")


@dataclass(frozen=True)
class Packets:
    """Frames and size of a video file.

    Attributes
    ----------
    frames : int, complete coded frames in the file; fewer than promised in a truncated file
    promised : int, frames according to the header, 0 if it does not say
    rows, columns : int, px
    """

    frames: int
    promised: int
    rows: int
    columns: int


def read_packets(path):
    """Count the frames of a video by its packets, without decoding.

    Damage inside a packet is found only by decoding.

    Parameters
    ----------
    path : path of a video file

    Returns
    -------
    Packets

    Raises
    ------
    UserError
        if the file is missing or not a video, or its packets cannot be read
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        try:
            # The last packet is empty: it flushes the decoder. FFmpeg marks a truncated packet as corrupt.
            frames = sum(packet.size > 0 and not packet.is_corrupt for packet in container.demux(stream))
        except av.FFmpegError as error:
            raise _unreadable(path, error) from error
        return Packets(frames, stream.frames, stream.height, stream.width)


@contextlib.contextmanager
def video_writer(path, rows, columns, rate):
    """Yield a function that appends one frame to a video.

    Parameters
    ----------
    path : path ending in ``.mp4``; the yielded function takes an (H, W, 3) uint8 array, RGB
    rows, columns : int, H and W, both even
    rate : int or Fraction, frames per second
    """
    try:
        with whole(path) as temporary, av.open(str(temporary), "w") as container:
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
