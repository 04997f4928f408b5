"""Tables as plain text."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Table:
    """A table; ``str(table)`` is its text.

    Attributes
    ----------
    title : str, not printed by ``str``
    columns : list of str
    rows : list of lists of str, int, float or None (an empty cell)
    decimals : int, number of decimals of floats
    """

    title: str
    columns: list
    rows: list
    decimals: int = 1

    def __str__(self):
        return text_table(self.columns, self.rows, self.decimals)


def text_table(columns, rows, decimals=1):
    """Format a table: text is left-aligned, numbers are right-aligned.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str, int, float or None (an empty cell)
    decimals : int, number of decimals of floats

    Returns
    -------
    str: a line of column names, a rule, and one line for each row
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
