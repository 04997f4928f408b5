"""Custom recordings: images or videos with a table of joints."""

from pose3d.recordings.custom.joint_table import COLUMNS
from pose3d.recordings.custom.manifest import LIST, CustomRecording, find_recordings

__all__ = ["COLUMNS", "LIST", "CustomRecording", "find_recordings"]
