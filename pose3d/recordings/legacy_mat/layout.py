"""Find the legacy .mat files of a folder: which actions and subjects it holds."""

from dataclasses import dataclass
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.legacy_mat.matrices import KINDS, ORDERS


@dataclass(frozen=True)
class LegacyRecording:
    """All samples of one subject in one action; takes and cameras are unknown.

    Attributes
    ----------
    subject, action : str
    images, labels, poses : Path
    pixel_order : str, one of `ORDERS`, of pixels and windows
    """

    subject: str
    action: str
    images: Path
    labels: Path
    poses: Path
    pixel_order: str = ORDERS[0]
    take: int = 1
    camera: str = "0"

    @property
    def name(self):
        """Its name on disk."""
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
        """What decides the samples beside the files; kept in the provenance of built files."""
        return {"pixel_order": self.pixel_order, "window_order": self.pixel_order}

    def __str__(self):
        return f"{self.subject} {self.action}"


def is_legacy(folder):
    """Whether a folder, given as Path, holds legacy .mat files, of several actions or of one."""
    return bool(_images(folder))


def find_recordings(folder, actions=None, subjects=None, pixel_order=ORDERS[0]):
    """Find the recordings of actions and subjects.

    Parameters
    ----------
    folder : path
    actions, subjects : lists of str, or None for all
    pixel_order : str, one of `ORDERS`: how pixels and windows are stored

    Returns
    -------
    recordings : list of LegacyRecording
    lines : list of str, what is skipped

    Raises
    ------
    UserError
        if none of them is there
    """
    found, lines = [], []
    for path in _images(Path(folder)):
        subject = path.stem.removeprefix(KINDS["images"][0])
        paths = {kind: path.with_name(f"{start}{subject}.mat") for kind, (start, _, _) in KINDS.items()}
        missing = [str(other) for other in paths.values() if not other.is_file()]
        recording = LegacyRecording(subject, path.resolve().parent.name, **paths, pixel_order=pixel_order)
        if missing:
            lines.append(f"{recording}: skipped, lacks {', '.join(missing)}")
        else:
            found.append(recording)
    chosen = [
        recording
        for recording in found
        if (actions is None or recording.action in actions)
        and (subjects is None or recording.subject in subjects)
    ]
    if not chosen:
        there = ", ".join(map(str, found)) or "; ".join(lines)
        raise UserError(
            f"{folder} holds no legacy .mat files of the actions and subjects asked for, only: {there}"
        )
    return chosen, lines + _missing(chosen, actions, subjects)


def _images(folder):
    """Paths of the files of images, by action, then by the subject's number."""
    pattern = f"{KINDS['images'][0]}?*.mat"
    return sorted(
        [*folder.glob(pattern), *folder.glob(f"*/{pattern}")],
        key=lambda path: (path.parent, len(path.stem), path.stem),
    )


def _missing(chosen, actions, subjects):
    """A line for each action and subject asked for of which nothing is there."""
    there = {recording.action for recording in chosen}, {recording.subject for recording in chosen}
    return [
        f"{name}: skipped, there are no legacy .mat files"
        for names, found in zip((actions, subjects), there, strict=True)
        for name in names or ()
        if name not in found
    ]
