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
    """How far a run has come.

    Attributes
    ----------
    epoch : int, the current one; epoch 0 scores the network before any training
    step : int, minibatches of the epoch that are done
    order : (n,) int array or None, the epoch's order of the training samples
    total, norms : float, sums over this epoch of the samples' costs and of the steps' gradient norms
    seconds : float, spent on this epoch in earlier processes
    best : dict or None, the row of the best epoch
    mark : float, the validation score of the last improvement that counts
    waited : int, epochs since then
    """

    epoch: int = 0
    step: int = 0
    order: np.ndarray | None = None
    total: float = 0.0
    norms: float = 0.0
    seconds: float = 0.0
    best: dict | None = None
    mark: float = float("inf")
    waited: int = 0

    def is_converged(self, training):
        """Whether the patience of the settings is used up."""
        return bool(training.patience) and self.waited >= training.patience

    def is_over(self, training):
        """Whether the run is complete."""
        return self.is_converged(training) or self.epoch > training.epochs


@dataclass
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    task : "detection" or "regression"
    config : pose3d.config.Config
    progress : Progress
    params, velocity : dicts of str to array, ``conv1.W`` ... ``fc3.b``
    mean : dict of str to array, as `pose3d.training.averaging.WeightAverage.mean`
    scale : dict of str to array, mm, as in the weights file
    generators : dict of str to the state of a numpy Generator: shuffling, dropout, augmentation
    data : str, the fingerprint of the samples and of their split
    rows : list of dicts, the curve
    versions : str
    flags : dict
        of the command line: ``data``, str; ``init``, as of `pose3d.model.weights.TrainedOn`; and
        ``monitor_test``, bool
    """

    task: str
    config: settings.Config
    progress: Progress
    params: dict
    velocity: dict
    scale: dict
    generators: dict
    data: str
    rows: list = field(default_factory=list)
    versions: str = ""
    flags: dict = field(default_factory=dict)
    mean: dict = field(default_factory=dict)


def save(folder, checkpoint):
    """Write a run folder's checkpoint. The previous one is kept, so that a whole one always exists.

    Parameters
    ----------
    folder : Path
    checkpoint : Checkpoint

    Raises
    ------
    DiskFullError
    """
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
    """Read the checkpoint of a run folder.

    Parameters
    ----------
    folder : path of a run folder, or of a checkpoint file in one
    task : "detection" or "regression"

    Returns
    -------
    Checkpoint

    Raises
    ------
    UserError
        if there is none, or it is damaged, of another version or task; names the older one if it can be read
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
