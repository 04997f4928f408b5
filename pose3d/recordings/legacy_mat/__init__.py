"""Legacy .mat files: Human3.6M as the original project cropped and labelled it."""

from pose3d.recordings.legacy_mat.layout import LegacyRecording, find_recordings, is_legacy
from pose3d.recordings.legacy_mat.matrices import KINDS, ORDERS
from pose3d.recordings.legacy_mat.reader import LegacyReader

__all__ = ["KINDS", "ORDERS", "LegacyReader", "LegacyRecording", "find_recordings", "is_legacy"]
