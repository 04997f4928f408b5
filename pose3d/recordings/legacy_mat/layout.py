"""Which actions and subjects a folder of prepared files holds."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose3d.errors import UserError
from pose3d.recordings.legacy_mat.matrices import KINDS, gray_levels, open_samples
from pose3d.recordings.legacy_mat.orders import decide, votes_of_images, votes_of_labels

AUTO = "auto"
# Samples of a whole folder that tell the orders, and of one file at most and at least. To read one where
# samples lie along the second axis takes as long as 16,384 seeks.
_SPREAD, _MOST, _LEAST = 224, 32, 4


@dataclass(frozen=True)
class PreparedRecording:
    """All samples of one subject in one action, of takes and cameras that nobody wrote down.

    Attributes
    ----------
    subject, action : str
    images, labels, poses : Path
    pixel_order, window_order : str, as in `pose3d.recordings.legacy_mat.ORDERS`
    """

    subject: str
    action: str
    images: Path
    labels: Path
    poses: Path
    pixel_order: str = AUTO
    window_order: str = AUTO
    take: int = 1
    camera: str = "0"

    @property
    def name(self):
        """What it is called on disk."""
        return f"{self.action}/{self.images.name}"

    @property
    def paths(self):
        """The three files, by kind."""
        return {kind: getattr(self, kind) for kind in KINDS}

    @property
    def files(self):
        """The three files."""
        return tuple(self.paths.values())

    @property
    def options(self):
        """What decides the samples beside the files."""
        return {"pixel_order": self.pixel_order, "window_order": self.window_order}

    def __str__(self):
        return f"{self.subject} {self.action}"


def is_prepared(folder):
    """Whether a folder, given as Path, is one of prepared files, or that of one action of theirs."""
    return bool(_images(folder))


def find_prepared(folder, actions=None, subjects=None, pixel_order=AUTO):
    """Find the recordings asked for, and the order in which the folder's pixels and windows are stored.

    Parameters
    ----------
    folder : path
    actions, subjects : lists of str, or None for all that are there
    pixel_order : str, ``"rows"`` or ``"columns"`` for pixels and windows, or ``"auto"``: each told by
        samples of all the folder's files

    Returns
    -------
    recordings : list of PreparedRecording
    lines : list of str, what is left out, and how the orders were told

    Raises
    ------
    UserError
        if nothing asked for is there, no file can be read, or the orders cannot be told
    """
    every, lines = [], []
    for path in _images(Path(folder)):
        subject = path.stem.removeprefix(KINDS["images"][0])
        paths = {kind: path.with_name(f"{start}{subject}.mat") for kind, (start, _, _) in KINDS.items()}
        lacking = [str(other) for other in paths.values() if not other.is_file()]
        recording = PreparedRecording(subject, path.resolve().parent.name, **paths)
        if lacking:
            lines.append(f"{recording}: left out, lacks {', '.join(lacking)}")
        else:
            every.append(recording)
    chosen = [
        recording
        for recording in every
        if (actions is None or recording.action in actions)
        and (subjects is None or recording.subject in subjects)
    ]
    if not chosen:
        there = ", ".join(map(str, every)) or "; ".join(lines)
        raise UserError(f"{folder} holds no prepared files of what is asked for; there are: {there}")
    lines += _lacks(chosen, actions, subjects)
    orders = {"pixel_order": pixel_order, "window_order": pixel_order}
    if pixel_order == AUTO:
        orders, told = _orders(folder, every)
        lines += told
    return [replace(recording, **orders) for recording in chosen], lines


def _images(folder):
    """Paths of the files of images, by action, then by the subject's number."""
    pattern = f"{KINDS['images'][0]}?*.mat"
    return sorted(
        [*folder.glob(pattern), *folder.glob(f"*/{pattern}")],
        key=lambda path: (path.parent, len(path.stem), path.stem),
    )


def _lacks(chosen, actions, subjects):
    """A line for each action and subject asked for of which nothing is there."""
    there = {recording.action for recording in chosen}, {recording.subject for recording in chosen}
    return [
        f"{name}: left out, there are no prepared files"
        for names, found in zip((actions, subjects), there, strict=True)
        for name in names or ()
        if name not in found
    ]


def _orders(folder, recordings):
    """Both orders, as attributes of a recording, and the lines that tell why."""
    count = min(_MOST, max(_LEAST, _SPREAD // len(recordings)))
    votes, faults = {"pixels": [], "windows": []}, []
    for recording in recordings:
        try:
            with open_samples(recording.paths) as samples:
                images = samples["images"]
                spread = images.spread(count)
                shown = gray_levels(images.path, *spread, images.full_scale(*spread))
                votes["pixels"].append(votes_of_images(shown))
                votes["windows"].append(votes_of_labels(samples["labels"].spread(count)[1]))
        except UserError as error:
            # It has no say; if it was asked for the build fails on it, and on it alone.
            faults.append(error)
    if len(faults) == len(recordings):
        raise faults[0]
    found = [decide(np.concatenate(some), what, folder) for what, some in votes.items()]
    (pixels, _), (windows, _) = found
    return {"pixel_order": pixels, "window_order": windows}, [line for _, line in found]
