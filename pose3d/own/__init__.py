"""Recordings of one's own: images or videos with a table of joints."""

from pose3d.own.extraction import extract
from pose3d.own.joints import COLUMNS
from pose3d.own.recordings import LIST, OwnRecording, find_own

__all__ = ["COLUMNS", "LIST", "OwnRecording", "extract", "find_own"]
