"""Read the input of predictions: an image file, a folder of images, or a video."""

from pathlib import Path

from pose3d.errors import UserError
from pose3d.io.images import LazyPicture, Picture, list_images
from pose3d.io.video import count_frames, read_frames, read_packets

VIDEOS = (
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv",
    ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mpv", ".mts", ".mxf", ".ogg", ".ogm", ".ogv", ".qt", ".ts",
    ".vob", ".webm", ".wmv", ".y4m",
)  # fmt: skip


def is_video(path):
    """Whether the name of a path ends as that of a video, and it is no folder."""
    path = Path(path)
    return path.suffix.lower() in VIDEOS and not path.is_dir()


def read_pictures(source):
    """Yield pictures one at a time: of an image file, of a folder (sorted by name), or of a video.

    Images are `LazyPicture`, so that those after a damaged one can be read. A `UserError` if there are none;
    where a video is damaged, and at the end of one that is cut short.
    """
    source = Path(source)
    if source.is_dir():
        yield from map(LazyPicture, list_images(source)[0])
    elif is_video(source):
        yield from _frames(source)
    else:
        yield LazyPicture(source)


def _frames(video):
    number = -1
    for number, frame in enumerate(read_frames(video)):
        yield Picture(str(number), frame.rgb(), frame.alpha)
    if number < 0:
        raise UserError(f"{video}: holds no frame; give another video")
    if number + 1 < (count_frames(video) or 0):
        packets = read_packets(video)
        if packets.frames < packets.promised:
            raise UserError(
                f"{video}: cut short, holds {number + 1} of {packets.promised} frames; copy it again"
            )
