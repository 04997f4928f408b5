"""What kind of folder the recordings come from, and who reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pose3d import synthetic
from pose3d.dataset import sampling as extraction
from pose3d.errors import UserError
from pose3d.recordings import custom as own
from pose3d.recordings import human36m
from pose3d.recordings import legacy_mat as prepared

ACTIONS = ("Walking",)  # what is built of a raw tree unless other actions are named


@dataclass(frozen=True)
class Wanted:
    """What a user asked for by name; None for what the user left to the kind of source.

    Attributes
    ----------
    actions, subjects, cameras : list of str, or None: of a raw tree Walking, all subjects and all cameras,
        of others all that is there
    pixel_order : str, of prepared files only, as in `pose3d.recordings.legacy_mat.find_prepared`
    """

    actions: list | None = None
    subjects: list | None = None
    cameras: list | None = None
    pixel_order: str | None = None

    def of_raw(self):
        """Actions by their own names, subjects, cameras of a raw tree; an unknown action is a `UserError`."""
        actions = human36m.expand_actions(ACTIONS if self.actions is None else self.actions)
        subjects = human36m.SUBJECTS if self.subjects is None else self.subjects
        return actions, list(subjects), list(human36m.CAMERAS if self.cameras is None else self.cameras)


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes
    ----------
    name : str
    sign : str, what a folder of this kind holds
    recognises : function of a folder, a Path that is one -> bool
    find : function of a folder and `Wanted` -> list of recordings, list of lines to tell; a `UserError` if
        nothing wanted is there
    extract : function of a module, which reads one of the recordings as `pose3d.dataset.sampling.extract`
        does
    """

    name: str
    sign: str
    recognises: Callable
    find: Callable
    extract: Callable


def _is_raw(folder):
    return any((folder / subject).is_dir() for subject in human36m.SUBJECTS)


def _find_raw(folder, wanted):
    _refuse(wanted.pixel_order, "--pixel-order", RAW)
    return human36m.find_recordings(folder, *wanted.of_raw())


def _find_prepared(folder, wanted):
    _refuse(wanted.cameras, "--cameras", PREPARED)
    order = wanted.pixel_order or prepared.AUTO
    return prepared.find_prepared(folder, expanded(wanted.actions), wanted.subjects, order)


def _find_own(folder, wanted):
    _refuse(wanted.pixel_order, "--pixel-order", OWN)
    return own.find_own(folder, expanded(wanted.actions), wanted.subjects, wanted.cameras), []


def expanded(actions):
    """Actions asked for of what has names of its own, sets of them by their members; None for all."""
    if actions is None or "all" in actions:
        return None
    sets = {"report": human36m.REPORT_ACTIONS}
    return list(dict.fromkeys(action for name in actions for action in sets.get(name, [name])))


def _refuse(value, option, kind):
    if value is not None:
        raise UserError(f"{option} has no meaning for a {kind.name}; leave it out")


RAW = Kind("raw Human3.6M tree", "S1, S5, ...", _is_raw, _find_raw, extraction.extract)
PREPARED = Kind(
    "folder of prepared files",
    "Walking/data_36MS1.mat, ...",
    prepared.is_prepared,
    _find_prepared,
    prepared.extract,
)
OWN = Kind(
    "folder of own recordings",
    own.LIST,
    lambda folder: (folder / own.LIST).is_file(),
    _find_own,
    own.extract,
)
KINDS = (RAW, PREPARED, OWN)


def kind_of(folder):
    """The kind of a folder of recordings.

    Parameters
    ----------
    folder : path

    Returns
    -------
    One of `KINDS`

    Raises
    ------
    UserError
        if it is no folder, or of no kind or more than one
    """
    folder = Path(folder)
    holds = " or ".join(f"{kind.sign} ({kind.name})" for kind in KINDS)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the one that holds {holds}")
    found = [kind for kind in KINDS if kind.recognises(folder)]
    if not found:
        raise UserError(f"{folder} holds none of what tells a source; give the folder that holds {holds}")
    if len(found) > 1:
        names = " and a ".join(kind.name for kind in found)
        raise UserError(f"{folder} looks like a {names}; move one of them into a folder of its own")
    return found[0]


def rules_for(folder, overrides):
    """The rules about bad recordings for a raw tree.

    They know Human3.6M, so that for a synthetic tree only those hold that are asked for.

    Parameters
    ----------
    folder : path
    overrides : dict of rule name to verdict, as `pose3d.recordings.human36m.parse_rules` gives it
    """
    if synthetic.read_provenance(folder) is None:
        return human36m.RULES
    return [rule for rule in human36m.RULES if rule.name in overrides]
