"""Train the joint detection network: 17 joints in 10 x 10 windows, cross-entropy."""

import sys

from pose3d.errors import command
from pose3d.io.ranks import world
from pose3d.report import draw_curve
from pose3d.training.setup import parser, train
from pose3d.training.tasks import DetectionTask


@command
def main(argv=None):
    with world() as ranks:
        train(DetectionTask, parser("detection", __doc__).parse_args(argv), ranks, draw_curve)


if __name__ == "__main__":
    sys.exit(main())
