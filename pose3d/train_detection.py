"""Train the joint detection network: 17 joints in 10 x 10 windows, cross-entropy."""

import sys

from pose3d.errors import command
from pose3d.io.ranks import world
from pose3d.report import draw_curve
from pose3d.training.setup import Options, train
from pose3d.training.tasks import DetectionTask
from pose3d.training_parser import training_parser


@command
def main(argv=None):
    with world() as ranks:
        words = training_parser("detection", __doc__).parse_args(argv)
        train(DetectionTask, Options(**vars(words)), ranks, draw_curve)


if __name__ == "__main__":
    sys.exit(main())
