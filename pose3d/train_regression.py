"""Train the pose regression network on the detection network's conv1-3: 51 coordinates, squared error."""

import sys

from pose3d.errors import command
from pose3d.io.ranks import world
from pose3d.report import draw_curve
from pose3d.training.setup import INIT, parser, train
from pose3d.training.tasks import RegressionTask


@command
def main(argv=None):
    options = parser("regression", __doc__)
    options.add_argument(
        "--init",
        metavar="RUN",
        help=f"run folder or weights file to take conv1-3 from (default: {INIT}); none: random weights",
    )
    with world() as ranks:
        train(RegressionTask, options.parse_args(argv), ranks, draw_curve)


if __name__ == "__main__":
    sys.exit(main())
