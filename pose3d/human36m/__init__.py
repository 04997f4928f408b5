"""The raw Human3.6M tree: names, poses, masks, frames, cameras. Knows no crop and no network."""

from pose3d.human36m.cameras import Camera, project, world_to_camera
from pose3d.human36m.frames import Frame, count_frames, read_frames
from pose3d.human36m.masks import open_masks
from pose3d.human36m.names import ACTIONS, CAMERAS, SUB_ACTIONS, SUBJECTS, TAKES, canonical_action
from pose3d.human36m.poses import read_poses_2d, read_poses_3d
from pose3d.human36m.recordings import Recording, find_recordings, official_path

__all__ = [
    "ACTIONS",
    "CAMERAS",
    "SUBJECTS",
    "SUB_ACTIONS",
    "TAKES",
    "Camera",
    "Frame",
    "Recording",
    "canonical_action",
    "count_frames",
    "find_recordings",
    "official_path",
    "open_masks",
    "project",
    "read_frames",
    "read_poses_2d",
    "read_poses_3d",
    "world_to_camera",
]
