"""The weights file: every parameter by name, what it was trained as, and the scale of its targets."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pose3d import config as settings
from pose3d.dataset.samples import Origin
from pose3d.errors import UserError
from pose3d.io import npz_archive as archive
from pose3d.io.atomic_files import whole

FORMAT = archive.Format("pose3d weights", "weights file", version=2)
BEST, LAST = "best.npz", "last.npz"
_LARGEST = 127  # of the whole numbers that stand for a column of a matrix


@dataclass(frozen=True)
class TrainedOn:
    """What a network was trained on."""

    data: Origin
    train: list  # the subjects whose samples changed the weights
    validation: list  # those that chose the best epoch
    init: dict | None = None  # path and sha256 of the weights of conv1-3, None for a random start

    def seen(self, subjects, origin, chosen_by=True):
        """Those subjects, of the samples of an `Origin`, that trained the network or chose its best epoch.

        Without `chosen_by`, those that trained it.
        """
        if self.data.synthetic != origin.synthetic:
            return []  # other people, even if they have the same names
        known = {*self.train, *self.validation} if chosen_by else self.train
        return [subject for subject in subjects if subject in known]


@dataclass(frozen=True)
class Weights:
    """What a weights file holds.

    The scale of a regression network is a dict of (51,) arrays, mm: ``mean`` and ``deviation`` of its
    targets, and the ``mean_pose`` of its training samples. It is empty for detection.
    """

    task: str
    config: settings.Config
    params: dict  # ``conv1.W`` ... ``fc3.b``
    trained_on: TrainedOn
    scale: dict = field(default_factory=dict)
    about: dict = field(default_factory=dict)  # epoch, scores, versions: for people, not for programs


def save(path, weights, storage="float32"):
    """Write a weights file (npz, no pickle inside); it appears under its name only when it is whole.

    `storage` is that of the matrices of fc1-3, which are nearly all of the file: "float32", "float16" or
    "int8", as whole multiples of a step of each column's own. What is small is stored as it is.
    """
    packed = {name: _packed(value, storage) for name, value in weights.params.items()}
    steps = {name: step for name, (_, step) in packed.items() if step is not None}
    params = {name: stored for name, (stored, _) in packed.items()}
    header = {
        "task": weights.task,
        "config": settings.to_dict(weights.config),
        "trained_on": dataclasses.asdict(weights.trained_on),
        "about": weights.about,
    }
    with whole(path) as temporary:
        FORMAT.write(temporary, header, archive.join(param=params, scale=weights.scale, step=steps))


def _packed(value, storage):
    """A parameter as it is stored, and the (columns,) steps of whole numbers or None."""
    if storage == "float32" or value.ndim != 2:
        return value, None
    if storage == "float16":
        return value.astype(np.float16), None
    step = np.maximum(np.abs(value).max(axis=0), np.finfo(np.float32).tiny).astype(np.float32) / _LARGEST
    return np.rint(value / step).astype(np.int8), step


def _unpacked(stored, step=None):
    """The parameter that `_packed` stored."""
    if step is None and stored.dtype.kind != "f":
        raise ValueError(f"whole numbers of the type {stored.dtype} without their step")
    if step is None:
        return stored.astype(np.float32) if stored.dtype == np.float16 else stored
    return stored * step


def find(path):
    """The weights file meant by `path`: itself, or a run folder's best; a `UserError` if there is none."""
    path = Path(path)
    if path.is_dir():
        if not (path / BEST).is_file():
            raise UserError(
                f"{path} holds no {BEST}: it is no run folder, or its training never ended an epoch"
            )
        return path / BEST
    if not path.is_file():
        raise UserError(f"{path}: no such file or run folder; train first, or name another")
    return path


def digest(path):
    """SHA-256 of the weights file meant by `path`, as of `find`: str."""
    return hashlib.sha256(find(path).read_bytes()).hexdigest()


def load(path, task=None):
    """Read a weights file or a run folder's best one; `task` is given if only that will do.

    A `UserError` if there is none, or it is damaged, of another version, or of another task.
    """
    path = find(path)
    weights = FORMAT.read(path, _decode)
    if task not in (None, weights.task):
        raise UserError(f"{path} holds a {weights.task} network, a {task} network is wanted")
    for name, value in (weights.params | weights.scale).items():
        if not np.isfinite(value).all():
            raise UserError(
                f"{path}: {name} holds numbers that are not finite; train again with a lower learning rate"
            )
    return weights


def _decode(header, arrays):
    params, scale, steps = archive.split(arrays, "param", "scale", "step")
    params = {name: _unpacked(stored, steps.get(name)) for name, stored in params.items()}
    config = settings.from_dict(header["config"], complete=True)
    trained_on = dict(header["trained_on"])
    trained_on = TrainedOn(Origin(**trained_on.pop("data")), **trained_on)
    return Weights(header["task"], config, params, trained_on, scale, header["about"])
