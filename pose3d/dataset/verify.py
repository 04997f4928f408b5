"""Verify checksums, counts and value ranges of built files."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from pose3d.dataset.built_files import BLOCK, REMEDY, SCHEMA, open_samples, read_provenance
from pose3d.errors import UserError
from pose3d.io.hdf5 import FAULTS, fault, text_of
from pose3d.skeleton import PELVIS

COLUMNS = ("file", "samples", "takes", "repeated", "blank", "farthest joint mm", "verdict")
# The farthest joint of a person is no nearer to the pelvis and no farther from it.
REACH_MM = 250, 2500
# With more repeated frames than this, a network sees the same image for many poses. The report's own data
# repeated each image 12 times.
REPEATED_SHARE = 0.1


@dataclass
class Checked:
    """The findings in one built file."""

    row: tuple  # as in `COLUMNS`
    faults: list = field(default_factory=list)  # one line each that names the file and says what to do


def verify_built(path):
    """Read a built file whole, block by block, and check it; what cannot be read is a fault, no exception.

    Checks the checksum of each array; the numbers of samples and of repeated and blank images against those
    of the build; order, units and ranges.
    """
    try:
        with open_samples(path) as file:
            tally = _Tally()
            for start in range(0, len(file["frame"]), BLOCK):
                tally.add({name: file[name][start : start + BLOCK] for name in SCHEMA})
            recorded = {name: text_of(file[name], "sha256") for name in SCHEMA}
        faults = _faults(path, tally, recorded, read_provenance(path)["facts"])
    except (UserError, *FAULTS) as error:  # of the latter, facts of other kinds than a build writes
        message = str(error if isinstance(error, UserError) else fault(path, error, REMEDY))
        return Checked((path.name, *[None] * (len(COLUMNS) - 2), "damaged"), [message])
    row = (path.name, tally.count, len(tally.takes), tally.repeated, tally.blank, round(tally.farthest))
    return Checked((*row, f"{len(faults)} wrong" if faults else "ok"), faults)


class _Tally:
    """Counts and checksums over the blocks of a file."""

    def __init__(self):
        self.digests = {}
        self.count = self.repeated = self.blank = 0
        self.farthest, self.pelvis_moved, self.empty_boxes = 0.0, 0.0, 0
        self.takes, self.ordered = set(), True
        self._last = None

    def add(self, block):
        for name, values in block.items():
            self.digests.setdefault(name, hashlib.sha256()).update(np.ascontiguousarray(values))
        keys = np.stack([block[name].astype(int) for name in ("take", "camera", "frame")], axis=1)
        self.takes |= set(block["take"].tolist())
        if self._last is not None:  # compare with the last sample of the previous block
            image, key = self._last
            images, keys = np.concatenate([[image], block["images"]]), np.concatenate([[key], keys])
        else:
            images = block["images"]
        recording, frame = (keys[1:, :2] == keys[:-1, :2]).all(axis=1), np.diff(keys[:, 2])
        self.ordered &= bool((frame[recording] > 0).all())
        same = (images[1:] == images[:-1]).all(axis=(1, 2))
        self.repeated += int((same & recording).sum())
        self.blank += int((~block["images"].any(axis=(1, 2))).sum())
        self.farthest = max(self.farthest, float(np.linalg.norm(block["poses"], axis=-1).max()))
        self.pelvis_moved = max(self.pelvis_moved, float(abs(block["poses"][:, PELVIS]).max()))
        box = block["box"]
        self.empty_boxes += int(((box[:, 2:] <= box[:, :2]).any(axis=1)).sum())
        self.count += len(keys) if self._last is None else len(keys) - 1
        self._last = block["images"][-1], keys[-1]


def _faults(path, tally, recorded, facts):
    noted = {name: sum(fact[name] for fact in facts) for name in ("frames", "repeated", "blank")}
    found = {"frames": tally.count, "repeated": tally.repeated, "blank": tally.blank}
    changed = [name for name, digest in tally.digests.items() if digest.hexdigest() != recorded[name]]
    share = tally.repeated / max(tally.count, 1)
    checks = (
        (changed, f"{', '.join(changed)} differ from what was written (checksum); {REMEDY}"),
        (facts and found != noted, f"holds {found}, but the build recorded {noted}; {REMEDY}"),
        (not tally.count, f"holds no sample; {REMEDY}"),
        (not tally.ordered, f"frames of a recording are out of order or occur twice; {REMEDY}"),
        (tally.pelvis_moved > 0, f"a pose's pelvis is {tally.pelvis_moved:.1f} mm off zero; {REMEDY}"),
        (
            tally.count and not REACH_MM[0] < tally.farthest < REACH_MM[1],
            f"the farthest joint is {tally.farthest:.0f} mm from the pelvis; check the source and its unit",
        ),
        (tally.empty_boxes, f"{tally.empty_boxes} boxes are empty; {REMEDY}"),
        (
            share > REPEATED_SHARE,
            f"{100 * share:.0f} % of the images equal the one before; check the source's frame numbers",
        ),
    )
    return [f"{path}: {message}" for wrong, message in checks if wrong]
