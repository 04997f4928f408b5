"""Typed settings of a training run: defaults, then a TOML file, then ``section.key=value`` overrides."""

import json
import re
import shlex
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pose3d.errors import UserError

_Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Share = Annotated[float, Meta(ge=0, lt=1)]
_Maps = _Units = Annotated[int, Meta(ge=1, le=10**6)]
# Whatever float32 can hold.
_Positive = Annotated[float, Meta(gt=0, le=1e38)]
_NotNegative = Annotated[float, Meta(ge=0, le=1e38)]
_Every = Annotated[int, Meta(ge=1, le=10**6)]


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of the settings: immutable, and checked when it is read."""


class NetworkSettings(_Settings):
    """The layers; sizes that the report fixes are constants of `pose3d.model.network`."""

    kernels: tuple[_Maps, _Maps, _Maps] = (5, 10, 15)  # maps of conv1-3; the report also has [32 64 64]
    dense: tuple[_Units, _Units] = (1024, 2048)  # units of fc1 and fc2
    activation: Literal["tanh", "relu"] = "tanh"
    dropout: _Share = 0.0  # share of fc1 and fc2 dropped in training
    dtype: Literal["float32", "float64"] = "float32"
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 23455  # of the initial weights and of dropout


class TrainingSettings(_Settings):
    """The loop, for either network; the defaults are those of the report's section 4.4."""

    epochs: Annotated[int, Meta(ge=0, le=10**6)] = 50
    batch_size: Annotated[int, Meta(ge=1, le=10**6)] = 128
    learning_rate: _Positive = 0.001
    momentum: _Share = 0.9
    weight_decay: _NotNegative = 0.0005
    order: Literal["new", "old"] = "new"  # the velocity added to the weights: Eq. (8), or the original code's
    # Each weight's gradient is divided by its root mean square over so many steps (RMSprop); 0: it is not.
    rms_steps: Annotated[int, Meta(ge=0, le=10**6)] = 0
    shuffle: bool = True
    seed: _Seed = 1  # of the shuffling
    patience: Annotated[int, Meta(ge=0)] = 0  # epochs without improvement before stopping; 0: never stop
    improvement: _Share = 0.001  # relative improvement of the validation score that counts
    checkpoint_minutes: _Positive = 10.0  # between two checkpoints; every epoch also ends with one
    average: Annotated[int, Meta(ge=0, le=10**6)] = 0  # score and save the mean weights of so many epochs
    warmup: _NotNegative = 0.0  # epochs in which the learning rate rises from 0
    decay: Annotated[float, Meta(ge=0, le=1)] = 0.0  # share of the epochs, the last, in which it falls to 0


class AugmentationSettings(_Settings):
    """Random changes of training samples, drawn anew in every epoch. Scored samples are never changed."""

    mirror: bool = False  # every second sample, on average
    shift: Annotated[int, Meta(ge=0, le=127)] = 0  # largest shift in px, horizontally and vertically
    light: Annotated[float, Meta(ge=0, le=2)] = 0.0  # largest logarithm of a factor of the gray values
    seed: _Seed = 3

    @property
    def active(self):
        return self.mirror or self.shift > 0 or self.light > 0


class DataSettings(_Settings):
    """Which samples train, validate and test."""

    actions: tuple[str, ...] = ()  # of the built files; empty: all that are in the folder
    test: tuple[str, ...] = ("S11",)
    train_every: _Every = 1  # train and validate with every n-th frame of a video
    test_every: _Every = 1
    validation: Annotated[str, Meta(pattern="^(tail|report|subject:.+)$")] = "tail"
    seed: _Seed = 2  # of the "report" validation, a random subset
    # "auto" holds the samples in memory if they take less than half of it. With several ranks it streams
    # them, as each rank would hold all samples.
    memory: Literal["auto", "all", "stream"] = "auto"


class TransferSettings(_Settings):
    """What a regression network takes from a detection network, beside the report's conv1-3 as they are."""

    rescale: bool = False  # fc1's initial weights, by what pool3 spreads less than from random weights


class DetectionSettings(_Settings):
    """Choices of the detection network alone."""

    readout: Literal["tanh", "sigmoid"] = "tanh"


class RegressionSettings(_Settings):
    """Choices of the regression network alone."""

    cost: Literal["squared", "mpjpe"] = "squared"
    targets: Literal["standardised", "mm"] = "standardised"
    last: Literal["identity", "tanh"] = "identity"


class Config(_Settings):
    """All settings of one run, as the run folder keeps them."""

    network: NetworkSettings = NetworkSettings()
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    transfer: TransferSettings = TransferSettings()
    detection: DetectionSettings = DetectionSettings()
    regression: RegressionSettings = RegressionSettings()


# Raw trees that commands find by themselves.
HUMAN36M, SYNTHETIC_TREE = "data/human36m", "data/synthetic"
PEOPLE = "people"  # the source of single observations of synthetic people, which are drawn, not read


def built_folder(source=None):
    """The default folder of built files: of one source each, so that no build meets another's files.

    `source` is the path of a raw tree, or `PEOPLE`; None: Human3.6M if it is there, else the synthetic
    people.
    """
    if source is None:
        source = HUMAN36M if Path(HUMAN36M).is_dir() else SYNTHETIC_TREE
    known = {HUMAN36M: "data/h36m", SYNTHETIC_TREE: "data/walking", PEOPLE: "data/people"}
    return known.get(str(source), f"data/{Path(source).name}-built")


