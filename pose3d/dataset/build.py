"""Build files from recordings in several processes; an interrupted build can be resumed."""

import contextlib
import functools
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

import pose3d
from pose3d.config import PEOPLE
from pose3d.dataset.built_files import (
    built_file_writer,
    built_path,
    read_blocks,
    read_provenance,
    write_built_file,
)
from pose3d.dataset.crop_recording import crop_recording
from pose3d.errors import UserError
from pose3d.io.atomic_files import DiskFullError, exclusive, remove_partial
from pose3d.synthetic.tree.provenance import read_provenance as read_provenance_of_tree

# Folder below --out: one file for each finished recording, until an action of a subject is complete.
PARTS = ".parts"


@dataclass
class BuiltFile:
    """A built file, finished or not: the recordings of one action and subject."""

    action: str
    subject: str
    recordings: list
    path: Path
    left: int = 0  # recordings that have no part yet
    seconds: float = 0.0  # of work in this build, 0 if nothing was missing
    facts: tuple = ()  # by recording, a dict of `crop_recording`; empty if it failed


def build(recordings, out, source, run, every=1, workers=1):
    """Make the built files that are missing: list of BuiltFile, and a line for each unreadable recording.

    If a recording cannot be read, its file is not built; all other files are.

    `recordings` are hashable objects of one kind with ``subject``, ``action``, ``take``, ``camera`` and
    ``name`` as of `pose3d.recordings.human36m.Recording`; and ``files``, a tuple of the paths it is read from
    (a folder stands for its files), None for a missing one. `out` is the folder of the built files, `source`
    that of the recordings, or `pose3d.config.PEOPLE`, which is kept in the files. `run` is a function of
    (function, tasks, workers), as `pose3d.io.processes.team` yields it. Every n-th frame is kept.

    A `UserError` if another build works in that folder, a file there was built from other recordings or with
    another `every`, or the disk is full.
    """
    out = Path(out)
    with exclusive(out):
        built = _files(recordings, out)
        for file in built:
            if file.path.exists():
                file.facts = _reusable(file.path, file.recordings, source, every)
        missing = [file for file in built if not file.path.exists()]
        failures = _build_missing(missing, out, source, every, functools.partial(run, workers=workers))
    return built, failures


def _files(recordings, out):
    """The built files that the recordings make, each by take and camera."""
    groups = {}
    for recording in recordings:
        groups.setdefault((recording.action, recording.subject), []).append(recording)
    for group in groups.values():
        group.sort(key=lambda recording: (recording.take, int(recording.camera)))
    return [BuiltFile(*key, group, built_path(out, *key)) for key, group in groups.items()]


def _provenance(recordings, source, every, **lists):
    """What a file is built from. Files count by size and content, so that a tree may be moved or copied.

    `lists` are stamps, digests and facts, one entry for each recording.
    """

    def size(path):
        return None if path is None else sum(inner.stat().st_size for inner in _files_in(path))

    return {
        "pose3d": pose3d.__version__,
        "source": str(source),
        "synthetic": source == PEOPLE or read_provenance_of_tree(source) is not None,
        "every": every,
        "cameras": sorted({r.camera for r in recordings}),
        "recordings": [[r.take, r.camera, r.name, *map(size, r.files)] for r in recordings],
        **lists,
    }


def _files_in(path):
    """The files that a path stands for, sorted: itself, or those of a folder, without hidden ones."""
    if path is None or not path.is_dir():
        return [] if path is None else [path]
    return sorted(inner for inner in path.iterdir() if inner.is_file() and inner.name[0] != ".")


def _stamps(recordings):
    """Digest of names, sizes and times of change of each recording's files: list of str."""
    found = []
    for recording in recordings:
        files = [file for path in recording.files for file in _files_in(path)]
        states = [(file.name, (state := file.stat()).st_size, state.st_mtime_ns) for file in files]
        found.append(hashlib.sha256(repr(states).encode()).hexdigest())
    return found


def _digests(recordings):
    """Digest of each file of each recording."""
    return [[_digest(path) for path in recording.files] for recording in recordings]


