"""Reading and writing each format, as it is: what its arrays mean is told in pair.py."""

import csv
import json
import re
import zipfile
import zlib

import h5py
import numpy as np

from pose3d.errors import UserError
from pose3d.io.csv_tables import read_table
from pose3d.skeleton import JOINTS, N_COORDINATES, N_JOINTS

# What a frame is: its recording, and its number there.
TEXT_KEYS, NUMBER_KEYS = ("action", "subject"), ("take", "camera", "frame")
KEYS = TEXT_KEYS + NUMBER_KEYS
PICTURE = "picture"  # the name of the picture that a pose was predicted from: written, and not asked for
_COORDINATES = tuple(f"{joint} {axis}" for joint in JOINTS for axis in "xyz")
_TRUE = "true "  # begins the names of the truth's columns in a table
_TEXT_BATCH = 128
_MOST = 10**9  # of takes, cameras and frames


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} is no npz file of plain arrays, or damaged; write it again ({error})"
        ) from error


def _write_npz(path, content):
    np.savez(path, **content)


def _read_hdf5(path):
    try:
        with h5py.File(path, "r") as file:
            sets = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
            return {
                name: item.asstr()[()].astype(str) if h5py.check_string_dtype(item.dtype) else item[()]
                for name, item in sets.items()
            }
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{path} is no HDF5 file, or damaged; write it again ({error})") from error


def _write_hdf5(path, content):
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            texts = np.asarray(values).dtype.kind == "U"
            file[name] = np.asarray(values, h5py.string_dtype()) if texts else values


def _read_json(path):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON, or cut off; write it again ({error})") from error
    if not isinstance(found, dict):
        found = {"the list": found}
    for name, values in found.items():
        if not isinstance(values, list):
            raise UserError(f"{path}: {name} is no list; give poses as nested lists")
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
        name: np.array([row.whole(name, 0, _MOST) for row in rows], int)
        for name in NUMBER_KEYS
        if name in columns
    }
    for name, prefix in (("predictions_mm", ""), ("truths_mm", _TRUE)):
        wanted = [prefix + coordinate for coordinate in _COORDINATES]
        missing = [column for column in wanted if column not in columns]
        if not missing:
            found[name] = np.array([[row.number(column) for column in wanted] for row in rows])
        elif len(missing) < len(wanted):
            raise UserError(f"{path} lacks the column {missing[0]!r}; a pose has 17 joints x, y, z")
    if not found.keys() & {"predictions_mm", "truths_mm"}:
        raise UserError(f"{path}: its first line must name the columns {_COORDINATES[0]!r} and so on")
    return found


def _write_csv(path, content):
    keys = [name for name in (PICTURE, *KEYS) if name in content]
    prefixes = {"predictions_mm": "", "truths_mm": _TRUE}
    held = [name for name in prefixes if name in content]
    poses = np.concatenate([content[name] for name in held], axis=1)
    rows = _nine_digits(poses.reshape(len(poses), -1)).tolist()
    told = (
        zip(*(np.asarray(content[name]).tolist() for name in keys), strict=True) if keys else [()] * len(rows)
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *(prefixes[name] + column for name in held for column in _COORDINATES)])
        writer.writerows([*key, *row] for key, row in zip(told, rows, strict=True))


def _read_txt(path):
    """Numbers in brackets; never evaluated, for a file from elsewhere is no program."""
    try:
        text = re.sub("#.*", "", path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text; write it again ({error})") from error
    if text.count("[") != text.count("]"):
        raise UserError(f"{path}: its brackets do not match: it is cut off, or damaged; write it again")
    frame = re.compile(r"\[([^\[\]]*)\]")
    # What is left when every innermost list becomes a sign that is nowhere else in the text.
    around = re.sub(r"[\s,]", "", frame.sub("#", text))
    if not re.fullmatch(r"(\[#*\])*", around):
        raise UserError(
            f"{path} is not made of batches of frames; write each as [[51 numbers], [51 numbers], ...]"
        )
    rows = [match.replace(",", " ").split() for match in frame.findall(text)]
    rows = rows if "#" in around else []
    for i, row in enumerate(rows):
        if len(row) != N_COORDINATES:
            raise UserError(
                f"{path}: frame {i + 1} has {len(row)} numbers, not {N_COORDINATES} = {N_JOINTS} joints x 3; "
                "mend it"
            )
        try:
            rows[i] = [float(word) for word in row]
        except ValueError as error:
            raise UserError(f"{path}: frame {i + 1} holds what is not a number; mend it ({error})") from None
    return {"the text": np.array(rows)}


def _write_txt(path, poses):
    flat = _nine_digits(poses.reshape(-1, N_COORDINATES))
    batches = [str(flat[i : i + _TEXT_BATCH].tolist()) for i in range(0, len(flat), _TEXT_BATCH)]
    path.write_text("\n".join([f"# x, y, z in mm of {', '.join(JOINTS)}", *batches, ""]), encoding="utf-8")


def _nine_digits(array):
    """The numbers of nine digits next to float32 ones, as float64, whose own text is no longer."""
    return np.array([float(f"{value:.9g}") for value in array.ravel().tolist()]).reshape(array.shape)


# By suffix: a path -> dict from names to arrays or lists.
READERS = {
    ".npz": _read_npz, ".csv": _read_csv, ".json": _read_json, ".h5": _read_hdf5, ".hdf5": _read_hdf5,
    ".txt": _read_txt,
}  # fmt: skip
# A path and such a dict, of txt an (F, 17, 3) array -> a file.
WRITERS = {
    "npz": _write_npz, "csv": _write_csv, "json": _write_json, "h5": _write_hdf5, "txt": _write_txt,
}  # fmt: skip
FORMATS = tuple(WRITERS)
