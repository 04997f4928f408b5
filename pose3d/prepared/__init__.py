"""The original project's prepared files: finding, reading and writing them."""

from pose3d.prepared.export import export_prepared
from pose3d.prepared.extraction import drawable, extract
from pose3d.prepared.orders import ORDERS
from pose3d.prepared.recordings import AUTO, PreparedRecording, find_prepared, is_prepared

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
