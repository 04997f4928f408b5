"""``python -m pose3d``: the commands, or with --version the version."""

import argparse
import sys

from pose3d import __version__
from pose3d.errors import command

_COMMANDS = {
    "build_dataset": "from recordings to built files, and the check of both",
    "train_detection": "train the joint detection network",
    "train_regression": "train the pose regression network on the detection network's conv1-3",
    "test": "test a regression network on the unseen subject, or evaluate poses from files",
    "predict": "estimate the poses in images or videos",
    "synthetic": "write synthetic people as a raw Human3.6M tree",
}


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m pose3d",
        description="3D human pose from one 128 x 128 grayscale image. The commands:\n\n"
        + "\n".join(f"  python -m pose3d.{name:17} {does}" for name, does in _COMMANDS.items())
        + "\n\nEach has --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pose3d {__version__}")
    parser.parse_args(argv)
    parser.print_help()


if __name__ == "__main__":
    sys.exit(main())
