"""Check whether the files of one raw recording fit together, without decoding its video."""

from dataclasses import dataclass, field

import numpy as np

from pose3d.errors import UserError
from pose3d.io.video import read_packets
from pose3d.recordings.human36m.cameras import project, world_to_camera
from pose3d.recordings.human36m.masks import open_masks
from pose3d.recordings.human36m.poses import read_poses_2d, read_poses_3d
from pose3d.recordings.human36m.reader import USUAL_SURPLUS
from pose3d.recordings.observation import share_inside
from pose3d.skeleton import KEPT

SAMPLES = 10  # boxes and masks checked in a recording, evenly spread
# Least shares of the 17 joints. On all 56 recordings of a synthetic tree, the share in the box is 1, and at
# most 0.65 with rows and columns swapped. The share in or near the mask is 0.98 or more; at most 0.49 with
# them swapped, and 0.38 to 0.63 with poses shifted by 200 mm. Real masks have more holes: a lower limit.
BOX_SHARE = 0.95
MASK_SHARE = 0.8
REACH = 0.005  # distance that counts as near the mask, as a share of the image's width; edges are ragged
# px. Rounding to float32 moves a projection by 0.00004 px at most (measured on 3000 poses at 1000 px;
# 0.00002 on the synthetic tree's 500), while a mistake as slight as OpenCV's model of the distortion moves
# it by 0.05 px or more.
TOLERANCE = 0.01


@dataclass
class Inspection:
    """Findings in one recording; None for what cannot be read, is missing or was not asked for."""

    recording: object
    poses: int | None = None
    frames: int | None = None
    boxes: int | None = None
    masks: int | None = None
    in_box: float | None = None  # share of the sample's joints inside the box
    in_mask: float | None = None  # share of them in or near the silhouette
    miss: float | None = None  # px, largest distance from a projected 3D joint to its 2D joint
    faults: list = field(default_factory=list)  # one line each that names the file and says what to do
    notes: list = field(default_factory=list)  # what is not a fault but shortens the recording


def inspect(recording, cameras=None, expected=None, short=False):
    """Check the files of a recording against each other; an unreadable one is a fault, never an exception.

    `cameras` are the subject's, by id, and `expected` is the number of poses, as far as they are known.
    `short` says that the motion capture is known to end before the video.
    """
    found = Inspection(recording)
    video = _attempt(found, read_packets, recording.video)
    poses_2d = _attempt(found, read_poses_2d, recording.poses_2d)
    poses_3d = _attempt(found, read_poses_3d, recording.poses_3d)
    if video is not None:
        _check_video(found, video)
    if poses_2d is not None:
        found.poses = len(poses_2d)
        _check_poses(found, poses_3d, video, expected, short)
        for kind in ("boxes", "masks"):
            if getattr(recording, kind) is not None:
                _attempt(found, _check_masks, found, kind, poses_2d[:, KEPT], video, short)
        if poses_3d is not None and cameras is not None:
            _check_projection(found, cameras, poses_3d, poses_2d)
    return found


def _attempt(found, function, *arguments):
    """The function's result, or None and a fault."""
    try:
        return function(*arguments)
    except (UserError, OSError) as error:
        found.faults.append(" ".join(str(error).split()))
        return None


def _check_video(found, video):
    found.frames = video.frames
    if video.frames < video.promised:
        found.faults.append(
            f"{found.recording.video}: cut short, holds {video.frames} of the {video.promised} frames that "
            "its header promises; extract it again"
        )


def _check_poses(found, poses_3d, video, expected, short):
    """Compare the number of poses with the expected one and with the frames."""
    recording, poses = found.recording, found.poses
    if poses_3d is not None and len(poses_3d) != poses:
        found.faults.append(
            f"{recording.poses_2d}: {poses} poses, but {len(poses_3d)} in {recording.poses_3d}; "
            "extract both again"
        )
    if expected is not None and poses != expected:
        found.faults.append(f"{recording.poses_2d}: {poses} poses, not {expected}; extract it again")
    if video is None:
        return
    frames = max(video.frames, video.promised)  # a truncated video is already reported
    if frames < poses:
        found.faults.append(f"{recording.video}: {frames} frames for {poses} poses; extract it again")
    elif frames - poses > USUAL_SURPLUS and not short:
        found.faults.append(
            f"{recording.video}: {frames - poses} frames more than poses, where up to {USUAL_SURPLUS} are "
            f"usual; extract it and {recording.poses_2d} again"
        )


