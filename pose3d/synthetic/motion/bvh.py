"""BVH motion capture: a strict reader and the forward kinematics."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.errors import UserError

_LARGEST = 1e7  # of a number; larger ones are no lengths or angles of a body, and overflow further on
_ITEM = re.compile(
    r"(?:(?P<kind>ROOT|JOINT)\s+(?P<name>[^{}\n]*[^{}\s])\s*\{|(?P<site>END\s+SITE)\s*\{|(?P<end>\})"
    r"|OFFSET(?P<offset>(?:\s+[^\s{}]+){3})"
    r"|CHANNELS\s+(?P<count>\d)(?=\s)(?P<channels>(?:\s+[XYZ](?:POSITION|ROTATION)\b)*))\s*",
    re.IGNORECASE,
)
_TIMING = re.compile(r"\s*Frames\s*:\s*(\S+)\s*\n\s*Frame\s+Time\s*:\s*(\S+)[^\S\n]*(?:\n|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Bvh:
    """Content of a file, in its own unit and axes; J counts joints and End Sites."""

    path: Path
    names: list  # "" for an End Site
    parents: list  # each smaller than the joint's own index; -1 for the root
    offsets: np.ndarray  # (J, 3)
    channels: list  # by joint, a list of ("position" or "rotation", "x", "y" or "z")
    values: np.ndarray  # (F, C), all joints' channels in order; angles in degrees
    frame_time: float  # s


def read(path):
    """Read a BVH file, with channels in any order; a `UserError` names the line that violates the format."""
    path = Path(path)
    text = path.read_text(encoding="utf-8-sig", errors="replace")

    def error(message, at):
        line = text.count("\n", 0, at) + 1
        return UserError(f"{path}, line {line}: {message}")

    motion = re.search(r"^[^\S\n]*MOTION[^\S\n]*$", text, re.IGNORECASE | re.MULTILINE)
    if not motion:
        raise error("MOTION is missing; the file is truncated or not BVH", len(text.rstrip()))
    names, parents, offsets, channels = _figure(text[: motion.start()], error)
    timing = _TIMING.match(text, motion.end())
    if not timing:
        raise error("'Frames:' and 'Frame Time:' with a number each expected after MOTION", motion.end())
    frames, step = (_number(word, timing.start(i), error) for i, word in enumerate(timing.groups(), 1))
    if frames < 1 or step <= 0:
        raise error(f"{frames:g} frames of {step:g} s are no motion", timing.end(2))
    values = _table(text, timing.end(), sum(map(len, channels)), error)
    if len(values) != frames:
        raise error(f"{frames:g} frames announced, but {len(values)} lines of motion", len(text.rstrip()))
    return Bvh(path, names, parents, np.array(offsets), channels, np.array(values), step)


def pose(bvh):
    """Forward kinematics of all frames.

    A position channel replaces the offset along its axis, as exporters write it. Returns positions (F, J, 3),
    in the file's unit and axes, and a list of J Rotations of F each, from the joint's own axes to the file's.
    """
    frames, columns = len(bvh.values), iter(bvh.values.T)
    positions, rotations = np.zeros((frames, len(bvh.names), 3)), []
    for joint, (parent, channels) in enumerate(zip(bvh.parents, bvh.channels, strict=True)):
        offset, turn = np.tile(bvh.offsets[joint], (frames, 1)), Rotation.identity(frames)
        for kind, axis in channels:
            if kind == "position":
                offset[:, "xyz".index(axis)] = next(columns)
            else:
                turn = turn * Rotation.from_euler(axis, next(columns)[:, None], degrees=True)
        if parent >= 0:
            offset = positions[:, parent] + rotations[parent].apply(offset)
            turn = rotations[parent] * turn
        positions[:, joint] = offset
        rotations.append(turn)
    return positions, rotations


def rest_pose(bvh):
    """(1, J, 3) positions of the joints without rotation."""
    return pose(replace(bvh, channels=[()] * len(bvh.names), values=np.empty((1, 0))))[0]


def _figure(text, error):
    """Names, parents, offsets and channels of the joints in the text above MOTION."""
    names, parents, offsets, channels, opened = [], [], [], [], []
    start = re.match(r"\s*HIERARCHY\s+", text, re.IGNORECASE)
    at = start.end() if start else 0
    while opened or not names:
        item = _ITEM.match(text, at) if start else None
        is_root = item is not None and (item["kind"] or "").upper() == "ROOT"
        if item is None or is_root == bool(opened):
            wanted = "JOINT, End Site, OFFSET, CHANNELS or }" if opened else "HIERARCHY and ROOT"
            raise error(f"{wanted} expected, not {(text[at:].split() or ['MOTION'])[0]!r}", at)
        if item["end"]:
            if offsets[joint := opened.pop()] is None:
                raise error(f"{names[joint] or 'an End Site'} ends without an OFFSET", at)
        elif item["offset"]:
            offsets[opened[-1]] = [_number(word, at, error) for word in item["offset"].split()]
        elif item["count"]:
            words = item["channels"].lower().split()
            if len(words) != int(item["count"]):
                raise error(f"{item['count']} channels announced, but {len(words)} named", at)
            channels[opened[-1]] = [(word[1:], word[0]) for word in words]
        else:
            if item["name"] and item["name"] in names:
                raise error(f"a second joint {item['name']!r}; rename one", at)
            parents.append(opened[-1] if opened else -1)
            opened.append(len(names))
            names.append(item["name"] or "")
            offsets.append(None)
            channels.append([])
        at = item.end()
    if text[at:]:
        raise error(f"{text[at:].split()[0]!r} after the end of the figure; give one figure per file", at)
    return names, parents, offsets, channels


def _table(text, start, columns, error):
    """The lines of channel values, as lists of floats."""
    table = []
    for line in re.compile(r".*\S.*").finditer(text, start):
        words = line[0].split()
        if len(words) != columns:
            raise error(f"{len(words)} values, but the joints have {columns} channels", line.start())
        table.append([_number(word, line.start(), error) for word in words])
    return table


def _number(word, at, error):
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not abs(value) <= _LARGEST:
        raise error(f"{word!r} is not a finite number, at most {_LARGEST:g}", at)
    return value
