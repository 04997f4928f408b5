"""Checkpoints: all that a run needs to continue bit for bit as if it had never stopped."""

import hashlib
import shlex
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pose3d import config as settings
from pose3d.config import command_line
from pose3d.errors import Stopped, UserError
from pose3d.io import npz_archive as archive
from pose3d.io.atomic_files import keep_copy, whole
from pose3d.io.resources import rank_count
from pose3d.training.run_folder import versions_line
from pose3d.training.state import Progress

FORMAT = archive.Format("pose3d checkpoint", "checkpoint", version=2)
NAME, OLDER = "checkpoint.npz", "checkpoint.older.npz"
_IN_HEADER = ("task", "generators", "data", "rows", "versions", "flags")  # as they are


@dataclass
class Checkpoint:
    """What a checkpoint file holds; parameters and velocity by name, ``conv1.W`` ... ``fc3.b``."""

    task: str
    config: settings.Config
    progress: Progress
    params: dict
    velocity: dict
    scale: dict  # mm, as in the weights file
    generators: dict  # states of shuffling, dropout, augmentation
    data: str  # the fingerprint of the samples and of their split
    rows: list = field(default_factory=list)  # the curve
    versions: str = ""
    flags: dict = field(default_factory=dict)  # data, init (as of `TrainedOn`), monitor_test
    mean: dict = field(default_factory=dict)  # as `WeightAverage.mean`


def save(folder, checkpoint):
    """Write a run folder's checkpoint. The previous one is kept, so that a whole one always exists."""
    progress = {name: value for name, value in vars(checkpoint.progress).items() if name != "order"}
    header = {
        "config": settings.to_dict(checkpoint.config),
        "progress": progress,
        **{name: getattr(checkpoint, name) for name in _IN_HEADER},
    }
    groups = {"param": checkpoint.params, "velocity": checkpoint.velocity, "mean": checkpoint.mean}
    arrays = archive.join(**groups, scale=checkpoint.scale)
    if checkpoint.progress.order is not None:
        arrays["order"] = checkpoint.progress.order
    with whole(folder / NAME) as temporary:
        FORMAT.write(temporary, header, arrays)
        if (folder / NAME).exists():
            keep_copy(folder / NAME, OLDER)


def load(folder, task):
    """Read the checkpoint of a run folder, or a checkpoint file in one.

    A `UserError` if there is none, or it is damaged, of another version or task; it names the older one if
    that can be read.
    """
    path = Path(folder) / NAME if Path(folder).is_dir() else Path(folder)
    if not path.is_file():
        raise UserError(f"{path}: there is no such checkpoint{_offer(path)}")
    try:
        found = FORMAT.read(path, _decode)
    except UserError as error:
        raise UserError(f"{error}{_offer(path)}") from error
    if found.task != task:
        raise UserError(f"{path} is of a {found.task} network, a {task} network is to be trained")
    return found


def _offer(path):
    """What to do about a missing or damaged checkpoint: use the older one, if it can be read."""
    older = path.with_name(OLDER)
    try:
        found = None if path.name == OLDER else FORMAT.read(older, _decode)
    except (UserError, OSError):  # whatever is wrong with it, it cannot be offered
        found = None
    if found is None:
        return "; start without --resume"
    remedy = f"--resume {shlex.quote(str(older))}"
    return f"; the previous one, of epoch {found.progress.epoch}, can be read: {remedy}"


def _decode(header, arrays):
    progress = Progress(**header["progress"], order=arrays.pop("order", None))
    params, velocity, mean, scale = archive.split(arrays, "param", "velocity", "mean", "scale")
    config = settings.from_dict(header["config"], complete=True)
    rest = {name: header[name] for name in _IN_HEADER}
    arrays = {"params": params, "velocity": velocity, "mean": mean, "scale": scale}
    return Checkpoint(config=config, progress=progress, **arrays, **rest)


def fingerprint(data, split):
    """A hash of samples and their split: str."""
    digest = hashlib.sha256(data.origin.fingerprint.encode())
    for numbers in (split.train, split.validation):
        digest.update(np.ascontiguousarray(numbers))
    return digest.hexdigest()


def restore(found, state, dropout):
    """Put a `State` and its graph where a `Checkpoint` stands; ValueError if it is of another network.

    `dropout` is the state of dropout's generator.
    """
    state.graph.network.set_weights(found.params)
    state.graph.set_state(found.velocity, dropout)
    state.shuffling_rng.bit_generator.state = found.generators["shuffling"]
    state.augmentation_rng.bit_generator.state = found.generators["augmentation"]
    state.progress, state.average.mean = found.progress, found.mean


class Saver:
    """Saves the checkpoints of a run: after an epoch, every few minutes, and when the run is asked to end.

    `about` is what all checkpoints of the run say alike: task, config, scale, data and flags. `highest`
    replaces numbers by their maxima over all processes that train together.
    """

    def __init__(self, state, run, signals, about, highest=lambda *numbers: numbers):
        self.state, self.run, self._signals, self._highest = state, run, signals, highest
        self._about = {**about, "versions": versions_line()}
        self._saved = time.perf_counter()

    def save(self):
        """Write the checkpoint."""
        state = self.state
        state.progress.seconds = state.seconds()
        velocity, dropout = state.graph.get_state()
        checkpoint = Checkpoint(
            progress=state.progress,
            params=state.average.trained(),
            velocity=velocity,
            mean=state.average.mean,
            generators={**state.generators, "dropout": dropout},
            rows=self.run.rows,
            **self._about,
        )
        if self.run.writes:
            save(self.run.folder, checkpoint)
        self._saved = time.perf_counter()

    def pause(self):
        """Between two minibatches: save if it is due, stop if a signal came."""
        minutes = (time.perf_counter() - self._saved) / 60
        due = minutes >= self.state.training.checkpoint_minutes
        asked, due = map(int, self._highest(self._signals.asked or 0, due))
        if asked or due:
            self.save()
        if asked:
            progress = self.state.progress
            launcher = f"mpiexec -n {rank_count()} " if rank_count() > 1 else ""
            words = command_line(f"train_{self._about['task']}", "--resume", "--out", self.run.folder)
            raise Stopped(
                f"stopped by {signal.Signals(asked).name} in epoch {progress.epoch} after {progress.step} "
                f"steps; to continue: {launcher}{words}",
                asked,
            )
