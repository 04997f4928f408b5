"""The command line that both training commands share."""

import argparse

from pose3d.config import built_folder
from pose3d.training.setup import CHANGEABLE


def training_parser(task, description):
    """A parser of the fields of `pose3d.training.setup.Options`, but for ``init``."""
    result = argparse.ArgumentParser(
        prog=f"python -m pose3d.train_{task}",
        description=description,
        epilog="Settings, their defaults and meanings: pose3d/config.py; examples: experiments/*.toml.",
    )
    add = result.add_argument
    add("--data", help=f"folder of the built files (default: {built_folder()}; with --resume: the run's own)")
    add(
        "--out",
        help="run folder; an older run there is moved to OUT.1, OUT.2, ... (default: "
        f"runs/{task}; with --resume CHECKPOINT: the folder of the checkpoint)",
    )
    add("--config", metavar="TOML", help="settings file")
    # fmt: off
    add("--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE",
        help="override one setting; repeatable")
    add("--resume", nargs="?", const=True, metavar="CHECKPOINT",
        help="continue the run in --out, or that of the named checkpoint, with its own settings; the result "
        f"is bit for bit that of an uninterrupted run; --set {CHANGEABLE[0]}=N gives it more epochs")
    add("--monitor-test", action="store_true",
        help="also score the test subject after every epoch (the report's figure 5(b)); it chooses nothing")
    # fmt: on
    return result
