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

INIT = "runs/detection"
# Settings that a resumed run may be given anew: they decide when it ends, not how it goes on.
CHANGEABLE = ("training.epochs", "training.patience")


def parser(task, description):
    """The command line that both training commands share."""
    result = argparse.ArgumentParser(
        prog=f"python -m pose3d.train_{task}",
        description=description,
        epilog="Settings, their defaults and meanings: pose3d/config.py; examples: experiments/*.toml.",
    )
    add = result.add_argument
    add(
        "--data",
        help=f"folder of the built files (default: {settings.built_folder()}; with --resume: the run's own)",
    )
    add(
        "--out",
        help="run folder; an older run there is moved to OUT.1, OUT.2, ... (default: "
        f"runs/{task}; with --resume CHECKPOINT: the folder of the checkpoint)",
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
        help="continue the run in --out, or that of the named checkpoint, with its own settings; the result "
        f"is bit for bit that of an uninterrupted run; --set {CHANGEABLE[0]}=N gives it more epochs",
    )
    add(
        "--monitor-test",
        action="store_true",
        help="also score the test subject after every epoch (the report's figure 5(b)); it chooses nothing",
    )
    return result


def train(task_type, arguments, ranks, plot=None):
    """Train a network as the command line asks.

    `arguments` are what `parser` parsed, and for regression ``init``; `plot` is as for `RunFolder`. A
    `UserError` if a run that is resumed is asked to change; raises as `open_split`, `checkpoint.load` and
    `fit`.
    """
    out = _run_folder(task_type.name, arguments)
    with contextlib.ExitStack() as stack:
        if arguments.resume:  # locked first, since a running run's checkpoint changes
            stack.enter_context(_locked(out, ranks, create=False))
        else:
            files_of_older_run(out)  # refused before the data are read, and before a lock is there
        config, resumed = _settings(task_type.name, arguments, out)
        folder, monitor_test = _data_folder(arguments, resumed, out), arguments.monitor_test
        if resumed:
            monitor_test |= resumed.flags["monitor_test"]
        choice = config.data
        if ranks.size > 1 and choice.memory == "auto":
            # Each rank would hold all samples, though it needs only its share of each minibatch.
            choice = msgspec.structs.replace(choice, memory="stream")
        data, split = open_split(folder, choice, monitor_test)
        task = task_type.create(config, data, split, ranks)
        lines = []
        if resumed:
            task.init = resumed.flags["init"]
        else:
            lines = task.start(getattr(arguments, "init", None) or INIT, split)
        ranks.everyones(None)  # have read what they need: an older run in --out may be it
        if not resumed:
            stack.enter_context(_locked(out, ranks))
        run = _open_run(out, config, resumed, ranks, plot)
        for line in lines:
            run.log(line)
        best = fit(task, split, run, monitor_test, resumed)
        run.log(f"{task.summary(best)}; weights in {run.folder}")


def _run_folder(task, arguments):
    """The folder of the run; a UserError if a checkpoint is named that lies in another than --out."""
    if not isinstance(arguments.resume, str):
        return Path(arguments.out or f"runs/{task}")
    named = Path(arguments.resume)
    folder = named if named.is_dir() else named.parent
    if arguments.out and Path(arguments.out).resolve() != folder.resolve():
        raise UserError(
            f"--resume {named} continues the run in {folder}, not one in {arguments.out}: omit --out, or "
            "copy the folder and resume the copy"
        )
    return folder


def _locked(folder, ranks, create=True):
    """The lock of a run folder, which only rank 0 holds."""
    if ranks.rank or not (create or folder.is_dir()):
        return contextlib.nullcontext()
    return exclusive(folder)


def _data_folder(arguments, resumed, out):
    """The folder of the data; a resumed run has its own."""
    if arguments.data or not resumed:
        return arguments.data or settings.built_folder()
    folder = resumed.flags["data"]
    if not Path(folder).is_dir():
        raise UserError(f"{folder}, the data of the run in {out}, is gone: say with --data where it is now")
    return folder


def _settings(task, arguments, out):
    """The settings of the run, and the checkpoint that it is resumed from, or None."""
    if not arguments.resume:
        return settings.load(task, arguments.config, arguments.set), None
    found = checkpoint.load(out if arguments.resume is True else arguments.resume, task)
    asked = settings.load(task, arguments.config, arguments.set, base=found.config)
    for key, own, other in settings.differences(found.config, asked):
        # Where the rate decays, all rates depend on the number of epochs.
        if key not in CHANGEABLE or (key == CHANGEABLE[0] and found.config.training.decay):
            raise UserError(
                f"--resume: {key} is {own!r} in the run in {out}, not {other!r}; omit it, or start a new run"
            )
    init = getattr(arguments, "init", None)
    own = found.flags["init"]["path"] if found.flags["init"] else "none"
    if init and init != own:
        raise UserError(f"--resume: the run in {out} began with --init {own}, not {init}; omit it")
    return asked, found


def _open_run(out, config, resumed, ranks, plot):
    """The run folder: a new one, or that of the run that is resumed. Only rank 0 writes there."""
    writes = ranks.rank == 0
    run = (RunFolder.open if resumed else RunFolder.create)(out, config, plot, writes)
    if ranks.size > 1:
        threads = os.environ.get("NUMBA_NUM_THREADS", "as many as cores")
        run.log(f"{ranks.size} ranks share every minibatch; threads of each: {threads}")
    if resumed is not None:
        run.log(f"resuming in epoch {resumed.progress.epoch} after {resumed.progress.step} steps")
        if resumed.versions != versions_line():
            run.log(f"with {versions_line()}, before with {resumed.versions}: the bits may differ")
    return run