def _digest(path):
    """Digest of a file's content, or of the names and contents in a folder; None if it does not exist."""
    if path is None:
        return None
    digest = hashlib.sha256()
    for inner in _files_in(path):
        digest.update(os.fsencode(f"{inner.name}\n") if path.is_dir() else b"")
        with inner.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _reusable(path, recordings, source, every):
    """Facts of a built file that equals what this build would make; otherwise a UserError."""
    found, wanted = read_provenance(path), _provenance(recordings, source, every)
    differing = [key for key in ("every", "cameras", "source") if found.get(key) != wanted[key]]
    names, asked = ([row[:3] for row in each.get("recordings", [])] for each in (found, wanted))
    if differing and differing != ["source"]:  # a tree may be moved
        how = f"with {differing[0]} {found.get(differing[0])}, not {wanted[differing[0]]}"
    elif names != asked:
        how = f"from {len(names)} recordings, which are not the {len(asked)} asked for now"
    # Files are read only where the stamps differ, as those of a copy do.
    elif found["recordings"] == wanted["recordings"] and (
        found["stamps"] == _stamps(recordings) or found["digests"] == _digests(recordings)
    ):
        return found["facts"]
    elif differing:
        how = f"with source {found['source']}, not {wanted['source']}"
    else:
        how = f"before files in {source} changed"
    raise UserError(f"{path} was built {how}; give another --out, or remove the file to build it anew")


def _build_missing(files, out, source, every, run):
    """Build the parts, and each file as soon as its parts are complete; returns failures by recording."""
    tasks, owners = [], []
    for file in files:
        paths = {r: _part_path(out, r) for r in file.recordings}
        todo = [r for r, path in paths.items() if not _is_done(path, r, source, every)]
        tasks += [(r, paths[r], source, every) for r in todo]
        owners += [file] * len(todo)
        file.left = len(todo)
    failures = []
    with contextlib.ExitStack() as stack:
        stack.callback(_tidy, out)
        for file in files:
            if not file.left:
                _merge(file, out, source, every)
        bar = stack.enter_context(tqdm(total=len(tasks), desc="recordings", unit="recording", disable=None))
        finished = stack.enter_context(contextlib.closing(run(build_part, tasks)))
        for number, future in finished:
            bar.update()
            file = owners[number]
            try:
                file.seconds += future.result()
            except DiskFullError:
                raise
            except UserError as error:
                failures.append(str(error))
                continue
            file.left -= 1
            if not file.left:
                _merge(file, out, source, every)
    return failures


def _tidy(out):
    """Remove what a killed build was writing or has merged, and the folder of parts if it is empty."""
    parts = out / PARTS
    if parts.is_dir():
        remove_partial(parts)
        for path in merged_parts(out):
            path.unlink()
        if not any(parts.iterdir()):
            parts.rmdir()


def merged_parts(out):
    """Parts whose built file is complete, left by a kill before they were removed: list of Path, sorted."""
    # Take and camera follow the last hyphens of a part's name, what precedes them names the built file.
    parts = sorted((out / PARTS).glob("[!.]*.h5"))
    return [path for path in parts if (out / f"{path.stem.rsplit('-', 2)[0]}.h5").exists()]


def build_part(recording, path, source, every):
    """Sample one recording into a file of its own; returns the seconds it took."""
    start = time.perf_counter()
    with built_file_writer(path, recording.action, recording.subject) as writer:
        # Before the files are read, so that a change meanwhile is noticed later.
        lists = {"stamps": _stamps([recording]), "digests": _digests([recording])}
        lists["facts"] = [crop_recording(recording, every, writer.append)]
        writer.provenance = _provenance([recording], source, every, **lists)
    return time.perf_counter() - start


def _part_path(out, recording):
    r = recording
    return out / PARTS / f"{r.action}-{r.subject}-{r.take}-{r.camera}.h5"


def _is_done(path, recording, source, every):
    """Whether an earlier build left a part that can be used: neither damaged nor built with other options."""
    with contextlib.suppress(UserError):
        return path.exists() and bool(_reusable(path, [recording], source, every))
    return False


def _merge(file, out, source, every):
    """Join the parts of a file and remove them."""
    paths = [_part_path(out, recording) for recording in file.recordings]
    parts = [read_provenance(path) for path in paths]
    lists = {name: [one for part in parts for one in part[name]] for name in ("stamps", "digests", "facts")}
    provenance = _provenance(file.recordings, source, every, **lists)
    blocks = (block for path in paths for block in read_blocks(path))
    write_built_file(file.path, file.action, file.subject, blocks, provenance)
    file.facts = lists["facts"]
    for path in paths:
        path.unlink()
