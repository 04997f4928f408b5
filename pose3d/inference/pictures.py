"""Read the input of predictions: an image file, a folder of images, or a video."""

from pathlib import Path

from pose3d.errors import UserError
from pose3d.io.images import Picture, list_images, read_picture
from pose3d.io.video import read_frames

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def is_video(path):
    """Whether the name of a path ends as that of a video."""
    return Path(path).suffix.lower() in VIDEOS


def read_pictures(source):
    """Yield pictures one at a time: of an image file, of a folder (sorted by name), or of a video.

    Parameters
    ----------
    source : path

    Yields
    ------
    Picture

    Raises
    ------
    UserError
        as `pose3d.io.images.read_picture`, or if there are no pictures
    """
    source = Path(source)
    if source.is_dir():
        yield from map(read_picture, list_images(source))
    elif is_video(source):
        number = -1
        for number, frame in enumerate(read_frames(source)):
            yield Picture(str(number), frame.rgb())
        if number < 0:
            raise UserError(f"{source}: holds no frame; give another video")
    else:
        yield read_picture(source)
