"""The raw Human3.6M tree: names, poses, masks, frames, cameras and known faults."""

from pose3d.recordings.human36m.actions import (
    ACTIONS,
    CAMERAS,
    FRAMES_PER_SECOND,
    REPORT_ACTIONS,
    SUB_ACTIONS,
    SUBJECTS,
    TAKES,
    canonical_action,
    expand_actions,
)
from pose3d.recordings.human36m.cameras import (
    METADATA,
    Camera,
    project,
    read_cameras,
    world_to_camera,
    write_metadata,
)
from pose3d.recordings.human36m.frame_counts import POSES
from pose3d.recordings.human36m.known_faults import RULES, apply_rules, parse_rules, verdicts_on
from pose3d.recordings.human36m.layout import Recording, find_recordings, official_path
from pose3d.recordings.human36m.masks import box, mask_writer, open_masks
from pose3d.recordings.human36m.poses import read_poses_2d, read_poses_3d, write_poses

__all__ = [
    "ACTIONS", "CAMERAS", "FRAMES_PER_SECOND", "METADATA", "POSES", "REPORT_ACTIONS", "RULES", "SUBJECTS",
    "SUB_ACTIONS", "TAKES", "Camera", "Recording", "apply_rules", "box", "canonical_action",
    "expand_actions", "find_recordings", "official_path", "mask_writer", "open_masks", "parse_rules",
    "project", "read_cameras", "read_poses_2d", "read_poses_3d", "verdicts_on", "world_to_camera",
    "write_metadata", "write_poses",
]  # fmt: skip
