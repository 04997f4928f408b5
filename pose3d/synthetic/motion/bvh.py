"""BVH motion capture: a strict reader and the forward kinematics."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.errors import UserError

_LARGEST = 1e7  # of a number; larger ones are no lengths or angles of a body, and overflow further on
_CHANNELS = {f"{axis}{kind}": (kind, i) for kind in ("position", "rotation") for i, axis in enumerate("xyz")}


@dataclass(frozen=True)
class Bvh:
    """Content of a file, in its own unit and axes; J counts joints and End Sites."""

    path: Path
    names: list  # "" for an End Site
    parents: list  # each smaller than the joint's own index; -1 for the root
    offsets: np.ndarray  # (J, 3)
    channels: list  # by joint, a list of ("position" or "rotation", axis 0..2)
    values: np.ndarray  # (F, C), all joints' channels in order; angles in degrees
    frame_time: float  # s


def read(path):
    """Read a BVH file, with channels in any order; a `UserError` names the line that violates the format."""
    path = Path(path)
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip().upper() == "MOTION"), None)
    if start is None:
        raise UserError(f"{path}, line {len(lines)}: MOTION is missing; the file is truncated or not BVH")
    names, parents, offsets, channels = _hierarchy(_Words(path, lines[:start]))
    rows = [(i, line) for i, line in enumerate(lines[start + 1 :], start + 2) if line.strip()]
    frames, frame_time = _timing(path, rows[:2], len(lines))
    values = _values(path, rows[2:], frames, sum(map(len, channels)), len(lines))
    return Bvh(path, names, parents, np.array(offsets, float), channels, values, frame_time)


def pose(bvh):
    """Forward kinematics of all frames.

    A position channel replaces the offset along its axis, as exporters write it. Returns positions (F, J, 3),
    in the file's unit and axes, and a list of J Rotations of F each, from the joint's own axes to the file's.
    """
    frames = len(bvh.values)
    positions = np.zeros((frames, len(bvh.names), 3))
    rotations = []
    column = 0
    for joint, (parent, channels) in enumerate(zip(bvh.parents, bvh.channels, strict=True)):
        offset, turn = np.tile(bvh.offsets[joint], (frames, 1)), Rotation.identity(frames)
        for kind, axis in channels:
            value = bvh.values[:, column]
            column += 1
            if kind == "position":
                offset[:, axis] = value
            else:
                turn = turn * Rotation.from_euler("xyz"[axis], value[:, None], degrees=True)
        if parent >= 0:
            offset = positions[:, parent] + rotations[parent].apply(offset)
            turn = rotations[parent] * turn
        positions[:, joint] = offset
        rotations.append(turn)
    return positions, rotations


def rest_pose(bvh):
    """(J, 3) positions of the joints without rotation."""
    positions = np.zeros(bvh.offsets.shape)
    for joint, parent in enumerate(bvh.parents):
        positions[joint] = bvh.offsets[joint] + (positions[parent] if parent >= 0 else 0)
    return positions


class _Words:
    """Tokens of the hierarchy, taken in turn; `line` is that of the last one taken."""

    def __init__(self, path, lines):
        self.path, self.line = path, 1
        spaced = (re.sub(r"([{}])", r" \1 ", line) for line in lines)
        self._left = [(word, i) for i, line in enumerate(spaced, 1) for word in line.split()][::-1]

    def __bool__(self):
        return bool(self._left)

    def take(self, *wanted):
        """Take the next word; an error if it is not among `wanted`, if given."""
        word, self.line = self._left.pop() if self._left else ("MOTION", self.line)
        if wanted and word.upper() not in wanted:
            raise self.error(f"{' or '.join(wanted)} expected, not {word!r}")
        return word

    def name(self):
        """Take all words up to the opening brace of a joint."""
        words = []
        while self and (word := self.take()) != "{":
            words.append(word)
        if not words or not self:
            raise self.error("a joint's name and an opening brace expected")
        return " ".join(words)

    def numbers(self, count):
        words = [self.take() for _ in range(count)]
        return [_number(word, f"{self.path}, line {self.line}") for word in words]

    def error(self, message, line=None):
        return UserError(f"{self.path}, line {line or self.line}: {message}")


def _hierarchy(words):
    """Names, parents, offsets and channels of the figure."""
    names, parents, offsets, channels = [], [], [], []
    opened = []  # joints with open braces, and the lines of the braces
    words.take("HIERARCHY")
    word = words.take("ROOT")
    while True:
        if word.upper() in ("ROOT", "JOINT", "END"):
            if word.upper() == "END":
                words.take("SITE")
                words.take("{")
            names.append("" if word.upper() == "END" else words.name())
            if names[-1] and names[-1] in names[:-1]:
                raise words.error(f"a second joint {names[-1]!r}; rename one")
            parents.append(opened[-1][0] if opened else -1)
            offsets.append(None)
            channels.append([])
            opened.append((len(names) - 1, words.line))
        elif word.upper() == "OFFSET":
            offsets[opened[-1][0]] = words.numbers(3)
        elif word.upper() == "CHANNELS":
            channels[opened[-1][0]] = _channels(words)
        elif offsets[joint := opened.pop()[0]] is None:
            raise words.error(f"{names[joint] or 'an End Site'} ends without an OFFSET")
        if not opened:
            break
        if not words:
            joint, line = opened[-1]
            raise words.error(f"the brace of {names[joint] or 'an End Site'} is not closed", line)
        word = words.take("OFFSET", "CHANNELS", "JOINT", "END", "}")
    if words:
        raise words.error(f"{words.take()!r} after the end of the figure; give one figure per file")
    return names, parents, offsets, channels


def _channels(words):
    count = words.take()
    if count not in ("0", "1", "2", "3", "4", "5", "6"):
        raise words.error(f"the number of channels expected, not {count!r}; a joint has 6 at most")
    return [_CHANNELS[words.take(*map(str.upper, _CHANNELS)).lower()] for _ in range(int(count))]


def _timing(path, rows, last):
    """Number of frames and frame time in s, from the two lines below MOTION."""
    wanted = (("Frames", "the number of frames"), ("Frame Time", "the seconds between frames"))
    found = []
    for (key, what), (line, text) in zip(wanted, [*rows, (last, ""), (last, "")], strict=False):
        match = re.fullmatch(key.replace(" ", r"\s+") + r"\s*:\s*(\S+)", text.strip(), re.IGNORECASE)
        if not match:
            raise UserError(f"{path}, line {line}: '{key}:' and {what} expected, not {text.strip()!r}")
        value = _number(match[1], f"{path}, line {line}")
        if value <= 0 or (key == "Frames" and value != int(value)):
            raise UserError(f"{path}, line {line}: {match[1]} cannot be {what}")
        found.append(value)
    return int(found[0]), found[1]


def _values(path, rows, frames, columns, last):
    """The (F, C) table of channel values."""
    if len(rows) != frames:
        line = rows[frames][0] if len(rows) > frames else last
        raise UserError(f"{path}, line {line}: {frames} frames announced, but {len(rows)} lines of motion")
    table = np.empty((frames, columns))
    for row, (line, text) in zip(table, rows, strict=True):
        where, words = f"{path}, line {line}", text.split()
        if len(words) != columns:
            raise UserError(f"{where}: {len(words)} values, but the joints have {columns} channels")
        row[:] = [_number(word, where) for word in words]
    return table


def _number(word, where):
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not abs(value) <= _LARGEST:
        raise UserError(f"{where}: {word!r} is not a finite number, at most {_LARGEST:g}")
    return value
