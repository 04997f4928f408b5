"""The original project's prepared files: finding, reading and writing them."""

from pose3d.dataset.legacy_export import export_prepared
from pose3d.recordings.legacy_mat.layout import (
    AUTO,
    PreparedRecording,
    find_prepared,
    is_prepared,
)
from pose3d.recordings.legacy_mat.orders import ORDERS
from pose3d.recordings.legacy_mat.reader import drawable, extract

__all__ = [
    "AUTO",
    "ORDERS",
    "PreparedRecording",
    "drawable",
    "export_prepared",
    "extract",
    "find_prepared",
    "is_prepared",
]
