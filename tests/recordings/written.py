"""Raw files in one call."""

import numpy as np

from pose3d.io.video import video_writer
from pose3d.recordings.human36m import SUB_ACTIONS, mask_writer


def write_masks(path, images):
    with mask_writer(path) as append:
        for image in images:
            append(image)


def write_gray_video(path, frames, side=250):
    """A video of square frames: frame i is uniformly i."""
    with video_writer(path, side, side, 50) as append:
        for i in range(frames):
            append(np.full((side, side, 3), i, np.uint8))


def rename_takes(tree, subject, action):
    """S1's walks under another name: files of that subject and action that fit together."""
    (tree / "S1").rename(tree / subject)
    for take in (1, 2):
        old, new = SUB_ACTIONS["S1", "Walking", take], SUB_ACTIONS[subject, action, take]
        for path in list((tree / subject).rglob(f"{old}.*")):
            path.rename(path.with_name(path.name.replace(old, new)))
