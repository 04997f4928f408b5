"""Typed settings of a training run: defaults, a TOML file, and ``key=value`` overrides, in that order."""

import dataclasses
import json
import math
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path

from pose3d.errors import UserError


@dataclass(frozen=True)
class NetworkSettings:
    """The layers; sizes that the report fixes are constants of `pose3d.model.network`."""

    kernels: tuple[int, int, int] = (5, 10, 15)  # maps of conv1-3; the report also has [32 64 64]
    activation: typing.Literal["tanh", "relu"] = "tanh"
    dropout: float = 0.0  # share of fc1 and fc2 dropped while training
    dtype: typing.Literal["float32", "float64"] = "float32"
    seed: int = 23455  # of the initial weights and of dropout


@dataclass(frozen=True)
class TrainingSettings:
    """The loop, for either network; defaults of the report's section 4.4."""

    epochs: int = 50
    batch: int = 128
    rate: float = 0.001
    momentum: float = 0.9
    decay: float = 0.0005
    order: typing.Literal["new", "old"] = "new"  # velocity the weights take: Eq. (8), or the original code's
    shuffle: bool = True
    seed: int = 1  # of the shuffling
    patience: int = 0  # epochs without improvement of the validation score before stopping; 0: never
    improvement: float = 0.001  # relative improvement that counts
    checkpoint_minutes: float = 10.0  # between two checkpoints; every epoch ends with one, too
    # Layers that keep the weights they start with, mostly those that pre-training gave; [] trains all.
    frozen: tuple[typing.Literal["conv1", "conv2", "conv3"], ...] = ()


@dataclass(frozen=True)
class AugmentationSettings:
    """What is done to training samples at random, anew in every epoch; samples that are scored stay."""

    mirror: bool = False  # every second sample, on average
    shift: int = 0  # px at most, to either side and up or down
    seed: int = 3

    @property
    def active(self):
        return self.mirror or self.shift > 0


@dataclass(frozen=True)
class DataSettings:
    """Which samples train, validate and test."""

    test: tuple[str, ...] = ("S11",)
    validation: str = "tail"  # "tail", "report" or "subject:NAME"
    seed: int = 2  # of the "report" validation, which is a random subset
    # Samples held in memory, or read from the disk when they are needed; auto: held if below 4 GB, but never
    # by several ranks, each of which would hold all of them.
    memory: typing.Literal["auto", "all", "stream"] = "auto"


@dataclass(frozen=True)
class DetectionSettings:
    """The detection network's own choices."""

    readout: typing.Literal["tanh", "sigmoid"] = "tanh"


@dataclass(frozen=True)
class RegressionSettings:
    """The regression network's own choices."""

    cost: typing.Literal["squared", "mpjpe"] = "squared"
    targets: typing.Literal["standardised", "mm"] = "standardised"
    last: typing.Literal["identity", "tanh"] = "identity"


