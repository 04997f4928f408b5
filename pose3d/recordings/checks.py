"""What a verification consists of: tables of checks of what was measured, and their findings."""

from collections.abc import Callable
from dataclasses import dataclass, field

SAMPLES = 10  # frames checked in a recording, evenly spread
REACH = 0.005  # distance that counts as near a mask, as a share of the image's width; edges are ragged


@dataclass(frozen=True)
class Check:
    """A fault that measured values may show."""

    needs: str  # names of the values that decide; where one is None or absent, there is no fault
    is_wrong: Callable  # of these values
    message: str  # one line that names the file and says what to do; a format of all values


@dataclass
class Findings:
    """The findings in a source, or in a folder of built files."""

    columns: tuple  # of the table
    rows: list
    notes: list = field(default_factory=list)  # what is not a fault
    faults: list = field(default_factory=list)  # one line each
    decimals: int = 1  # of floats in the table


def failed(checks, values):
    """The messages of the checks that fail, for a dict of name to value."""
    found = []
    for check in checks:
        needed = [values.get(name) for name in check.needs.split()]
        if all(value is not None for value in needed) and check.is_wrong(*needed):
            found.append(check.message.format_map(values))
    return found


def in_words(faults):
    """The verdict on so many faults."""
    return f"{faults} fault{'s' if faults > 1 else ''}" if faults else "ok"
