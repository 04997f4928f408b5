"""The checkpoint file: all that a run needs to continue bit for bit as if it had never stopped."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pose3d import config as settings
from pose3d.errors import UserError
from pose3d.io import npz_archive as archive
from pose3d.io.atomic_files import keep_copy, whole

FORMAT = archive.Format("pose3d checkpoint", "checkpoint", version=2)
NAME, OLDER = "checkpoint.npz", "checkpoint.older.npz"
_IN_HEADER = ("task", "generators", "data", "rows", "versions", "flags")  # as they are


@dataclass
class Progress:
    """How far a run has come."""

    epoch: int = 0  # the current one; epoch 0 scores the network before any training
    step: int = 0  # minibatches of the epoch that are done
    order: np.ndarray | None = None  # (n,), the epoch's order of the training samples
    total: float = 0.0  # sum over this epoch of the samples' costs
    norms: float = 0.0  # sum over it of the steps' gradient norms
    seconds: float = 0.0  # spent on this epoch in earlier processes
    best: dict | None = None  # the row of the best epoch
    mark: float = float("inf")  # the validation score of the last improvement that counts
    waited: int = 0  # epochs since then

    def is_converged(self, training):
        """Whether the patience of the settings is used up."""
        return bool(training.patience) and self.waited >= training.patience

    def is_over(self, training):
        """Whether the run is complete."""
        return self.is_converged(training) or self.epoch > training.epochs


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
