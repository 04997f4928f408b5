"""Tables: read from CSV files, where every error names file, line and column, and written as plain text."""

import csv
import math
import reprlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.errors import UserError

_SHORT = reprlib.Repr()  # a cell may have 5,000 digits
_SHORT.maxstring = 100


def fault_in(path, line, column, fault):
    """Make a `UserError` that names file, line and column."""
    return UserError(f"{path}, line {line}, column {column}: {fault}")


class Row:
    """One row of a table: `path` of the table, and `line` in it, from 1."""

    def __init__(self, path, line, cells, places):
        self.path, self.line = path, line
        self._cells, self._places = cells, places

    def text(self, column, default=None):
        """The cell's text. If the cell is empty or absent: `default`, or a `UserError` without a default."""
        text = self._cells[self._places[column]].strip() if column in self._places else ""
        if text:
            return text
        if default is None:
            raise self.error(column, "is empty; fill it in")
        return default

    def number(self, column, largest=math.inf):
        """The cell as a float from ``-largest`` to `largest`; raises `UserError` if it is none."""
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(column, f"is {_SHORT.repr(text)}, not a number")
        if abs(value) > largest:
            raise self.error(column, f"is {_SHORT.repr(text)}, beyond {largest:g}")
        return value

    def whole(self, column, least, most):
        """The cell as an int from `least` to `most`; raises `UserError` if it is none."""
        text = self.text(column)
        is_short = text.isascii() and text.isdecimal() and len(text) <= 100  # int() refuses 5,000 digits
        if not (is_short and least <= int(text) <= most):
            raise self.error(column, f"is {_SHORT.repr(text)}, not a whole number from {least} to {most}")
        return int(text)

    def error(self, column, fault):
        """Make a `UserError` that names file, line and column."""
        return fault_in(self.path, self.line, column, fault)


def read_table(path):
    """Read a CSV file with a header, in UTF-8: the columns, tuple of str, and the rows, list of Row.

    Blank lines are skipped, and so are comments. A comment begins with #, and has not as many cells as the
    header, which a row with such a first cell has. A `UserError` if the file is missing, is not CSV in UTF-8,
    has no header or a repeated column, or if the length of a row differs from the header.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is not a CSV file in UTF-8 ({error}); save it as CSV in UTF-8") from error
    start = next((i for i, (_, cells) in enumerate(lines) if cells[0][:1] != "#"), None)
    if start is None:
        raise UserError(f"{path}: is empty; its first line names the columns")
    columns = tuple(cell.strip() for cell in lines[start][1])
    for column in columns:
        if columns.count(column) > 1:
            raise UserError(f"{path}: has two columns {column!r}; rename or remove one")
    rows, places = [], {column: place for place, column in enumerate(columns)}
    for line, cells in lines[start + 1 :]:
        if len(cells) != len(columns) and cells[0][:1] == "#":
            continue
        if len(cells) != len(columns):
            raise UserError(
                f"{path}, line {line}: has {len(cells)} cells for {len(columns)} columns; repair the line"
            )
        rows.append(Row(path, line, cells, places))
    return columns, rows


def write_table(path, columns, rows):
    """Write a CSV file in UTF-8 that `read_table` reads: names of columns, and an iterable of rows."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@dataclass
class Table:
    """A table; ``str(table)`` is its text, without the title: column names, a rule, a line for each row."""

    title: str
    columns: list  # of str
    rows: list  # lists of str, int, float or None (an empty cell)
    decimals: int = 1  # of floats

    def is_number(self):
        """For each column, whether it has no text in its rows: numbers are right-aligned."""
        return [not any(isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]

    def cells(self):
        """The text of every cell, row by row."""
        return [[self._cell(value) for value in row] for row in self.rows]

    def _cell(self, value):
        if value is None:
            return ""
        return f"{value:.{self.decimals}f}" if isinstance(value, float | np.floating) else str(value)

    def __str__(self):
        cells, numeric = self.cells(), self.is_number()
        widths = [max(map(len, column)) for column in zip(self.columns, *cells, strict=True)]

        def line(row):
            padded = (
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(row, widths, numeric, strict=True)
            )
            return "  ".join(padded).rstrip()

        return "\n".join([line(self.columns), "  ".join("-" * width for width in widths), *map(line, cells)])


def text_table(columns, rows, decimals=1):
    """The text of a `Table` without a title."""
    return str(Table("", columns, rows, decimals))
