"""``python -m pose3d.synthetic``: write the synthetic data set as a raw Human3.6M tree."""

import argparse
import sys

from pose3d.errors import command
from pose3d.recordings.human36m import SUBJECTS
from pose3d.synthetic.tree.writer import FRAMES, IMAGE_SIZE, generate


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.synthetic",
        description="Write procedural walkers, or bodies driven by motion capture, as a raw Human3.6M tree: "
        "videos, poses, boxes, masks. A second run writes only what is missing.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    # fmt: off
    add("--out", default="data/synthetic", metavar="FOLDER", help="output folder")
    add("--frames", type=int, metavar="N",
        help=f"poses per recording, at 50 per second; None: {FRAMES}, or with --motion all of the file")
    add("--subjects", nargs="+", default=list(SUBJECTS), metavar="S", help="subjects to write")
    add("--actions", nargs="+", default=["Walking"], metavar="A",
        help="actions; without --motion all are walking")
    add("--image-size", type=int, default=IMAGE_SIZE, metavar="PX",
        help="width of a frame in px; Human3.6M: 1000")
    add("--seed", type=int, default=0, metavar="N", help="seed of the random generators")
    add("--workers", type=int, metavar="N", help="number of processes; None: one per core")
    add("--motion", metavar="FOLDER", help="folder of BVH files that drive the bodies; None: procedural walk")
    add("--joint-map", metavar="FILE",
        help="TOML or JSON file that names the joints of unusual BVH skeletons")
    # fmt: on
    return parser


@command
def main(argv=None):
    """Write the tree and print its path."""
    options = vars(_parser().parse_args(argv))
    out = generate(**options)
    if options["motion"] is None:
        print(f"wrote the synthetic walkers to {out}")
    else:
        print(f"wrote the synthetic bodies to {out}; synthetic.json lists the BVH file of each take")


if __name__ == "__main__":
    sys.exit(main())
