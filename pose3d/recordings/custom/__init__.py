"""Recordings of one's own: images or videos with a table of joints."""

from pose3d.recordings.custom.joint_table import COLUMNS
from pose3d.recordings.custom.manifest import LIST, OwnRecording, find_own
from pose3d.recordings.custom.reader import extract

__all__ = ["COLUMNS", "LIST", "OwnRecording", "extract", "find_own"]
