"""The manifest ``recordings.csv``: which custom recordings a folder holds, and where their files are."""

from dataclasses import dataclass
from pathlib import Path

from pose3d.errors import UserError
from pose3d.io.tables import read_table
from pose3d.recordings.custom.reader import CustomReader

LIST = "recordings.csv"
_REQUIRED = ("subject", "action", "take", "camera", "images", "joints")
_OPTIONAL = ("masks",)
# Names become file names, "Walking-S1.h5", in which the subject follows the last hyphen.
_FORBIDDEN = '-/\\:*?"<>|'
_MOST_TAKES, _LARGEST_CAMERA = 127, 2**31 - 1  # what a built file can hold


@dataclass(frozen=True)
class CustomRecording:
    """One take of one subject, seen by one camera."""

    subject: str
    action: str
    take: int  # from 1
    camera: str  # a number
    images: Path  # a folder of images, or a video
    joints: Path
    masks: Path | None  # a folder of images

    @property
    def name(self):
        """Its name on disk."""
        return self.images.name

    @property
    def files(self):
        """Images, joints, and masks or None."""
        return self.images, self.joints, self.masks

    def open(self, every):
        return CustomReader(self, every)

    def __str__(self):
        return f"{self.subject} {self.action} take {self.take} camera {self.camera}"


def find_recordings(folder, actions=None, subjects=None, cameras=None):
    """The recordings in the list of a folder, in its order; actions, subjects, cameras: all, if None.

    Paths in the list are relative to the folder. A `UserError` names the list, line and column of the fault,
    or the name that the list lacks.
    """
    path = Path(folder) / LIST
    columns, rows = read_table(path)
    unknown = [name for name in columns if name not in _REQUIRED + _OPTIONAL]
    lacking = [name for name in _REQUIRED if name not in columns]
    if unknown or lacking:
        lack = f"lacks the column(s) {', '.join(lacking)}"
        fault = lack if lacking else f"has an unknown column {unknown[0]!r}"
        raise UserError(f"{path}: {fault}; the columns are {', '.join(_REQUIRED)} and, optionally, masks")
    recordings, lines = [], {}
    for row in rows:
        recording = _recording(Path(folder), row)
        key = (recording.subject, recording.action, recording.take, recording.camera)
        if key in lines:
            raise UserError(f"{path}, line {row.line}: repeats {recording} of line {lines[key]}; remove one")
        lines[key] = row.line
        recordings.append(recording)
    if not recordings:
        raise UserError(f"{path}: lists no recording; add one in each row")
    return _chosen(path, recordings, {"action": actions, "subject": subjects, "camera": cameras})


def _recording(folder, row):
    names = {}
    for column in ("subject", "action"):
        names[column] = row.text(column)
        bad = next((sign for sign in names[column] if sign in _FORBIDDEN or not sign.isprintable()), None)
        if bad or names[column].startswith("."):
            rule = f"contain {bad!r}" if bad else "begin with a dot"
            raise row.error(column, f"is {names[column]!r}; the name must not {rule}")
    masks = row.text("masks", "")
    return CustomRecording(
        **names,
        take=row.whole("take", 1, _MOST_TAKES),
        camera=str(row.whole("camera", 0, _LARGEST_CAMERA)),
        images=_there(folder, row, "images"),
        joints=_there(folder, row, "joints"),
        masks=_there(folder, row, "masks") if masks else None,
    )


def _there(folder, row, column):
    path = folder / row.text(column)
    if not path.exists():
        raise row.error(column, f"there is no {path}")
    if (column == "masks" and not path.is_dir()) or (column == "joints" and not path.is_file()):
        raise row.error(column, f"{path} is no {'folder' if column == 'masks' else 'file'}")
    return path


def _chosen(path, recordings, asked):
    whole = recordings
    for kind, names in asked.items():
        there = dict.fromkeys(getattr(recording, kind) for recording in whole)
        for name in names or ():
            if name not in there:
                raise UserError(f"{path} lists no {kind} {name!r}, only {', '.join(there)}")
        if names is not None:
            recordings = [recording for recording in recordings if getattr(recording, kind) in names]
    if not recordings:
        raise UserError(f"{path} lists no recording of the actions, subjects and cameras asked for together")
    return recordings
