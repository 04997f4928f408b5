"""``python -m pose3d.synthetic``: write the built-in data set as a raw Human3.6M tree."""

import argparse
import sys

from pose3d.errors import command
from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic import FRAMES, IMAGE_SIZE, generate


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.synthetic",
        description="Write procedural walkers, or bodies driven by motion capture, as a raw Human3.6M tree: "
        "videos, poses, boxes, masks. A second run writes only what is missing.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--out", default="data/synthetic", metavar="FOLDER", help="where to write the tree")
    add(
        "--frames",
        type=int,
        metavar="N",
        help=f"poses per recording, 50 per second; None: {FRAMES}, or with --motion all that there are",
    )
    add("--subjects", nargs="+", default=list(SUBJECTS), metavar="S", help="whom to write")
    add("--actions", nargs="+", default=["Walking"], metavar="A", help="without --motion, names only")
    add("--image-size", type=int, default=IMAGE_SIZE, metavar="PX", help="columns; Human3.6M's are 1000")
    add("--seed", type=int, default=0, metavar="N", help="of everything that is drawn by lot")
    add("--workers", type=int, default=None, metavar="N", help="processes; None: one per core")
    add("--motion", metavar="FOLDER", help="BVH files that drive the bodies; None: they walk")
    add("--joint-map", metavar="FILE", help="TOML or JSON: names of the joints in unusual BVH files")
    return parser


@command
def main(argv=None):
    """Parse, generate, say where."""
    options = vars(_parser().parse_args(argv))
    out = generate(**options)
    if options["motion"] is None:
        print(f"wrote the synthetic walkers to {out}")
    else:
        print(
            f"wrote the synthetic bodies to {out}; synthetic.json there says which BVH file drives which take"
        )


if __name__ == "__main__":
    sys.exit(main())
