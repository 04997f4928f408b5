"""``python -m pose3d.synthetic``: write the built-in data set as a raw Human3.6M tree."""

import argparse
import sys

from pose3d.errors import command
from pose3d.human36m import SUBJECTS
from pose3d.synthetic import FRAMES, IMAGE_SIZE, generate


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.synthetic",
        description="Write procedural walkers as a raw Human3.6M tree: videos, poses, boxes, masks. "
        "A second run writes only what is missing.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--out", default="data/synthetic", metavar="FOLDER", help="where to write the tree")
    add("--frames", type=int, default=FRAMES, metavar="N", help="poses per recording, 50 per second")
    add("--subjects", nargs="+", default=list(SUBJECTS), metavar="S", help="whom to write")
    add("--actions", nargs="+", default=["Walking"], metavar="A", help="file names; everybody walks")
    add("--image-size", type=int, default=IMAGE_SIZE, metavar="PX", help="columns; Human3.6M's are 1000")
    add("--seed", type=int, default=0, metavar="N", help="of everything that is drawn by lot")
    add("--workers", type=int, default=None, metavar="N", help="processes; None: one per core")
    return parser


@command
def main(argv=None):
    """Parse, generate, say where."""
    options = vars(_parser().parse_args(argv))
    out = generate(**options)
    print(f"wrote the synthetic walkers to {out}")


if __name__ == "__main__":
    sys.exit(main())
