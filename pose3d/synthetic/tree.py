"""Writing the walkers as a raw Human3.6M tree; what is there already is kept."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pose3d.errors import UserError
from pose3d.files import whole
from pose3d.human36m import (
    ACTIONS,
    CAMERAS,
    METADATA,
    SUB_ACTIONS,
    SUBJECTS,
    TAKES,
    canonical_action,
    official_path,
    project,
    world_to_camera,
)
from pose3d.processes import cores, run_all
from pose3d.synthetic.bodies import BODIES
from pose3d.synthetic.files import mask_writer, video_writer, write_poses
from pose3d.synthetic.gait import GAITS, walk
from pose3d.synthetic.masks import box, ragged
from pose3d.synthetic.metadata import write_metadata
from pose3d.synthetic.render import render
from pose3d.synthetic.scene import camera_of, empty_room, image_shape

FRAMES = 280  # per recording, by default
IMAGE_SIZE = 500  # columns, by default: half the real size, a quarter of the real time and disk
_VERSION = 1  # raise whenever the same options would give other files
_NOTE = "synthetic.json"
_SURPLUS = (1, 5, 3, 2)  # frames by which each camera's video outlasts the poses, as real ones do


@dataclass(frozen=True)
class Task:
    """One recording to write: who, what, which camera; where; and the tree's options."""

    out: Path
    subject: str
    action: str
    take: int
    camera: str
    frames: int
    image_size: int
    seed: int

    def path(self, kind):
        """Where the file of that kind goes."""
        name = SUB_ACTIONS[self.subject, self.action, self.take]
        return self.out / official_path(kind, self.subject, name, self.camera)

    @property
    def world_path(self):
        """``D3_Positions``: one file for all cameras, which the first one writes; None for the others."""
        if self.camera != CAMERAS[0]:
            return None
        name = SUB_ACTIONS[self.subject, self.action, self.take]
        return self.out / self.subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf"

    def is_done(self):
        paths = [self.path(kind) for kind in ("video", "poses_2d", "poses_3d", "boxes", "masks")]
        return all(path.is_file() for path in paths + [self.world_path] if path)

    def rng(self, *more):
        """A generator of this take's own, so that it does not matter which others are written."""
        who = (SUBJECTS.index(self.subject), ACTIONS.index(self.action), self.take)
        return np.random.default_rng([self.seed, *who, *more])


def generate(
    out,
    subjects=SUBJECTS,
    actions=("Walking",),
    takes=TAKES,
    frames=FRAMES,
    image_size=IMAGE_SIZE,
    seed=0,
    workers=None,
):
    """Write the built-in data set, or what is missing of it, as a raw Human3.6M tree.

    Parameters
    ----------
    out : path of the folder that is to hold ``S1``, ``S5``, ...
    subjects, actions, takes : iterables as in `pose3d.human36m`; all four cameras are written. An
        action is a name only: everybody walks.
    frames : int, poses of each recording, at 50 per second
    image_size : int, columns of a frame; 1000 is Human3.6M's own size
    seed : int
    workers : int, processes; the number of cores if None

    Returns
    -------
    Path of `out`

    Raises
    ------
    UserError
        if a name or number is unusable, or `out` holds something else or a tree of other options
    """
    out = Path(out)
    options = {"version": _VERSION, "frames": frames, "image_size": image_size, "seed": seed}
    _check(subjects, takes, frames, image_size, seed, workers)
    tasks = [
        Task(out, subject, canonical_action(action), take, camera, frames, image_size, seed)
        for subject in subjects
        for action in actions
        for take in takes
        for camera in CAMERAS
    ]
    _check_folder(out, options)
    missing = [task for task in tasks if not task.is_done()]
    if missing:
        _write_note(out, options, complete=False)
        _run(missing, workers or cores())
        _write_note(out, options, complete=True)
    if tasks and not (out / METADATA).exists():  # trees of earlier versions have none
        write_metadata(out / METADATA, {camera: camera_of(camera, image_size) for camera in CAMERAS})
    return out


