"""Subjects, cameras, actions, and the on-disk name of every take of Human3.6M."""

from pose3d.errors import UserError

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")  # those whose poses are published
CAMERAS = ("54138969", "55011271", "58860488", "60457274")  # official order 1 to 4
TAKES = (1, 2)
FRAMES_PER_SECOND = 50

# Suffixes of take 1 and take 2 by subject, "-" for none, from the data set's own metadata.xml.
_SUFFIXES = {
    #                 S1     S5     S6     S7     S8     S9     S11
    "Directions":    ("1 -", "1 2", "1 -", "1 -", "1 -", "1 -", "1 -"),
    "Discussion":    ("1 -", "2 3", "1 -", "1 -", "1 -", "1 2", "1 2"),
    "Eating":        ("2 -", "1 -", "1 2", "1 -", "1 -", "1 -", "1 -"),
    "Greeting":      ("1 -", "1 2", "1 -", "1 -", "1 -", "1 -", "2 -"),
    "Phoning":       ("1 -", "1 -", "1 -", "2 -", "1 -", "1 -", "3 2"),
    "Posing":        ("1 -", "1 -", "2 -", "1 -", "1 -", "1 -", "1 -"),
    "Purchases":     ("1 -", "1 -", "1 -", "1 -", "1 -", "1 -", "1 -"),
    "Sitting":       ("1 2", "1 -", "1 2", "1 -", "1 -", "1 -", "1 -"),
    "SittingDown":   ("2 -", "- 1", "1 -", "- 1", "- 1", "- 1", "- 1"),
    "Smoking":       ("1 -", "1 -", "1 -", "1 -", "1 -", "1 -", "2 -"),
    "TakingPhoto":   ("1 -", "- 2", "- 1", "- 1", "1 -", "1 -", "1 -"),
    "Waiting":       ("1 -", "1 2", "3 -", "1 2", "1 -", "1 -", "1 -"),
    "Walking":       ("1 -", "1 -", "1 -", "1 2", "1 -", "1 -", "1 -"),
    "WalkingDog":    ("1 -", "1 -", "1 -", "1 -", "1 -", "1 -", "1 -"),
    "WalkTogether":  ("1 -", "1 -", "1 -", "1 -", "1 2", "1 -", "1 -"),
}  # fmt: skip

ACTIONS = tuple(_SUFFIXES)
REPORT_ACTIONS = ("Walking", "Discussion", "Eating", "Greeting", "TakingPhoto", "WalkingDog")  # figure 1(a)
_SETS = {"report": REPORT_ACTIONS, "all": ACTIONS}

# Two actions are stored under a shorter name by every subject but S1.
_SHORT = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
_ALIASES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog", "WalkingTogether": "WalkTogether"}


def _on_disk(subject, action, suffix):
    stem = action if subject == "S1" else _SHORT.get(action, action)
    return stem if suffix == "-" else f"{stem} {suffix}"


# (subject, action, take) -> the file name up to its first dot, such as "Walking 1".
SUB_ACTIONS = {
    (subject, action, take): _on_disk(subject, action, suffix)
    for action, row in _SUFFIXES.items()
    for subject, pair in zip(SUBJECTS, row, strict=True)
    for take, suffix in zip(TAKES, pair.split(), strict=True)
}


def canonical_action(name):
    """The action's name as the report writes it; whole names only, no prefixes.

    `name` is one of `ACTIONS` or an alias used on disk (``Photo``, ``WalkDog``); else a `UserError`.
    """
    return checked(_ALIASES.get(name, name), ACTIONS, "action")


def expand_actions(names):
    """List the actions of names: ``report`` (`REPORT_ACTIONS`), ``all``, or those of `canonical_action`.

    Each action comes once, in the order given. A `UserError` if there is no such action.
    """
    named = (action for name in names for action in _SETS.get(name, [name]))
    return list(dict.fromkeys(map(canonical_action, named)))


def checked(name, known, kind):
    """`name` itself if it is one of `known`; otherwise a `UserError` that lists them."""
    if name not in known:
        raise UserError(f"no {kind} {name!r} in Human3.6M; there are {', '.join(known)}")
    return name
