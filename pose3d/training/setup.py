"""What both training commands begin with: the command line, settings, data, and the run folder."""

import argparse
import dataclasses
import os

import numpy as np

from pose3d import config as settings
from pose3d.dataset.samples import Dataset
from pose3d.dataset.splits import split
from pose3d.errors import UserError
from pose3d.io.ranks import ALONE
from pose3d.training import checkpoint
from pose3d.training.run_folder import Run, SilentRun, versions_line


def parser(task, description):
    """The command line that both training commands share.

    Parameters
    ----------
    task : "detection" or "regression"
    """
    result = argparse.ArgumentParser(
        prog=f"python -m pose3d.train_{task}",
        description=description,
        epilog="Settings, their defaults and meanings: pose3d/config.py; examples: experiments/*.toml.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument("--data", default="data/walking", help="folder of the built files")
    result.add_argument("--out", default=f"runs/{task}", help="run folder; an older run there is set aside")
    result.add_argument("--config", metavar="TOML", help="settings file")
    result.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one setting; repeatable",
    )
    result.add_argument(
        "--resume",
        nargs="?",
        const=True,
        metavar="CHECKPOINT",
        help="go on where the run in --out stopped, with its settings, to the same bits as without a stop "
        "(from that checkpoint file: an older one)",
    )
    result.add_argument(
        "--monitor-test",
        action="store_true",
        help="score the test subject after every epoch, too (the report's figure 5(b)); it chooses nothing",
    )
    return result


def load_data(arguments, task, ranks=ALONE):
    """What both commands begin with.

    Parameters
    ----------
    arguments : what `parser` parsed
    task : "detection" or "regression"
    ranks : pose3d.io.ranks.Alone or Ranks

    Returns
    -------
    Config, Dataset, Split, and Checkpoint or None

    Raises
    ------
    UserError
        If settings are given to a run that goes on with its own; and as `open_data` and
        `pose3d.training.checkpoint.load` do.
    """
    resumed = None
    if arguments.resume:
        if arguments.config or arguments.set:
            raise UserError("--resume goes on with the settings of the run: leave out --config and --set")
        resumed = checkpoint.load(arguments.out if arguments.resume is True else arguments.resume, task)
    config = resumed.config if resumed else settings.load(task, arguments.config, arguments.set)
    choice = config.data
    if ranks.size > 1 and choice.memory == "auto":
        # Each rank would hold all samples, though it takes its share of a minibatch, another one each epoch.
        choice = dataclasses.replace(choice, memory="stream")
    return config, *open_data(arguments.data, choice, arguments.monitor_test), resumed


def open_run(arguments, config, resumed, ranks=ALONE):
    """The run folder: a new one, or that of the run that goes on; only rank 0 writes there."""
    ranks.everyones(None)  # have read what they need: an older run under the same name may be it
    if ranks.rank:
        return SilentRun(arguments.out)
    run = Run(arguments.out, config) if resumed is None else Run.reopen(arguments.out)
    if ranks.size > 1:
        threads = os.environ.get("NUMBA_NUM_THREADS", "as many as cores")
        run.say(f"{ranks.size} ranks share every minibatch; threads of each: {threads}")
    if resumed is None:
        return run
    run.say(f"going on in epoch {resumed.progress.epoch} after {resumed.progress.step} steps")
    if resumed.versions != versions_line():
        run.say(f"with {versions_line()}, before with {resumed.versions}: the bits may differ")
    return run


def open_data(folder, choice, needs_test):
    """The built files of a folder and their split.

    Parameters
    ----------
    folder : path
    choice : pose3d.config.DataSettings
    needs_test : bool, whether having nothing to test with is an error

    Returns
    -------
    Dataset, Split

    Raises
    ------
    UserError
        As `Dataset.open` and `split` do, and if the test subject is wanted and not there.
    """
    data = Dataset.open(folder, memory=choice.memory)
    chosen = split(data, choice.validation, choice.test, np.random.default_rng(choice.seed))
    if needs_test and not len(chosen.test):
        raise UserError(
            f"{folder} holds nothing of {', '.join(choice.test)}, the test subject: build it, too"
        )
    return data, chosen
