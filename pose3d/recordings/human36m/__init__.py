"""The raw Human3.6M tree: names, poses, masks, frames, cameras. Knows no crop and no network."""

from pose3d.io.video_frames import FRAMES_PER_SECOND, Frame, count_frames, frame_rate, read_frames
from pose3d.io.video_packets import read_packets
from pose3d.recordings.human36m.actions import (
    ACTIONS,
    CAMERAS,
    REPORT_ACTIONS,
    SUB_ACTIONS,
    SUBJECTS,
    TAKES,
    canonical_action,
    expand_actions,
)
from pose3d.recordings.human36m.cameras import Camera, project, world_to_camera
from pose3d.recordings.human36m.frame_counts import POSES
from pose3d.recordings.human36m.known_faults import RULES, apply_rules, parse_rules
from pose3d.recordings.human36m.layout import Recording, find_recordings, official_path, survey
from pose3d.recordings.human36m.masks import open_masks
from pose3d.recordings.human36m.metadata import METADATA, read_cameras
from pose3d.recordings.human36m.poses import read_poses_2d, read_poses_3d

__all__ = [
    "ACTIONS",
    "CAMERAS",
    "FRAMES_PER_SECOND",
    "METADATA",
    "POSES",
    "REPORT_ACTIONS",
    "RULES",
    "SUBJECTS",
    "SUB_ACTIONS",
    "TAKES",
    "Camera",
    "Frame",
    "Recording",
    "apply_rules",
    "canonical_action",
    "count_frames",
    "expand_actions",
    "find_recordings",
    "frame_rate",
    "official_path",
    "open_masks",
    "parse_rules",
    "project",
    "read_cameras",
    "read_frames",
    "read_packets",
    "read_poses_2d",
    "read_poses_3d",
    "survey",
    "world_to_camera",
]