# Where a task departs from the defaults above: the report's budgets, detection's convergence criterion, and
# its warm-up, without which the first steps, of the largest gradient, saturate two thirds of conv3 for good.
TASK_DEFAULTS = {
    "detection": {"training": {"epochs": 50, "patience": 5, "warmup": 1.0}},
    "regression": {"training": {"epochs": 100}},
}


def load(task, path=None, overrides=(), base=None):
    """The settings of a run.

    Parameters
    ----------
    task : "detection" or "regression"
    path : path of a TOML file, or None
        Its sections are those of `Config`; ``[for.detection.training]`` and the like hold
        for one task only.
    overrides : iterable of "section.key=value"
    base : Config that they are laid over; None: the task's defaults

    Raises
    ------
    UserError
        Naming the file or the key.
    """
    config = base or from_dict(TASK_DEFAULTS[task])
    if path is not None:
        try:
            config = _for_task(_parsed(Path(path).read_text(encoding="utf-8-sig")), task, config)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file") from None
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not a TOML file: {error}") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    for text in overrides:
        config = from_dict(_override(text), config)
    return config


def from_dict(settings, base=None, complete=False):
    """A checked `Config` from dicts of keys to values, by section, laid over `base` (default: the defaults).

    If `complete`, every setting must be there: what a run was made with is not guessed. A `UserError` names
    the key that is unknown, missing or has a wrong value.
    """
    merged = msgspec.to_builtins(base or Config())
    wanted = {section: set(values) for section, values in merged.items()} if complete else {}
    for section, values in settings.items():
        nested = isinstance(values, dict) and section in merged
        merged[section] = merged[section] | values if nested else values
    try:
        config = msgspec.convert(merged, Config)
    except msgspec.ValidationError as error:
        raise UserError(_reworded(str(error), merged)) from None
    for section, keys in wanted.items():
        if missing := keys - settings.get(section, {}).keys():
            raise UserError(f"the setting {section}.{min(missing)} is missing")
    return config


def to_dict(config):
    """`config` as nested dicts of plain types, fit for JSON and for `from_dict`."""
    return msgspec.json.decode(msgspec.json.encode(config))


def to_toml(config):
    """`config` as TOML text."""
    lines = []
    for section, values in to_dict(config).items():
        lines.append(f"[{section}]")
        # What JSON writes for a bool, number, str or list of them is TOML, too.
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def option(key, value):
    """The words that give a setting on a command line, quoted for a shell: ``--set 'data.test=["S9"]'``."""
    return f"--set {shlex.quote(f'{key}={json.dumps(value, ensure_ascii=False)}')}"


def command_line(name, *words):
    """A command of pose3d, quoted for a shell: ``python -m pose3d.NAME WORDS``."""
    return shlex.join(["python", "-m", f"pose3d.{name}", *map(str, words)])


def differences(one, other):
    """Yield ("section.key", value, other value) of the settings in which two `Config` differ."""
    one, other = to_dict(one), to_dict(other)
    for section, values in one.items():
        for key, value in values.items():
            if value != other[section][key]:
                yield f"{section}.{key}", value, other[section][key]


def _for_task(settings, task, base):
    """The file's sections over `base`, and those of ``[for.TASK.*]`` over them; all tasks are checked."""
    common = {name: values for name, values in settings.items() if name != "for"}
    special = settings.get("for", {})
    if not isinstance(special, dict):
        raise UserError(f"for = {special!r}: write a section [for.TASK.SECTION]")
    for name, values in special.items():
        if name not in TASK_DEFAULTS or not isinstance(values, dict):
            raise UserError(f"unknown task in [for.{name}]: the tasks are {', '.join(TASK_DEFAULTS)}")
    config = from_dict(common, base)
    return {name: from_dict(special.get(name, {}), config) for name in TASK_DEFAULTS}[task]


def _override(text):
    """``section.key=value`` as nested dicts; the value is TOML, or a bare word."""
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and section and name):
        raise UserError(f"--set {text}: write it as section.key=value")
    try:
        parsed = _parsed(f"value = {value}")["value"]
    except UserError:
        parsed = value.strip()
    return {section: {name: parsed}}


def _parsed(text):
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside its own: numbers of 5000 digits, deep nesting
        raise UserError(f"not a TOML file: {error}") from None


def _reworded(message, settings):
    """msgspec's message, such as "Expected `int` >= 1 - at `$.training.epochs`", with key and value first."""
    what, _, place = message.partition(" - at `$.")
    section, _, key = re.sub(r"\[.*", "", place.rstrip("`")).partition(".")
    sections = typing.get_type_hints(Config)
    if unknown := re.fullmatch("Object contains unknown field `(.*)`", what):
        if not section:
            return f"unknown setting {unknown[1]!r}: the sections are {', '.join(sections)}"
        known = typing.get_type_hints(sections[section])
        return f"unknown setting {section}.{unknown[1]}: {section} has {', '.join(known)}"
    value = settings[section][key] if key else settings[section]
    if what.startswith("Invalid enum value"):
        kind = typing.get_type_hints(sections[section])[key]
        what = f"must be one of {', '.join(typing.get_args(kind))}"
    if "`array`" in what and isinstance(value, str):  # as of data.test=["ben"], whose quotes a shell takes
        words = [word.strip(" \"'") for word in value.strip("[]").split(",")]
        what += f"; for instance {option(f'{section}.{key}', words[:3])}"
    return f"{section}{key and '.'}{key} = {value!r:.80}: {what[0].lower()}{what[1:]}"
