"""Verify a source without building it, and checksums, counts and value ranges of built files."""

import hashlib
from functools import partial
from operator import ne, not_

import numpy as np
from tqdm import tqdm

from pose3d.dataset.build import merged_parts
from pose3d.dataset.built_files import BLOCK, REMEDY, SCHEMA, open_built_file, read_provenance
from pose3d.dataset.samples import built_files
from pose3d.errors import UserError
from pose3d.io.hdf5 import FAULTS, fault, text_of
from pose3d.recordings import human36m
from pose3d.recordings.checks import Check, Findings, failed, in_words
from pose3d.recordings.custom.verification import verify_recordings
from pose3d.recordings.human36m.tree_checks import verify_raw
from pose3d.recordings.registry import CUSTOM, RAW, find_recordings, kind_of
from pose3d.skeleton import PELVIS
from pose3d.synthetic.tree.provenance import read_provenance as read_tree

COLUMNS = ("file", "samples", "takes", "repeated", "blank", "farthest joint mm", "verdict")
# The farthest joint of a person is no nearer to the pelvis and no farther from it.
REACH_MM = 250, 2500
# With more repeated frames than this, a network sees the same image for many poses. The report's own data
# repeated each image 12 times.
REPEATED_PERCENT = 10
_PROGRESS = partial(tqdm, leave=False, disable=None)
# Each with `path` in front.
CHECKS = (
    Check("changed", bool, f"{{changed}} differ from what was written (checksum); {REMEDY}"),
    Check("found noted", ne, f"holds {{found}}, but the build recorded {{noted}}; {REMEDY}"),
    Check("count", lambda n: n == 0, f"holds no sample; {REMEDY}"),
    Check("ordered", not_, f"frames of a recording are out of order or occur twice; {REMEDY}"),
    Check("off_zero", lambda mm: mm > 0, f"a pose's pelvis is {{off_zero:.1f}} mm off zero; {REMEDY}"),
    Check("count farthest", lambda n, mm: n and not REACH_MM[0] < mm < REACH_MM[1],
          "the farthest joint is {farthest:.0f} mm from the pelvis; check the source and its unit"),
    Check("empty_boxes", bool, f"{{empty_boxes}} boxes are empty; {REMEDY}"),
    Check("percent", lambda percent: percent > REPEATED_PERCENT,
          "{percent:.0f} % of the images equal the one before; check the source's frame numbers"),
)  # fmt: skip


def verify(source, out, selection, overrides, metadata):
    """Yield a title and the `Findings` of the source, unless it is None, and of the built files in `out`."""
    if source is not None:
        yield verify_source(source, selection, overrides, metadata)
    if paths := built_files(out):
        found = verify_built(_PROGRESS(paths, unit="file"))
        found.notes += [f"{path}: left by a killed build; the next removes it" for path in merged_parts(out)]
        yield f"built files in {out}:", found


def verify_source(source, selection, overrides, metadata):
    """A title and the `Findings` in the selected recordings of a raw tree or of custom recordings."""
    if (kind := kind_of(source)) is CUSTOM:
        _, recordings, _ = find_recordings(source, selection)
        return f"{kind.name} {source}:", verify_recordings(_PROGRESS(recordings, unit="recording"))
    if kind is not RAW:
        raise UserError(f"{source} is a {kind.name}; --verify checks raw trees and custom recordings")
    tree = read_tree(source)
    verdicts = human36m.verdicts_on(tree is not None, overrides)
    if tree is None:
        expected = human36m.POSES
    else:  # captured motion has its own lengths
        expected = {} if "motion" in tree else dict.fromkeys(human36m.SUB_ACTIONS, tree["frames"])
    found = verify_raw(source, *selection.of_raw(), verdicts, expected, metadata)
    return f"raw tree {source}{'' if tree is None else ', synthetic'}:", found


def verify_built(paths):
    """Read built files whole, block by block, and check them: `Findings`.

    Checks the checksum of each array; the numbers of samples and of repeated and blank images against those
    of the build; order, units and ranges. What cannot be read is a fault, no exception.
    """
    result = Findings(COLUMNS, [])
    for path in paths:
        try:
            row, faults = _verify(path)
        except (UserError, *FAULTS) as error:  # of the latter, facts of other kinds than a build writes
            row = (path.name, *[None] * (len(COLUMNS) - 2), "damaged")
            faults = [str(error if isinstance(error, UserError) else fault(path, error, REMEDY))]
        result.rows.append(row)
        result.faults += faults
    return result


def _verify(path):
    """Row and faults of a file."""
    tally = _Tally()
    with open_built_file(path) as file:
        for start in range(0, len(file["frame"]), BLOCK):
            tally.add({name: file[name][start : start + BLOCK] for name in SCHEMA})
        recorded = {name: text_of(file[name], "sha256") for name in SCHEMA}
    values = tally.values(recorded, read_provenance(path)["facts"])
    faults = [f"{path}: {message}" for message in failed(CHECKS, values)]
    row = (path.name, tally.count, len(tally.takes), tally.repeated, tally.blank, round(tally.farthest))
    return (*row, in_words(len(faults))), faults


class _Tally:
    """Counts and checksums over the blocks of a file."""

    def __init__(self):
        self.digests = {}
        self.count = self.repeated = self.blank = 0
        self.farthest, self.off_zero, self.empty_boxes = 0.0, 0.0, 0
        self.takes, self.ordered = set(), True
        self._last = {}

    def add(self, block):
        for name, values in block.items():
            self.digests.setdefault(name, hashlib.sha256()).update(np.ascontiguousarray(values))
        # Each sample is compared with the one before, the first with the last of the previous block.
        joined = {
            name: np.concatenate([self._last.get(name, block[name][:0]), block[name]])
            for name in ("images", "take", "camera", "frame")
        }
        self._last = {name: values[-1:] for name, values in joined.items()}
        images, take, camera, frame = joined.values()
        recording = (take[1:] == take[:-1]) & (camera[1:] == camera[:-1])
        self.ordered &= bool((frame[1:] > frame[:-1])[recording].all())
        same = (images[1:] == images[:-1]).all(axis=(1, 2))
        self.repeated += int((same & recording).sum())
        self.takes |= set(block["take"].tolist())
        self.blank += int((~block["images"].any(axis=(1, 2))).sum())
        self.farthest = max(self.farthest, float(np.linalg.norm(block["poses"], axis=-1).max()))
        self.off_zero = max(self.off_zero, float(abs(block["poses"][:, PELVIS]).max()))
        box = block["box"]
        self.empty_boxes += int(((box[:, 2:] <= box[:, :2]).any(axis=1)).sum())
        self.count += len(block["frame"])

    def values(self, recorded, facts):
        """What the checks need, from the counts and the recorded checksums and facts."""
        found = {"frames": self.count, "repeated": self.repeated, "blank": self.blank}
        changed = [name for name, digest in self.digests.items() if digest.hexdigest() != recorded[name]]
        noted = {name: sum(fact[name] for fact in facts) for name in found} if facts else None
        percent = 100 * self.repeated / max(self.count, 1)
        more = {"changed": ", ".join(changed), "found": found, "noted": noted, "percent": percent}
        return vars(self) | more
