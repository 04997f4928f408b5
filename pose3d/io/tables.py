"""Tables and their layout as plain text."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Table:
    """A table; ``str`` lays it out as text.

    Attributes
    ----------
    title : str, not part of the text
    columns : list of str
    rows : list of lists of str, int, float or None (an empty cell)
    decimals : int, of the floats
    """

    title: str
    columns: list
    rows: list
    decimals: int = 1

    def __str__(self):
        return text_table(self.columns, self.rows, self.decimals)


def text_table(columns, rows, decimals=1):
    """Lay out a table: text to the left, numbers to the right.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str, int, float or None (an empty cell)
    decimals : int, of the floats

    Returns
    -------
    str of one line for the columns, one for a rule, and one for each row
    """
    cells = [[_cell(value, decimals) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    numeric = [not any(isinstance(row[i], str) for row in rows) for i in range(len(columns))]

    def line(row):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(columns), "  ".join("-" * width for width in widths), *map(line, cells)])


def _cell(value, decimals):
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if isinstance(value, float | np.floating) else str(value)
