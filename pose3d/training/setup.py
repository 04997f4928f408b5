"""A training from its options: settings, data, network, run folder, and what a run is resumed from."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pose3d import config as settings
from pose3d.dataset.splits import open_split
from pose3d.errors import UserError
from pose3d.io.atomic_files import exclusive
from pose3d.io.processes import Signals
from pose3d.training import checkpoint
from pose3d.training.data_parallel import data_parallel, dropout_state
from pose3d.training.loop import fit
from pose3d.training.run_folder import RunFolder, files_of_older_run, versions_line
from pose3d.training.state import State

INIT = "runs/detection"
# Settings that a resumed run may be given anew: they decide when it ends, not how it goes on.
CHANGEABLE = ("training.epochs", "training.patience")


@dataclass(frozen=True)
class Options:
    """What a user asks of a training; None: the default, or what the run that is resumed has."""

    data: str | None = None  # folder of the built files
    out: str | None = None  # run folder
    config: str | None = None  # settings file
    overrides: tuple = ()  # of "section.key=value"
    resume: str | bool | None = None  # True: the run in `out`; or the path of a run folder or a checkpoint
    monitor_test: bool = False
    init: str | None = None  # run folder or weights file to begin with, as for `transfer`, or "none"


def train(task_type, options, ranks, plot=None):
    """Train a network, a subclass of `Task`; `plot` is as for `RunFolder`.

    A `UserError` if a run that is resumed is asked to change; raises as `open_split`, `checkpoint.load` and
    `fit`.
    """
    out = _run_folder(task_type.name, options)
    with contextlib.ExitStack() as stack:
        if options.resume:  # locked first, since a running run's checkpoint changes
            stack.enter_context(_locked(out, ranks, create=False))
        else:
            files_of_older_run(out)  # refused before the data are read, and before a lock is there
        config, resumed = _settings(task_type.name, options, out)
        monitor_test = options.monitor_test or bool(resumed and resumed.flags["monitor_test"])
        choice = config.data
        if ranks.size > 1 and choice.memory == "auto":
            # Each rank would hold all samples, though it needs only its share of each minibatch.
            choice = msgspec.structs.replace(choice, memory="stream")
        data, split = open_split(_data_folder(options, resumed, out), choice, monitor_test)
        task, lines = task_type.create(config, data, split), []
        if resumed:
            task.init = resumed.flags["init"]
        else:
            lines = task.start(options.init or INIT, split)
        ranks.everyones(None)  # have read what they need: an older run in --out may be it
        if not resumed:
            stack.enter_context(_locked(out, ranks))
        run = stack.enter_context(contextlib.closing(_open_run(out, config, resumed, ranks, plot)))
        for line in lines:
            run.log(line)
        best = _fit(data_parallel(task, ranks), split, run, resumed, monitor_test, ranks)
        run.log(f"{task.summary(best)}; weights in {run.folder}")


def _fit(task, split, run, resumed, monitor_test, ranks):
    """Call `fit`, for a new run or from a `Checkpoint`."""
    state, samples = State(task.graph), checkpoint.fingerprint(task.data, split)
    if resumed:
        _restore(resumed, state, samples, run, ranks)
    place = samples, task.config, versions_line(), state.progress.epoch, state.progress.step, state.generators
    what = "their files, settings, versions or initial weights"
    ranks.agree(what, lambda: task.graph.digest(*place))
    run.log(split.summary)
    run.log(f"cost: {task.cost_name}, mean of an epoch's steps; {task.objective}: {task.unit}")
    if not state.progress.epoch:
        run.log("compiling: some ten seconds the first time, seconds after that")
    flags = {"data": str(task.data.folder), "init": task.init, "monitor_test": monitor_test}
    about = {"task": task.name, "config": task.config, "scale": task.scale, "data": samples, "flags": flags}
    with Signals() as signals, run.curve_drawn(task):
        saver = checkpoint.Saver(state, run, signals, about, ranks.highest)
        return fit(task, split, state, run, saver, monitor_test)


def _restore(found, state, samples, run, ranks):
    """Go on from a `Checkpoint`; a UserError if it is of other samples or another network."""
    if found.data != samples:
        raise UserError(
            f"the checkpoint in {run.folder} was made with other data or another split; give the "
            "data it was made with, or start without --resume"
        )
    try:
        checkpoint.restore(found, state, dropout_state(found, ranks.rank))
    except ValueError as error:
        raise UserError(f"the checkpoint in {run.folder} is of another network: {error}") from error
    states = found.generators["dropout"]
    before = len(states) if isinstance(states, list) else 1
    if found.config.network.dropout and before != ranks.size:
        run.log(
            f"the checkpoint is of {before} ranks, now there are {ranks.size}: "
            "dropout draws other numbers than without the stop"
        )


def _run_folder(task, options):
    """The folder of the run; a UserError if a checkpoint is named that lies in another than --out."""
    if not isinstance(options.resume, str):
        return Path(options.out or f"runs/{task}")
    named = Path(options.resume)
    folder = named if named.is_dir() else named.parent
    if options.out and Path(options.out).resolve() != folder.resolve():
        raise UserError(
            f"--resume {named} continues the run in {folder}, not one in {options.out}: omit --out, or "
            "copy the folder and resume the copy"
        )
    return folder


def _locked(folder, ranks, create=True):
    """The lock of a run folder, which only rank 0 holds."""
    if ranks.rank or not (create or folder.is_dir()):
        return contextlib.nullcontext()
    return exclusive(folder)


def _data_folder(options, resumed, out):
    """The folder of the data; a resumed run has its own."""
    if options.data or not resumed:
        return options.data or settings.built_folder()
    folder = resumed.flags["data"]
    if not Path(folder).is_dir():
        raise UserError(f"{folder}, the data of the run in {out}, is gone: say with --data where it is now")
    return folder


def _settings(task, options, out):
    """The settings of the run, and the checkpoint that it is resumed from, or None."""
    if not options.resume:
        return settings.load(task, options.config, options.overrides), None
    found = checkpoint.load(out if options.resume is True else options.resume, task)
    asked = settings.load(task, options.config, options.overrides, base=found.config)
    for key, own, other in settings.differences(found.config, asked):
        # Where the rate decays, all rates depend on the number of epochs.
        if key not in CHANGEABLE or (key == CHANGEABLE[0] and found.config.training.decay):
            raise UserError(
                f"--resume: {key} is {own!r} in the run in {out}, not {other!r}; omit it, or start a new run"
            )
    own = found.flags["init"]["path"] if found.flags["init"] else "none"
    if options.init and options.init != own:
        raise UserError(f"--resume: the run in {out} began with --init {own}, not {options.init}; omit it")
    return asked, found


def _open_run(out, config, resumed, ranks, plot):
    """The run folder: a new one, or that of the run that is resumed. Only rank 0 writes there."""
    writes = ranks.rank == 0
    run = (RunFolder.open if resumed else RunFolder.create)(out, config, plot, writes)
    if ranks.size > 1:
        threads = os.environ.get("NUMBA_NUM_THREADS", "as many as cores")
        run.log(f"{ranks.size} ranks share every minibatch; threads of each: {threads}")
    if resumed:
        run.rows = resumed.rows
        run.log(f"resuming in epoch {resumed.progress.epoch} after {resumed.progress.step} steps")
        if resumed.versions != versions_line():
            run.log(f"with {versions_line()}, before with {resumed.versions}: the bits may differ")
    return run
