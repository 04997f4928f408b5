"""Train the pose regression network on the detection network's conv1-3: 51 coordinates, squared error."""

import sys

from pose3d.errors import command
from pose3d.io.ranks import world
from pose3d.report import draw_curve
from pose3d.training.setup import INIT, Options, train
from pose3d.training.tasks import RegressionTask
from pose3d.training_parser import training_parser


@command
def main(argv=None):
    parser = training_parser("regression", __doc__)
    parser.add_argument(
        "--init",
        metavar="RUN",
        help=f"run folder or weights file to take conv1-3 from (default: {INIT}), or of a regression network "
        "all layers, to train it further; none: random weights",
    )
    with world() as ranks:
        train(RegressionTask, Options(**vars(parser.parse_args(argv))), ranks, draw_curve)


if __name__ == "__main__":
    sys.exit(main())
