"""What both training commands share: the command line, settings, data, run folder."""

import argparse
import contextlib
import os
from pathlib import Path

import msgspec

from pose3d import config as settings
from pose3d.dataset.splits import open_split
from pose3d.errors import UserError
from pose3d.io.atomic_files import exclusive
from pose3d.training import checkpoint
from pose3d.training.loop import fit
from pose3d.training.run_folder import RunFolder, files_of_older_run, versions_line

DATA = "data/walking"


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
    )
    add = result.add_argument
    add("--data", help=f"folder of the built files (default: {DATA}; with --resume: the run's own)")
    add(
        "--out",
        default=f"runs/{task}",
        help=f"run folder; an older run there is moved to OUT.1, OUT.2, ... (default: runs/{task})",
    )
    add("--config", metavar="TOML", help="settings file")
    add(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one setting; repeatable",
    )
    add(
        "--resume",
        nargs="?",
        const=True,
        metavar="CHECKPOINT",
        help="continue the run in --out with its own settings, from its last checkpoint or from the named "
        "one; the result is bit for bit that of an uninterrupted run",
    )
    add(
        "--monitor-test",
        action="store_true",
        help="also score the test subject after every epoch (the report's figure 5(b)); it chooses nothing",
    )
    return result


def train(task_type, arguments, ranks, plot=None):
    """Train a network as the command line asks.

    Parameters
    ----------
    task_type : subclass of pose3d.training.tasks.Task
    arguments : what `parser` parsed, and for regression ``init``
    ranks : pose3d.io.ranks.Alone or Ranks
    plot : as for `RunFolder`

    Raises
    ------
    UserError
        If settings are given to a run that is resumed; as `open_split`, `checkpoint.load` and `fit` do.
    """
    with contextlib.ExitStack() as stack:
        if arguments.resume:  # locked first, since a running run's checkpoint changes
            stack.enter_context(_locked(arguments.out, ranks, create=False))
        else:
            files_of_older_run(arguments.out)  # refused before the data are read, and before a lock is there
        config, resumed = _settings(task_type.name, arguments)
        folder, monitor_test = _flags(arguments, resumed)
        choice = config.data
        if ranks.size > 1 and choice.memory == "auto":
            # Each rank would hold all samples, though it needs only its share of each minibatch.
            choice = msgspec.structs.replace(choice, memory="stream")
        data, split = open_split(folder, choice, monitor_test)
        task = task_type.create(config, data, split, ranks)
        lines = [] if resumed else task.start(getattr(arguments, "init", "none"), split)
        ranks.everyones(None)  # have read what they need: an older run in --out may be it
        if not resumed:
            stack.enter_context(_locked(arguments.out, ranks))
        run = _open_run(arguments.out, config, resumed, ranks, plot)
        for line in lines:
            run.log(line)
        best = fit(task, split, run, monitor_test, resumed)
        run.log(f"{task.summary(best)}; weights in {run.folder}")


def _locked(folder, ranks, create=True):
    """The lock of a run folder, which only rank 0 holds."""
    folder = Path(folder)
    if ranks.rank or not (create or folder.is_dir()):
        return contextlib.nullcontext()
    return exclusive(folder)


def _flags(arguments, resumed):
    """The folder of the data and whether to score the test subject; a resumed run has its own."""
    own = resumed.flags if resumed else {"data": None, "monitor_test": False}
    return arguments.data or own["data"] or DATA, arguments.monitor_test or own["monitor_test"]


def _settings(task, arguments):
    """The settings of the run, and the checkpoint that it is resumed from, or None."""
    if not arguments.resume:
        return settings.load(task, arguments.config, arguments.set), None
    if arguments.config or arguments.set:
        raise UserError("--resume continues with the settings of the run: omit --config and --set")
    resumed = checkpoint.load(arguments.out if arguments.resume is True else arguments.resume, task)
    return resumed.config, resumed


def _open_run(out, config, resumed, ranks, plot):
    """The run folder: a new one, or that of the run that is resumed. Only rank 0 writes there."""
    writes = ranks.rank == 0
    run = RunFolder(out, plot, writes) if resumed else RunFolder.create(out, config, plot, writes)
    if ranks.size > 1:
        threads = os.environ.get("NUMBA_NUM_THREADS", "as many as cores")
        run.log(f"{ranks.size} ranks share every minibatch; threads of each: {threads}")
    if resumed is not None:
        run.log(f"resuming in epoch {resumed.progress.epoch} after {resumed.progress.step} steps")
        if resumed.versions != versions_line():
            run.log(f"with {versions_line()}, before with {resumed.versions}: the bits may differ")
    return run
