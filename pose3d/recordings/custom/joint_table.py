"""The table of joints of one recording: a row for each frame that has a pose."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.errors import UserError
from pose3d.io.tables import read_table
from pose3d.recordings.custom.camera_fit import camera_fault
from pose3d.skeleton import JOINTS, LARGEST_COORDINATE, unit_fault

FRAME = "frame"
BOX = ("box_x0", "box_y0", "box_x1", "box_y1")
_COLUMNS = [joint.replace(" ", "_") for joint in JOINTS]
COLUMNS_2D = tuple(f"{name}_{axis}" for name in _COLUMNS for axis in "xy")
COLUMNS_3D = tuple(f"{name}_{axis}" for name in _COLUMNS for axis in "XYZ")
COLUMNS = (FRAME, *COLUMNS_2D, *COLUMNS_3D)
_LARGEST = 2**31 - 1  # what a built file can hold
_LARGEST_PX = 1e5  # joints may lie outside the image, but not that far


@dataclass
class Joints:
    """Contents of the table, by frame."""

    numbers: np.ndarray  # (n,), ascending, of frames from 0
    lines: list  # the table's lines of these frames, for messages
    poses_2d: np.ndarray  # (n, 17, 2), float64, px of the image
    poses_3d: np.ndarray  # (n, 17, 3), float64, mm, camera frame
    boxes: dict  # by number of the frame: (x0, y0, x1, y1), whole px of the image, half-open
    has_boxes: bool  # whether the table has the columns for them
    doubt: str = ""  # what may be wrong with the table; empty if nothing


def read_joints(path, names=()):
    """Read a table of joints; a `UserError` names the file, and the line and column of a cell at fault.

    `names` are those of the images, which the column ``frame`` may have in place of numbers. If each has a
    number of its own, at the end, that is the frame's; otherwise they are numbered from 0.
    """
    columns, rows = read_table(path)
    has_boxes = _check_columns(path, columns)
    if not rows:
        raise UserError(f"{path}: has no row; give one for each frame whose joints are known")
    by_number, places = {}, _places(names)
    for row in rows:
        number = _number(row, places)
        if number in by_number:
            raise row.error(FRAME, f"is the same frame as in line {by_number[number].line}")
        by_number[number] = row
    numbers = sorted(by_number)
    rows = [by_number[number] for number in numbers]
    boxes = {number: _box(row) for number, row in zip(numbers, rows, strict=True)} if has_boxes else {}
    found = Joints(
        np.array(numbers),
        [row.line for row in rows],
        _points(rows, COLUMNS_2D, _LARGEST_PX),
        _points(rows, COLUMNS_3D, LARGEST_COORDINATE),
        {number: box for number, box in boxes.items() if box},
        has_boxes,
    )
    if fault := unit_fault(found.poses_3d):
        raise UserError(f"{path}: in 3D, {fault}")
    fault, is_certain = camera_fault(found.poses_2d, found.poses_3d)
    if is_certain:
        raise UserError(f"{path}: {fault}")
    found.doubt = fault and f"{path}: {fault}"
    return found


def _check_columns(path, columns):
    """Whether there are columns for boxes; a `UserError` if a required column is missing."""
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        why = ""
        if set(lacking) & set(COLUMNS_3D):
            why = "; training needs all 17 joints of every frame in 3D, in mm and in the camera's frame"
        listed = ", ".join(lacking[:4]) + (f" and {len(lacking) - 4} more" if len(lacking) > 4 else "")
        raise UserError(f"{path}: lacks the column(s) {listed}{why}")
    there = [name in columns for name in BOX]
    if any(there) and not all(there):
        raise UserError(
            f"{path}: has some of the columns {', '.join(BOX)} but not all; add or remove the rest"
        )
    return all(there)


def _places(names):
    """Place of an image in the folder, from 0, by its name and by its number."""
    ends = [re.findall("[0-9]+", Path(name).stem)[-1:] for name in names]
    numbers = [int(number) for end in ends for number in end]
    keys = numbers if len(set(numbers)) == len(names) else range(len(names))
    return dict(zip([*names, *keys], [*range(len(names))] * 2, strict=True))


def _number(row, places):
    """Place of the row's frame, from 0."""
    text = row.text(FRAME)
    if not places:
        return row.whole(FRAME, 0, _LARGEST)
    place = places.get(text, places.get(int(text)) if text.isdecimal() and len(text) <= 100 else None)
    if place is None:
        numbers = sorted(key for key in places if isinstance(key, int))
        there = f"the number of one, from {numbers[0]} to {numbers[-1]}"
        raise row.error(FRAME, f"is {text[:200]!r}, which is no image of the folder, nor {there}")
    return place


def _points(rows, columns, largest):
    """(n, 17, D) float64 array."""
    values = [[row.number(column, largest) for column in columns] for row in rows]
    return np.array(values).reshape(len(rows), len(JOINTS), -1)


def _box(row):
    """The row's box, or None where all four cells are empty."""
    if not any(row.text(column, "") for column in BOX):
        return None
    x0, y0, x1, y1 = box = tuple(row.whole(column, 0, _LARGEST) for column in BOX)
    for low, high, column in ((x0, x1, BOX[2]), (y0, y1, BOX[3])):
        if high <= low:
            raise row.error(column, f"is {high}, not above {low}, where the box begins")
    return box
