"""Make a data set whose images stay for several frames while the pose goes on, as in the original's data.

    python experiments/repeat_frames.py --data data/walking --times 12

The report saw its network predict nearly the same pose for about 12 frames in a row; its published
predictions are equal over runs of exactly 12, so that the network must have seen each image 12 times.
"""

import argparse
import sys
from pathlib import Path

from pose3d.dataset.built_files import built_path, read_blocks, read_provenance, write_samples
from pose3d.dataset.samples import built_files
from pose3d.errors import UserError, command


def repeated(parts, times):
    """Samples whose images stay for `times` frames of a video; poses and 2D joints are each frame's own.

    Parameters
    ----------
    parts : iterable of parts of `pose3d.dataset.built_files.write_samples`, by take, camera, frame
    times : int

    Yields
    ------
    the parts, changed
    """
    video, held, shown = None, None, 0
    for part in parts:
        for image, *current in zip(part["images"], part["take"], part["camera"], strict=True):
            if current != video or shown == times:
                video, held, shown = current, image.copy(), 0
            image[:] = held
            shown += 1
        yield part


def repeat(data, out, times):
    """Write `data`'s built files with repeated images to `out`; files that are there are kept."""
    paths = built_files(data)
    if not paths:
        raise UserError(f"{data} holds no built file; run build_dataset --out {data}")
    for path in paths:
        action, subject = path.stem.rsplit("-", 1)
        new = built_path(out, action, subject)
        if not new.exists():
            provenance = read_provenance(path) | {"images repeated": times}
            write_samples(new, action, subject, repeated(read_blocks(path), times), provenance)


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/walking"), help="folder of the built files")
    parser.add_argument("--times", type=int, default=12, help="frames for which an image stays")
    parser.add_argument("--out", type=Path, help="folder to write; if not given, DATA-repeatedTIMES")
    arguments = parser.parse_args(argv)
    if arguments.times < 1:
        parser.error("--times must be at least 1")
    out = arguments.out or repeated_folder(arguments.data, arguments.times)
    repeat(arguments.data, out, arguments.times)
    print(f"{out}: every image of {arguments.data} for {arguments.times} frames")


def repeated_folder(data, times):
    """Where `repeat` writes by default."""
    return data.with_name(f"{data.name}-repeated{times}")


if __name__ == "__main__":
    sys.exit(main())
