"""The synthetic bodies' raw Human3.6M tree: videos, poses, boxes and masks."""
