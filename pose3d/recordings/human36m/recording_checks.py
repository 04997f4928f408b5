"""Check whether the files of one raw recording fit together, without decoding its video."""

from dataclasses import dataclass, field
from operator import lt, ne

import numpy as np

from pose3d.errors import UserError, one_line
from pose3d.io.video import read_packets
from pose3d.recordings.checks import REACH, SAMPLES, Check, failed
from pose3d.recordings.human36m.cameras import project
from pose3d.recordings.human36m.masks import open_masks
from pose3d.recordings.human36m.poses import read_poses_2d, read_poses_3d
from pose3d.recordings.human36m.reader import USUAL_SURPLUS
from pose3d.recordings.observation import share_inside
from pose3d.skeleton import KEPT

# Least percent of the 17 joints. On all 56 recordings of a synthetic tree, 100 % are in the box, and at most
# 65 % with rows and columns swapped. 98 % or more are in or near the mask; at most 49 % with them swapped,
# and 38 to 63 % with poses shifted by 200 mm. Real masks have more holes: a lower limit.
LEAST = {"boxes": 95, "masks": 80}
# px. Rounding to float32 moves a projection by 0.00004 px at most (measured on 3000 poses at 1000 px;
# 0.00002 on the synthetic tree's 500), while a mistake as slight as OpenCV's model of the distortion moves
# it by 0.05 px or more.
TOLERANCE = 0.01

RECORDING_CHECKS = (
    Check("frames promised", lt, "{files.video}: cut short, holds {frames} of the {promised} frames that its "
          "header promises; extract it again"),
    Check("poses poses_3d", ne, "{files.poses_2d}: {poses} poses, but {poses_3d} in {files.poses_3d}; "
          "extract both again"),
    Check("poses expected", ne, "{files.poses_2d}: {poses} poses, not {expected}; extract it again"),
    Check("surplus", lambda n: n < 0, "{files.video}: {length} frames for {poses} poses; extract it again"),
    Check("surplus most", lambda n, most: n > most, "{files.video}: {surplus} frames more than poses, where "
          "up to {most} are usual; extract it and {files.poses_2d} again"),
    Check("miss", lambda px: px >= TOLERANCE, "{files.poses_3d}: projected, its poses miss those of "
          "{files.poses_2d} by up to {miss:.2f} px: one is of another camera, take or frame, or its joints "
          "are in another order; extract both again"),
)  # fmt: skip
# Of the boxes and of the masks, at `path`.
MASK_CHECKS = (
    Check("count excess most", lambda n, excess, most: not n or not -USUAL_SURPLUS <= excess <= most,
          "{path}: {count} {kind} for {poses} poses; extract it again"),
    Check("count sample", lambda n, sample: n and not sample,
          "{path}: all {kind} of the sample are empty; extract it again"),
    Check("size video_size", ne, "{path}: its {kind} are {size} px, the video {video_size}; "
          "extract both again"),
    Check("inside least", lt, "{path}: only {inside:.0f} % of the 2D joints lie in its {kind}, where {least} "
          "% or more do in a sound recording; {cause}; extract it and {files.poses_2d} again, or remove its "
          "video to skip the recording"),
)  # fmt: skip


@dataclass
class Inspection:
    """Findings in one recording."""

    recording: object
    values: dict  # of what the checks name; absent where it cannot be read, is missing or was not asked for
    faults: list = field(default_factory=list)  # one line each that names the file and says what to do
    notes: list = field(default_factory=list)  # what is not a fault but shortens the recording

    def attempt(self, function, *arguments):
        """The function's result, or None and a fault."""
        try:
            return function(*arguments)
        except (UserError, OSError) as error:
            self.faults.append(one_line(error))
            return None


def inspect(recording, camera=None, expected=None, short=False):
    """Check the files of a recording against each other; an unreadable one is a fault, never an exception.

    `camera` is the subject's, and `expected` the number of poses, as far as they are known.
    `short` says that the motion capture is known to end before the video.
    """
    most = np.inf if short else USUAL_SURPLUS
    found = Inspection(recording, {"files": recording, "expected": expected, "most": most})
    video = found.attempt(read_packets, recording.video)
    poses_2d = found.attempt(read_poses_2d, recording.poses_2d)
    poses_3d = found.attempt(read_poses_3d, recording.poses_3d)
    values = found.values
    if video is not None:
        values |= {"frames": video.frames, "promised": video.promised}
        values |= {"video_size": f"{video.columns} x {video.rows}"}
    if poses_2d is not None:
        values["poses"] = len(poses_2d)
        if video is not None:
            length = max(video.frames, video.promised)  # a truncated video is a fault of its own
            values |= {"length": length, "surplus": length - len(poses_2d)}
        if poses_3d is not None:
            values["poses_3d"] = len(poses_3d)
            if camera is not None:
                both = slice(min(len(poses_2d), len(poses_3d)))
                values["miss"] = reprojection_miss(camera, poses_3d[both], poses_2d[both])
        for kind in LEAST:
            if getattr(recording, kind) is not None:
                _check_masks(found, kind, poses_2d[:, KEPT])
    found.faults += failed(RECORDING_CHECKS, values)
    return found


def _check_masks(found, kind, joints):
    """Check number, size and place of the boxes or masks."""
    path = getattr(found.recording, kind)
    values = {**found.values, "kind": kind, "path": path, "least": LEAST[kind]}
    found.attempt(_measure_masks, values, joints)
    count, poses = values.get("count"), len(joints)
    found.values |= {kind: count, f"in_{kind}": values.get("inside")}
    found.faults += failed(MASK_CHECKS, values)
    if count and 0 < poses - count <= USUAL_SURPLUS:
        found.notes.append(f"{path}: {count} {kind} for {poses} poses; the build cuts to {count}")


def _measure_masks(values, joints):
    """Add count, excess, size, and percent of the joints inside, as far as the file can be read."""
    with open_masks(values["path"]) as masks:
        values |= {"count": len(masks), "excess": len(masks) - len(joints)}
        chosen = np.linspace(0, min(len(masks), len(joints)) - 1, SAMPLES).astype(int) if len(masks) else ()
        sample = {i: masks[int(i)] for i in np.unique(chosen)}
    sample = {i: mask for i, mask in sample.items() if mask is not None and mask.any()}
    values["sample"] = len(sample)
    if not sample:
        return
    rows, columns = next(iter(sample.values())).shape
    reach = REACH if values["kind"] == "masks" else 0
    inside, turned = (
        100 * float(np.mean([share_inside(turn(mask), joints[i], reach) for i, mask in sample.items()]))
        for turn in (np.asarray, np.transpose)
    )
    cause = {
        "boxes": "the boxes are of another recording",
        "masks": "poses or masks are shifted or of another recording",
    }[values["kind"]]
    if turned >= values["least"]:
        cause = "its rows and columns are swapped"
    values |= {"size": f"{columns} x {rows}", "inside": inside, "cause": cause}


def reprojection_miss(camera, poses_3d, poses_2d):
    """Largest distance, px, from a projected 3D joint (F, J, 3), mm, to its 2D joint (F, J, 2), px.

    The 3D joints are in the camera's frame. It is inf where a point cannot be projected.
    """
    with np.errstate(all="ignore"):
        miss = np.linalg.norm(project(camera, poses_3d) - poses_2d, axis=-1)
    return float(np.nan_to_num(miss, nan=np.inf).max(initial=0.0))