@dataclass(frozen=True)
class Config:
    """All settings of one run, as the run folder keeps them."""

    network: NetworkSettings = field(default_factory=NetworkSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    regression: RegressionSettings = field(default_factory=RegressionSettings)


# Where a task departs from the defaults above: the report's budgets, and detection's convergence criterion.
TASK_DEFAULTS = {
    "detection": {"training": {"epochs": 50, "patience": 5}},
    "regression": {"training": {"epochs": 100}},
}


def _convert(value, kind, key):
    """`value` as `kind`, or a `UserError` that names the key."""
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise UserError(f"{key} = {value!r}: must be one of {', '.join(typing.get_args(kind))}")
        return value
    if origin is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, list | tuple):
            raise UserError(f"{key} = {value!r}: must be a list")
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(value) != len(kinds):
            raise UserError(f"{key} = {value!r}: must have {len(kinds)} entries")
        return tuple(_convert(v, k, key) for v, k in zip(value, kinds, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"{key} = {value!r}: must be of type {kind.__name__}")
    return value


# (key, test, what must hold)
_LIMITS = (
    ("network.kernels", lambda v: all(k > 0 for k in v), "at least one map in every layer"),
    ("network.dropout", lambda v: 0 <= v < 1, "at least 0 and below 1"),
    ("network.seed", lambda v: 0 <= v < 2**32, "from 0 to 4294967295"),
    ("data.seed", lambda v: v >= 0, "at least 0"),
    ("data.validation", lambda v: v in ("tail", "report") or v[:8] == "subject:", "tail, report, subject:S9"),
    ("training.seed", lambda v: v >= 0, "at least 0"),
    ("training.epochs", lambda v: v >= 0, "at least 0"),
    ("training.batch", lambda v: v >= 1, "at least 1"),
    ("training.rate", lambda v: 0 < v < math.inf, "above 0 and finite"),
    ("training.momentum", lambda v: 0 <= v < 1, "at least 0 and below 1"),
    ("training.decay", lambda v: 0 <= v < math.inf, "at least 0 and finite"),
    ("training.patience", lambda v: v >= 0, "at least 0"),
    ("training.checkpoint_minutes", lambda v: 0 < v < math.inf, "above 0 and finite"),
    ("training.improvement", lambda v: 0 <= v < 1, "at least 0 and below 1"),
    ("augmentation.shift", lambda v: 0 <= v <= 127, "from 0 to 127"),
    ("augmentation.seed", lambda v: v >= 0, "at least 0"),
)  # fmt: skip


def from_dict(settings, base=None):
    """A checked `Config` from nested dicts over `base` (the defaults); an unknown key is an error."""
    base = base or Config()
    sections = {f.name: getattr(base, f.name) for f in dataclasses.fields(Config)}
    for name, values in settings.items():
        if name not in sections or not isinstance(values, dict):
            known = ", ".join(sections)
            raise UserError(f"unknown setting {name!r}: the sections are {known}")
        kinds = typing.get_type_hints(type(sections[name]))
        for key in values:
            if key not in kinds:
                raise UserError(f"unknown setting {name}.{key}: {name} has {', '.join(kinds)}")
        new = {key: _convert(value, kinds[key], f"{name}.{key}") for key, value in values.items()}
        sections[name] = dataclasses.replace(sections[name], **new)
    config = Config(**sections)
    for key, holds, what in _LIMITS:
        section, _, name = key.partition(".")
        value = getattr(getattr(config, section), name)
        if not holds(value):
            raise UserError(f"{key} = {value!r}: must be {what}")
    return config


def _override(text):
    """``section.key=value`` as nested dicts; the value is TOML, or a bare word."""
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and section and name):
        raise UserError(f"--set {text}: write it as section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return {section: {name: parsed}}


def load(task, path=None, overrides=()):
    """The settings of a run.

    Parameters
    ----------
    task : "detection" or "regression"
    path : path of a TOML file, or None
        Its sections are those of `Config`; ``[for.detection.training]`` and the like hold
        for one task only.
    overrides : iterable of "section.key=value"

    Raises
    ------
    UserError
        Naming the file or the key.
    """
    config = from_dict(TASK_DEFAULTS[task])
    if path is not None:
        try:
            with Path(path).open("rb") as file:
                settings = tomllib.load(file)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a TOML file: {error}") from None
        try:
            config = _for_task(settings, task, config)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    for text in overrides:
        config = from_dict(_override(text), config)
    return config


def _for_task(settings, task, base):
    """The file's sections over `base`, and those of ``[for.TASK.*]`` over them; all tasks' are checked."""
    common = {name: values for name, values in settings.items() if name != "for"}
    special = settings.get("for", {})
    if not isinstance(special, dict):
        raise UserError(f"for = {special!r}: write a section [for.TASK.SECTION]")
    for name, values in special.items():
        if name not in TASK_DEFAULTS or not isinstance(values, dict):
            raise UserError(f"unknown task in [for.{name}]: the tasks are {', '.join(TASK_DEFAULTS)}")
    config = from_dict(common, base)
    return {name: from_dict(special.get(name, {}), config) for name in TASK_DEFAULTS}[task]


def to_dict(config):
    """`config` as nested dicts of plain types, fit for JSON and for `from_dict`."""
    return {
        section: {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        for section, values in dataclasses.asdict(config).items()
    }


def to_toml(config):
    """`config` as TOML text."""
    lines = []
    for section, values in to_dict(config).items():
        lines.append(f"[{section}]")
        # What JSON writes for a bool, number, str or list of them is TOML, too.
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)
