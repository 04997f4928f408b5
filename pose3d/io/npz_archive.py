"""Npz files with a JSON header and named groups of arrays: the format of weights and checkpoints."""

import json
import zipfile
from dataclasses import dataclass

import numpy as np

from pose3d.errors import UserError


@dataclass(frozen=True)
class Format:
    """One kind of npz file."""

    tag: str  # identifies the kind in the header
    noun: str  # name of the kind in error messages
    version: int

    def write(self, path, header, arrays):
        """Write a header (dict for JSON) and arrays (dict), whose names are ``group.name`` as from `join`."""
        header = {"format": self.tag, "version": self.version, **header}
        with open(path, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)

    def read(self, path, decode):
        """Read a file, and return ``decode(header, arrays)``. Pickled arrays are refused.

        A `UserError` tells of a file that is damaged, or of another kind or version.
        """
        try:
            arrays = read_arrays(path)
            header = json.loads(str(arrays.pop("header")))
            if header["format"] != self.tag:
                raise ValueError(f"its format is {header['format']}")
            if header["version"] != self.version:
                raise UserError(
                    f"version {header['version']}, this program reads {self.version}: train again"
                )
            return decode(header, arrays)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path} is no {self.noun} of pose3d, or damaged ({error})") from error


def read_arrays(path):
    """All arrays of an npz file, by name. Pickled arrays are refused.

    OSError if the file cannot be opened, ValueError if it is damaged or no npz file.
    """
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("no zip archive, or cut short")
        try:
            with np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
        except Exception as error:  # neither numpy nor zipfile says what damaged bytes can raise
            raise ValueError(str(error) or type(error).__name__) from error
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray):  # a member without numpy's first bytes
            raise ValueError(f"{name} is no array")
    return arrays


def join(**groups):
    """Merge groups (dicts of arrays) into one dict with names ``group.name``."""
    return {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}


def split(arrays, *groups):
    """Split the dict of `join` into its groups, in the given order; KeyError if an array is of another."""
    found = {group: {} for group in groups}
    for name, value in arrays.items():
        group, _, key = name.partition(".")
        found[group][key] = value
    return found.values()
