"""Write the synthetic data as a raw Human3.6M tree; existing files are kept."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from pose3d.errors import UserError
from pose3d.io.atomic_files import exclusive, remove_partial
from pose3d.io.processes import run_all
from pose3d.io.resources import cores
from pose3d.io.video import video_writer
from pose3d.recordings.human36m import (
    ACTIONS,
    CAMERAS,
    FRAMES_PER_SECOND,
    METADATA,
    SUB_ACTIONS,
    SUBJECTS,
    TAKES,
    box,
    canonical_action,
    mask_writer,
    official_path,
    project,
    world_to_camera,
    write_metadata,
    write_poses,
)
from pose3d.synthetic.mask_errors import spoil
from pose3d.synthetic.motion.assignment import assign_files, motion_provenance
from pose3d.synthetic.motion.capture import load
from pose3d.synthetic.motion.gait import GAITS, walk
from pose3d.synthetic.motion.joint_names import read_joint_map
from pose3d.synthetic.motion.retargeting import retarget
from pose3d.synthetic.tree.appearance import appearance, body_of
from pose3d.synthetic.tree.provenance import check_options, read_provenance, write_provenance
from pose3d.synthetic.tree.renderer import render
from pose3d.synthetic.tree.scene import camera_of, empty_room, image_shape, placed

FRAMES = 280  # default per recording of the procedural walk
IMAGE_SIZE = 500  # default width in px: half of Human3.6M's, a quarter of the time and disk space
_VERSION = 5  # increase when the same options give other data
_SURPLUS = (1, 5, 3, 2)  # extra video frames after the last pose, per camera, as in Human3.6M


@dataclass(frozen=True)
class Task:
    """A recording to write: its keys, the tree and its options, and the motion of the body."""

    out: Path
    subject: str
    action: str
    take: int
    camera: str
    frames: int | None
    image_size: int
    seed: int
    motion: Path | None = None  # a BVH file; None: procedural walk
    joint_map: dict = field(default_factory=dict)

    def path(self, kind):
        """Path of a file of this recording."""
        name = SUB_ACTIONS[self.subject, self.action, self.take]
        return self.out / official_path(kind, self.subject, name, self.camera)

    @property
    def world_path(self):
        """``D3_Positions``, one file for all cameras, written with the first camera; None for the others."""
        if self.camera != CAMERAS[0]:
            return None
        name = SUB_ACTIONS[self.subject, self.action, self.take]
        return self.out / self.subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf"

    def is_done(self):
        paths = [self.path(kind) for kind in ("video", "poses_2d", "poses_3d", "boxes", "masks")]
        return all(path.is_file() for path in paths + [self.world_path] if path)

    def rng(self, *more):
        """Random generator of this take, independent of the other takes written."""
        who = (SUBJECTS.index(self.subject), ACTIONS.index(self.action), self.take)
        return np.random.default_rng([self.seed, *who, *more])


def generate(
    out,
    subjects=SUBJECTS,
    actions=("Walking",),
    takes=TAKES,
    frames=None,
    image_size=IMAGE_SIZE,
    seed=0,
    workers=None,
    motion=None,
    joint_map=None,
):
    """Write the synthetic data set, or its missing files, as a raw Human3.6M tree.

    Parameters
    ----------
    out : path of the folder for ``S1``, ``S5``, ...
    subjects, actions, takes : iterables as in `pose3d.recordings.human36m`; all four cameras are written.
        Without `motion`, all actions are walking.
    frames : int, poses per recording, at 50 per second, with `motion` at most; None: 280, or all of the
        motion
    image_size : int, columns of a frame; 1000 in Human3.6M
    seed : int
    workers : int, number of processes; None: number of cores
    motion : path of a folder of BVH files that drive the bodies, see `assign_files`; None: procedural walk
    joint_map : path of a TOML or JSON file, see `joint_names.read_joint_map`; None: known names

    Returns
    -------
    Path of `out`

    Raises
    ------
    UserError
        if an option or a BVH file is invalid, or `out` holds other files or a tree of other options
    """
    out, actions = Path(out), [canonical_action(action) for action in actions]
    if frames is None and motion is None:
        frames = FRAMES
    options = {"version": _VERSION, "frames": frames, "image_size": image_size, "seed": seed}
    _check(subjects, takes, frames, image_size, seed, workers)
    files, names = _assignment(out, motion, joint_map, actions)
    if motion is not None:
        options["motion"] = motion_provenance(motion, files, names)
    tasks = [
        Task(
            out, subject, action, take, camera, frames, image_size, seed,
            files[action][subject, take], names,
        )
        for subject, action, take, camera in itertools.product(subjects, actions, takes, CAMERAS)
    ]  # fmt: skip
    check_options(out, options)
    with exclusive(out):
        remove_partial(out, below=True)
        _write_missing(out, options, tasks, workers or cores())
    return out


def _write_missing(out, options, tasks, workers):
    missing = [task for task in tasks if not task.is_done()]
    if missing:
        write_provenance(out, options, complete=False)
        _run(missing, workers)
        write_provenance(out, options, complete=True)
    if tasks and not (out / METADATA).exists():
        size = options["image_size"]
        write_metadata(out / METADATA, {camera: camera_of(camera, size) for camera in CAMERAS})


def write_recording(task):
    """Write the files of one recording, the video last."""
    looks = appearance(task.subject)
    surplus = _SURPLUS[CAMERAS.index(task.camera)]
    motion, frames = _motion(task, looks.body, task.rng())
    world = motion.joints(looks.body)[:frames].astype(np.float32)
    shape = image_shape(task.subject, task.camera, task.image_size)
    camera, empty = camera_of(task.camera, shape[1]), empty_room(task.camera, shape, task.seed)
    mono = world_to_camera(camera, world).astype(np.float32)
    pixels = project(camera, mono)
    if task.world_path:
        write_poses(task.world_path, world)
    write_poses(task.path("poses_3d"), mono)
    write_poses(task.path("poses_2d"), pixels)
    with mask_writer(task.path("boxes")) as append:
        for points, px in zip(mono, pixels, strict=True):
            append(box(points, px, camera.f, shape))
    spoiling = task.rng(CAMERAS.index(task.camera))
    with (
        video_writer(task.path("video"), *shape, FRAMES_PER_SECOND) as show,
        mask_writer(task.path("masks")) as append,
    ):
        for i, (image, silhouette) in enumerate(render(looks, motion, camera, empty, frames + surplus)):
            show(image)
            if i < frames:
                append(spoil(silhouette, spoiling))


def _motion(task, body, rng):
    """The motion, with frames for the longest surplus, and the number of poses."""
    if task.motion is None:
        frames = task.frames + max(_SURPLUS)
        return walk(body, GAITS[task.subject], frames, task.take == 2, rng), task.frames
    capture = load(task.motion, task.joint_map, task.frames)
    # Captures are often aligned with the studio, so each take is rotated by a random angle.
    turned = capture.turned(Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)))
    motion = placed(retarget(turned, body), body, task.motion)
    return motion.held(max(_SURPLUS)), len(motion)


def _assignment(out, folder, joint_map, actions):
    """BVH file (or None) of each action, subject and take, and the joint map.

    The files of a new tree are tried before anything is written.
    """
    if folder is None and joint_map is not None:
        raise UserError(f"{joint_map}: a joint map needs BVH files; give their folder by --motion")
    if folder is None:
        return {action: dict.fromkeys(itertools.product(SUBJECTS, TAKES)) for action in actions}, {}
    names = {} if joint_map is None else read_joint_map(joint_map)
    files = assign_files(folder, actions)
    if read_provenance(out) is None:
        body = body_of(SUBJECTS[0])
        for path in sorted({path for takes in files.values() for path in takes.values()}):
            with np.errstate(invalid="ignore"):  # `placed` names a file with such joints
                placed(retarget(load(path, names), body), body, path)
    return files, names


def _run(tasks, workers):
    """Write the recordings, in several processes if there is more than one."""
    if workers > 1 and len(tasks) > 1:
        done = (
            future.result() for _, future in run_all(write_recording, [(task,) for task in tasks], workers)
        )
    else:
        done = map(write_recording, tasks)
    for _ in tqdm(done, "walkers", len(tasks), unit="recording", disable=None):
        pass


def _check(subjects, takes, frames, image_size, seed, workers):
    for subject in subjects:
        if subject not in SUBJECTS:
            raise UserError(f"no subject {subject!r}; choose from {', '.join(SUBJECTS)}")
    for take in takes:
        if take not in TAKES:
            raise UserError(f"no take {take!r}; choose 1 or 2")
    if (frames is not None and frames < 1) or seed < 0 or (workers is not None and workers < 1):
        raise UserError("frames and workers must be at least 1, seed at least 0")
    if image_size < 100 or image_size % 2:
        raise UserError(f"image size {image_size}: give an even number of px, at least 100")
