"""Formats of files with predicted and true poses: read and write each format.

========  ==============================================================================================
suffix    content
========  ==============================================================================================
``npz``   arrays ``predictions_mm``, ``truths_mm``, (F, 17, 3) or (F, 51); ``joints``, the 17 names;
          ``action``, ``subject``, ``take``, ``camera``, ``frame``, (F,) each
``json``  the same as an object of nested lists; or one nested list of poses
``csv``   one row per frame: columns named as the keys above, or ``picture``, ``box_x0`` ..., ``people``,
          ``trust`` and ``note`` of predicted pictures; then ``pelvis x`` ... of the predictions and
          ``true pelvis x`` ... of the ground truth
``txt``   dumps of the original project: nested lists of frames x 51 numbers, batch after batch. Keys are
          not stored, the joints' names are a comment, and the ground truth is a second file.
``h5``    a built file, whose poses are ground truth: read only
========  ==============================================================================================

All poses are in mm and written as float32. The text formats have nine digits, which name a float32
exactly: ``numpy.float32`` of what is read equals what was written.
"""

import json
import re

import numpy as np

from pose3d.dataset.built_files import open_built_file
from pose3d.errors import UserError
from pose3d.io.hdf5 import text_of
from pose3d.io.npz_archive import read_arrays
from pose3d.io.tables import read_table, write_table
from pose3d.skeleton import JOINTS, N_COORDINATES, N_JOINTS

# Keys identify a frame: its recording, and its number there.
TEXT_KEYS, NUMBER_KEYS = ("action", "subject"), ("take", "camera", "frame")
KEYS = TEXT_KEYS + NUMBER_KEYS
# Of a picture that a pose was predicted from: its file name, the person's box in it, the number of people,
# the chance that the error is below 150 mm, and why the pose is not to be trusted. Written, never read.
PICTURE, BOX, PEOPLE, TRUST, NOTE = "picture", "box_px", "people", "trust", "note"
_BOX_COLUMNS = ("box_x0", "box_y0", "box_x1", "box_y1")
_COORDINATES = tuple(f"{joint} {axis}" for joint in JOINTS for axis in "xyz")
_TRUE = "true "  # prefix of the ground truth's columns in a table
_TEXT_BATCH = 128
MOST = 10**9  # largest number of a take, camera or frame


def _read_npz(path):
    try:
        return read_arrays(path)
    except ValueError as error:
        raise UserError(
            f"{path}: not an npz file of plain arrays, or damaged; write it again ({error})"
        ) from error


def _write_npz(path, content):
    np.savez(path, **content)


def _read_json(path):
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON, or truncated; write it again ({error})") from error
    if not isinstance(found, dict):
        found = {"the list": found}
    for name, values in found.items():
        if not isinstance(values, list):
            raise UserError(f"{path}: {name} is not a list; give poses as nested lists")
    return found


def _write_json(path, content):
    lists = {
        name: _nine_digits(values).tolist() if name.endswith("_mm") else np.asarray(values).tolist()
        for name, values in content.items()
    }
    path.write_text(json.dumps(lists), encoding="utf-8")


def _read_csv(path):
    columns, rows = read_table(path)
    found = {name: [row.text(name) for row in rows] for name in TEXT_KEYS if name in columns}
    found |= {
        name: np.array([row.whole(name, 0, MOST) for row in rows], int)
        for name in NUMBER_KEYS
        if name in columns
    }
    for name, prefix in (("predictions_mm", ""), ("truths_mm", _TRUE)):
        wanted = [prefix + coordinate for coordinate in _COORDINATES]
        missing = [column for column in wanted if column not in columns]
        if not missing:
            found[name] = np.array([[row.number(column) for column in wanted] for row in rows])
        elif len(missing) < len(wanted):
            raise UserError(f"{path}: column {missing[0]!r} is missing; give x, y and z of all 17 joints")
    if not found.keys() & {"predictions_mm", "truths_mm"}:
        raise UserError(f"{path}: the first line must name the columns {_COORDINATES[0]!r} and so on")
    return found


def _write_csv(path, content):
    columns = {name: content[name] for name in (PICTURE, *KEYS) if name in content}
    if BOX in content:
        columns |= zip(_BOX_COLUMNS, np.asarray(content[BOX]).T, strict=True)
    columns |= {name: content[name] for name in (PEOPLE, TRUST, NOTE) if name in content}
    prefixes = {"predictions_mm": "", "truths_mm": _TRUE}
    held = [name for name in prefixes if name in content]
    poses = np.concatenate([content[name] for name in held], axis=1)
    rows = _nine_digits(poses.reshape(len(poses), -1)).tolist()
    keys = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    key_rows = keys if columns else [()] * len(rows)
    names = [*columns, *(prefixes[name] + column for name in held for column in _COORDINATES)]
    write_table(path, names, ([*key, *row] for key, row in zip(key_rows, rows, strict=True)))


def _read_txt(path):
    """Parse numbers in brackets. The text is never evaluated: it may come from anywhere."""
    try:
        text = re.sub("#.*", "", path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file; write it again ({error})") from error
    if text.count("[") != text.count("]"):
        raise UserError(f"{path}: brackets do not match; the file is truncated or damaged, write it again")
    frame = re.compile(r"\[([^\[\]]*)\]")
    # The text around the frames, each of them replaced by a sign that occurs nowhere else.
    around = re.sub(r"[\s,]", "", frame.sub("#", text))
    if not re.fullmatch(r"(\[#*\])*", around):
        raise UserError(
            f"{path}: not batches of frames; write each batch as [[51 numbers], [51 numbers], ...]"
        )
    rows = [match.replace(",", " ").split() for match in frame.findall(text)]
    rows = rows if "#" in around else []
    for i, row in enumerate(rows):
        if len(row) != N_COORDINATES:
            raise UserError(
                f"{path}: frame {i + 1} has {len(row)} numbers; give {N_COORDINATES}, 3 for each of "
                f"{N_JOINTS} joints"
            )
        try:
            rows[i] = [float(word) for word in row]
        except ValueError as error:
            raise UserError(
                f"{path}: frame {i + 1} holds something other than numbers; correct it ({error})"
            ) from None
    return {"the text": np.array(rows)}


def _write_txt(path, poses):
    flat = _nine_digits(poses.reshape(-1, N_COORDINATES))
    batches = [str(flat[i : i + _TEXT_BATCH].tolist()) for i in range(0, len(flat), _TEXT_BATCH)]
    path.write_text("\n".join([f"# x, y, z in mm of {', '.join(JOINTS)}", *batches, ""]), encoding="utf-8")


def _nine_digits(array):
    """Round float32 numbers to nine digits, as float64, so that their text has no more digits."""
    return np.array([float(f"{value:.9g}") for value in array.ravel().tolist()]).reshape(array.shape)


def _read_h5(path):
    with open_built_file(path) as file:
        count = len(file["frame"])
        return {
            "truths_mm": file["poses"][()],
            **{name: np.full(count, text_of(file, name)) for name in TEXT_KEYS},
            **{name: file[name][()] for name in NUMBER_KEYS},
        }


# By suffix: a path -> dict of names to arrays or lists.
READERS = {".npz": _read_npz, ".csv": _read_csv, ".json": _read_json, ".txt": _read_txt, ".h5": _read_h5}
# A path and such a dict (txt: a path and an (F, 17, 3) array) -> a file.
WRITERS = {"npz": _write_npz, "csv": _write_csv, "json": _write_json, "txt": _write_txt}
FORMATS = tuple(WRITERS)
