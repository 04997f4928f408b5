"""Find the recordings of a raw Human3.6M tree, in either of the two folder layouts."""

from dataclasses import dataclass
from pathlib import Path

from pose3d.errors import UserError
from pose3d.recordings.human36m.actions import (
    CAMERAS,
    SUB_ACTIONS,
    SUBJECTS,
    TAKES,
    canonical_action,
    checked,
)
from pose3d.recordings.human36m.reader import RawReader

# Folder below the subject and file ending by kind of data: the archives' own layout first, then
# that of extractors which strip the common prefix (h36m-fetch). Masks as mp4, which some archives
# put beside the .mat ones, have coding artefacts and are ignored.
_FOLDERS = {
    "video": (("Videos",), "mp4"),
    "poses_2d": (("MyPoseFeatures/D2_Positions", "Poses_D2_Positions"), "cdf"),
    "poses_3d": (("MyPoseFeatures/D3_Positions_mono", "Poses_D3_Positions_mono"), "cdf"),
    "boxes": (("MySegmentsMat/ground_truth_bb", "Segments_mat_gt_bb"), "mat"),
    "masks": (("MySegmentsMat/ground_truth_bs", "Segments_mat_gt_bs"), "mat"),
}
_REQUIRED = ("video", "poses_2d", "poses_3d")


@dataclass(frozen=True)
class Recording:
    """One take of one subject, seen by one camera; files that the tree lacks are None."""

    subject: str  # these three as in `SUBJECTS`, `ACTIONS` and `CAMERAS`
    action: str
    take: int  # 1 or 2
    camera: str
    name: str  # the take's on disk, such as "Walking 1"
    video: Path
    poses_2d: Path
    poses_3d: Path
    boxes: Path | None
    masks: Path | None

    @property
    def files(self):
        """Paths of the five files, None where there is none."""
        return self.video, self.poses_2d, self.poses_3d, self.boxes, self.masks

    def open(self, every):
        return RawReader(self, every)

    def __str__(self):
        return f"{_title(self.subject, self.action, self.take)} camera {self.camera}"


@dataclass(frozen=True)
class Lack:
    """Something that was asked for and is missing in the tree."""

    subject: str
    action: str | None  # None, and no take, where the whole subject is absent
    take: int | None
    cameras: tuple  # those concerned
    text: str  # one line that names the files

    def __str__(self):
        return self.text


def _title(subject, action, take):
    return f"{subject} {action} take {take} ({SUB_ACTIONS[subject, action, take]})"


def official_path(kind, subject, name, camera):
    """Path of a file below the root, in the layout of the archives; `kind` is a key of the table above."""
    folders, ending = _FOLDERS[kind]
    return Path(subject, folders[0], f"{name}.{camera}.{ending}")


def find_recordings(root, actions=("Walking",), subjects=SUBJECTS, cameras=CAMERAS):
    """Find the recordings asked for, in the folder that holds ``S1``, ``S5``, ..., and list what is missing.

    Returns a list of Recording, by subject, action, take, camera; and a line for each subject, take or
    recording skipped, with the files it lacks, and for each recording without boxes or masks. Actions may be
    named by their aliases. A `UserError` if a name is unknown, or nothing asked for is there.
    """
    actions, subjects = list(actions), list(subjects)
    recordings, lacks = survey(root, actions, subjects, cameras)
    if not recordings:
        raise UserError(
            f"{root} holds no complete recording of {', '.join(map(canonical_action, actions))} by "
            f"{', '.join(subjects)}; first: {lacks[0] if lacks else 'nothing was asked for'}"
        )
    return recordings, [str(lack) for lack in lacks]


def survey(root, actions, subjects=SUBJECTS, cameras=CAMERAS):
    """As `find_recordings`, but returns what is missing as `Lack`; it is no error if nothing is found."""
    root = Path(root)
    actions = [canonical_action(action) for action in actions]
    subjects = [checked(subject, SUBJECTS, "subject") for subject in subjects]
    cameras = [checked(camera, CAMERAS, "camera") for camera in cameras]
    recordings, lacks = [], []
    for subject in subjects:
        if not (root / subject).is_dir():
            text = f"{subject}: skipped, there is no folder {root / subject}"
            lacks.append(Lack(subject, None, None, tuple(cameras), text))
            continue
        for action in actions:
            for take in TAKES:
                found, lacking = _find_take(root, subject, action, take, cameras)
                recordings += found
                lacks += lacking
    return recordings, lacks


def _find_take(root, subject, action, take, cameras):
    """Recordings of one take, and what it lacks."""
    name = SUB_ACTIONS[subject, action, take]
    title = _title(subject, action, take)
    recordings, lacks, bare = [], [], 0
    for camera in cameras:
        files = {kind: _existing(root, kind, subject, name, camera) for kind in _FOLDERS}
        lacking = {kind: official_path(kind, subject, name, camera) for kind in files if files[kind] is None}
        required = [str(lacking[kind]) for kind in _REQUIRED if kind in lacking]
        bare += len(required) == len(_REQUIRED)
        if required:
            texts = [f"{title} camera {camera}: skipped, lacks {', '.join(required)}"]
        else:
            recordings.append(Recording(subject, action, take, camera, name, **files))
            texts = [f"{recordings[-1]}: has no {kind}, lacks {path}" for kind, path in lacking.items()]
        lacks += [Lack(subject, action, take, (camera,), text) for text in texts]
    if cameras and bare == len(cameras):
        text = f"{title}: skipped, none of its files is there"
        lacks = [Lack(subject, action, take, tuple(cameras), text)]
    return recordings, lacks


def _existing(root, kind, subject, name, camera):
    folders, ending = _FOLDERS[kind]
    paths = (root / subject / folder / f"{name}.{camera}.{ending}" for folder in folders)
    return next((path for path in paths if path.is_file()), None)
