"""Custom recordings: images or videos with a table of joints."""

from pose3d.recordings.custom.joint_table import COLUMNS
from pose3d.recordings.custom.manifest import LIST, CustomRecording, find_recordings
from pose3d.recordings.custom.reader import CustomReader

__all__ = ["COLUMNS", "LIST", "CustomReader", "CustomRecording", "find_recordings"]