def poses_per_take(root):
    """The number of poses of every take of a synthetic tree, or None if `root` holds none.

    Parameters
    ----------
    root : path of a raw tree

    Raises
    ------
    UserError
        if the tree's note is damaged
    """
    note = Path(root) / _NOTE
    if not note.exists():
        return None
    frames = _read_note(note, ("frames",))["frames"]
    if not isinstance(frames, int):
        raise UserError(f"{note}: damaged; remove the folder {root} or choose another")
    return frames


def write_recording(task):
    """Write the files of one recording, the video last.

    Parameters
    ----------
    task : Task
    """
    body, rng = BODIES[task.subject], task.rng()
    surplus = _SURPLUS[CAMERAS.index(task.camera)]
    motion = walk(body, GAITS[task.subject], task.frames + max(_SURPLUS), task.take == 2, rng)
    world = motion.joints[: task.frames].astype(np.float32)
    shape = image_shape(task.subject, task.camera, task.image_size)
    seen, empty = empty_room(task.camera, shape, task.seed)
    mono = world_to_camera(seen.camera, world).astype(np.float32)
    pixels = project(seen.camera, mono)
    if task.world_path:
        write_poses(task.world_path, world)
    write_poses(task.path("poses_3d"), mono)
    write_poses(task.path("poses_2d"), pixels)
    with mask_writer(task.path("boxes")) as append:
        for points, px in zip(mono, pixels, strict=True):
            append(box(points, px, seen.camera.f, shape))
    spoiling = task.rng(CAMERAS.index(task.camera))
    with video_writer(task.path("video"), *shape) as show, mask_writer(task.path("masks")) as append:
        for i, (image, silhouette) in enumerate(render(body, motion, seen, empty, task.frames + surplus)):
            show(image)
            if i < task.frames:
                append(ragged(silhouette, spoiling))


def _run(tasks, workers):
    """Write the recordings, over several processes if more than one is worth it."""
    with tqdm(total=len(tasks), desc="walkers", unit="recording", disable=None) as bar:
        if workers == 1 or len(tasks) == 1:
            for task in tasks:
                write_recording(task)
                bar.update()
        else:
            for _, future in run_all(write_recording, [(task,) for task in tasks], workers):
                future.result()
                bar.update()


def _check(subjects, takes, frames, image_size, seed, workers):
    for subject in subjects:
        if subject not in BODIES:
            raise UserError(f"no walker {subject!r}; there are {', '.join(BODIES)}")
    for take in takes:
        if take not in TAKES:
            raise UserError(f"no take {take!r}; there are 1 and 2")
    if frames < 1 or seed < 0 or (workers is not None and workers < 1):
        raise UserError("frames and workers must be 1 or more, seed 0 or more")
    if image_size < 100 or image_size % 2:
        raise UserError(f"image size {image_size} is not an even number of at least 100 px")


def _check_folder(out, options):
    """Refuse to mix with anything but an unfinished or finished tree of the same options."""
    note = out / _NOTE
    if not note.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} exists and is no synthetic tree (no {_NOTE}); choose another folder")
        return
    there = _read_note(note, options)
    if there != options:
        was = ", ".join(f"{key} {there[key]}" for key in options if there[key] != options[key])
        raise UserError(f"{out} was written with other options ({was}); remove it or choose another folder")


def _read_note(note, keys):
    """Those keys of the note, as a dict."""
    try:
        found = json.loads(note.read_text())
        return {key: found[key] for key in keys}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{note}: damaged; remove the folder {note.parent} or choose another") from error


def _write_note(out, options, complete):
    text = json.dumps({"what": "synthetic walkers in Human3.6M's layout", **options, "complete": complete})
    with whole(out / _NOTE) as temporary:
        temporary.write_text(text + "\n")
