"""Videos, written frame by frame."""

import contextlib

import av

from pose3d.io.atomic_files import whole
from pose3d.recordings.human36m import FRAMES_PER_SECOND


@contextlib.contextmanager
def video_writer(path, rows, columns, rate=FRAMES_PER_SECOND):
    """Yield a function that appends one frame to a video.

    Parameters
    ----------
    path : path ending in ``.mp4``; the function takes an (H, W, 3) uint8 array, RGB
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
    except av.FFmpegError as error:  # such as a full disk; PyAV's own errors cannot cross processes
        raise OSError(error.errno, error.strerror, str(path)) from error


def _video_stream(container, rows, columns, rate):
    """One single-threaded stream: recordings, not frames, are spread over the cores where there are many."""
    if "libx264" in av.codec.codecs_available:
        options = {"preset": "superfast", "crf": "20", "threads": "1"}
        stream = container.add_stream("libx264", rate=rate, options=options)
    else:  # a build of FFmpeg without x264 still has MPEG-4 part 2
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate = 4_000_000
    stream.width, stream.height, stream.pix_fmt = columns, rows, "yuv420p"
    return stream
