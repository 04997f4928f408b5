"""The kinds of data sources: how to recognise one, and find its recordings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings import custom, human36m

ACTIONS = ("Walking",)  # what is built of a raw tree by default


@dataclass(frozen=True)
class Selection:
    """What a user asked for by name.

    None is the kind's default: of a raw tree Walking, all subjects and all cameras; of other sources all.
    """

    actions: list | None = None
    subjects: list | None = None
    cameras: list | None = None

    def of_raw(self):
        """Actions, subjects and cameras of a raw tree; a `UserError` for an unknown action."""
        actions = human36m.expand_actions(ACTIONS if self.actions is None else self.actions)
        subjects = human36m.SUBJECTS if self.subjects is None else self.subjects
        return actions, list(subjects), list(human36m.CAMERAS if self.cameras is None else self.cameras)

    def action_names(self):
        """Actions of a source with names of its own, sets of actions expanded; None for all."""
        if self.actions is None or "all" in self.actions:
            return None
        sets = {"report": human36m.REPORT_ACTIONS}
        return list(dict.fromkeys(action for name in self.actions for action in sets.get(name, [name])))


@dataclass(frozen=True)
class Kind:
    """A kind of source."""

    name: str
    sign: str  # what a folder of this kind holds
    recognises: Callable  # whether a folder (Path) is of this kind
    find: Callable  # of a folder and a `Selection`: recordings, and lines to print


RAW = Kind(
    "raw Human3.6M tree",
    "S1, S5, ...",
    lambda folder: any((folder / subject).is_dir() for subject in human36m.SUBJECTS),
    lambda folder, selection: human36m.find_recordings(folder, *selection.of_raw()),
)
CUSTOM = Kind(
    "folder of custom recordings",
    custom.LIST,
    lambda folder: (folder / custom.LIST).is_file(),
    lambda folder, selection: (
        custom.find_recordings(folder, selection.action_names(), selection.subjects, selection.cameras), []
    ),
)  # fmt: skip
KINDS = (RAW, CUSTOM)


def kind_of(folder):
    """The kind of a folder, one of `KINDS`; a `UserError` if it is no folder, or not of exactly one kind."""
    folder = Path(folder)
    holds = " or ".join(f"{kind.sign} ({kind.name})" for kind in KINDS)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the one that holds {holds}")
    found = [kind for kind in KINDS if kind.recognises(folder)]
    if not found:
        raise UserError(f"{folder} is no source of recordings; give the folder that holds {holds}")
    if len(found) > 1:
        names = " and a ".join(kind.name for kind in found)
        raise UserError(f"{folder} looks like a {names}; move one of them into a folder of its own")
    return found[0]


def find_recordings(folder, selection):
    """The kind of a folder, its selected recordings, and lines to print; a `UserError` if there are none."""
    kind = kind_of(folder)
    return kind, *kind.find(folder, selection)
