"""Videos, decoded one frame after the other."""

from pathlib import Path

import av

from pose3d.errors import UserError


def read_frames(path):
    """Decode a video from its first frame on; one frame is in memory at a time.

    Frame i belongs to pose i: seeking is avoided because it is inexact in many files.

    Parameters
    ----------
    path : path of a video file

    Yields
    ------
    (H, W, 3) uint8 array, RGB. A video that merely ends early just ends: the caller counts.

    Raises
    ------
    UserError
        if the file is absent or no video, or where decoding fails, naming the frame
    """
    count = 0
    with _open(path) as container:
        try:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
                count += 1
        except av.FFmpegError as error:
            raise UserError(
                f"{path}: damaged, decoding ends after {count} frames ({error.strerror}); "
                "extract it again, or remove it to leave the recording out"
            ) from error


def count_frames(path):
    """The number of frames that the video's header promises, or None where it says nothing.

    A hint for progress bars: a damaged video holds fewer. Raises `UserError` as `read_frames` does.
    """
    with _open(path) as container:
        return container.streams.video[0].frames or None


def _open(path):
    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        container = av.open(str(path))
    except av.FFmpegError as error:
        raise UserError(f"{path}: cannot be read as a video ({error.strerror}); extract it again") from error
    if not container.streams.video:
        container.close()
        raise UserError(f"{path}: holds no video")
    return container