def _check_masks(found, kind, joints, video, short):
    """Check number, size and place of the boxes or masks."""
    path = getattr(found.recording, kind)
    with open_masks(path) as masks:
        count = len(masks)
        setattr(found, kind, count)
        lacking = len(joints) - count
        if not count or lacking > USUAL_SURPLUS or (-lacking > USUAL_SURPLUS and not short):
            found.faults.append(f"{path}: {count} {kind} for {len(joints)} poses; extract it again")
        elif lacking > 0:
            found.notes.append(f"{path}: {count} {kind} for {len(joints)} poses; the build cuts to {count}")
        sample = _sample(masks, min(count, len(joints)))
    if not sample:
        if count:
            found.faults.append(f"{path}: all {kind} of the sample are empty; extract it again")
        return
    shape = next(iter(sample.values())).shape
    if video is not None and shape != (video.rows, video.columns):
        found.faults.append(
            f"{path}: its {kind} are {shape[1]} x {shape[0]} px, the video {video.columns} x {video.rows}; "
            "extract both again"
        )
    _check_place(found, kind, sample, joints)


def _sample(masks, count):
    """Number -> mask of at most `SAMPLES` of the first `count`, evenly spread, without the empty ones."""
    chosen = np.unique(np.linspace(0, count - 1, SAMPLES).astype(int)) if count else ()
    read = {int(i): masks[int(i)] for i in chosen}
    return {i: mask for i, mask in read.items() if mask is not None and mask.any()}


def _check_place(found, kind, sample, joints):
    reach, wanted, name = {"boxes": (0, BOX_SHARE, "in_box"), "masks": (REACH, MASK_SHARE, "in_mask")}[kind]
    share, turned = (
        float(np.mean([share_inside(turn(mask), joints[i], reach) for i, mask in sample.items()]))
        for turn in (lambda mask: mask, np.transpose)
    )
    setattr(found, name, share)
    if share >= wanted:
        return
    if turned >= wanted:
        cause = "its rows and columns are swapped"
    elif kind == "masks":
        cause = "poses or masks are shifted or of another recording"
    else:
        cause = "the boxes are of another recording"
    found.faults.append(
        f"{getattr(found.recording, kind)}: only {100 * share:.0f} % of the 2D joints lie in its {kind}, "
        f"where {100 * wanted:.0f} % or more do in a sound recording; {cause}; extract it and "
        f"{found.recording.poses_2d} again, or remove its video to skip the recording"
    )


def reprojection_miss(camera, poses_3d, poses_2d):
    """Largest distance, px, from a projected 3D joint (F, J, 3), mm, to its 2D joint (F, J, 2), px.

    The 3D joints are in the camera's frame. It is inf where a point cannot be projected.
    """
    with np.errstate(all="ignore"):
        miss = np.linalg.norm(project(camera, poses_3d) - poses_2d, axis=-1)
    return float(np.nan_to_num(miss, nan=np.inf).max(initial=0.0))


def _check_projection(found, cameras, poses_3d, poses_2d):
    count = min(len(poses_2d), len(poses_3d))
    poses_2d, poses_3d = poses_2d[:count], poses_3d[:count]
    recording = found.recording
    found.miss = reprojection_miss(cameras[recording.camera], poses_3d, poses_2d)
    if found.miss < TOLERANCE:
        return
    owners = _owners(cameras, poses_3d[:SAMPLES], poses_2d[:SAMPLES])
    paths = {recording.poses_3d: owners[0], recording.poses_2d: owners[1]} if owners else {}
    foreign = [
        f"{path} is that of camera {owner}" for path, owner in paths.items() if owner != recording.camera
    ]
    found.faults.append(
        f"{recording.poses_3d}: projected, its poses miss those of {recording.poses_2d} by up to "
        f"{found.miss:.2f} px; {' and '.join(foreign) or 'camera, frames or order of joints differ'}; "
        "extract both again"
    )


def _owners(cameras, poses_3d, poses_2d):
    """Cameras with which the 3D and the 2D poses fit together: one of each, or None if none do."""
    for of_3d, camera in cameras.items():
        world = poses_3d @ camera.R + camera.T
        for of_2d, other in cameras.items():
            if reprojection_miss(other, world_to_camera(other, world), poses_2d) < TOLERANCE:
                return of_3d, of_2d
    return None
