"""``build_dataset`` without its pictures, which take most of the time of a small build."""

from unittest import mock

from pose3d import build_dataset
from pose3d.report import build_report


def build_undrawn(*words):
    """Run the command in this process and draw nothing: its status."""
    nothing = dict.fromkeys(("draw_contact_sheet", "draw_sample"), lambda *_: None)
    with mock.patch.multiple(build_report, **nothing):
        return build_dataset.main([str(word) for word in words])
