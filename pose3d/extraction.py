"""One recording of the raw tree -> samples in memory, frame by frame."""

import contextlib
from collections import Counter

import numpy as np

from pose3d.crop import (
    IMAGE_SIDE,
    Transform,
    box_from_joints,
    box_from_mask,
    box_from_silhouette,
    crop,
)
from pose3d.errors import UserError
from pose3d.human36m import count_frames, open_masks, read_frames, read_poses_2d, read_poses_3d
from pose3d.skeleton import KEPT, PELVIS, pelvis_relative

# Video, poses and masks of a real recording differ by a few frames at their end. More, as where the
# motion capture of S9 broke off early, deserves a look.
USUAL_SURPLUS = 20
_USUAL_BOX = "ground_truth_bb"


def extract(recording, every=1):
    """Crop every n-th frame of a recording, with its poses.

    Frame i of the video belongs to pose i and to mask i. Where their numbers differ all are cut to
    the shortest. A frame's box comes from ``ground_truth_bb``, else from the silhouette, else from
    the 2D joints with a margin, else it is the whole frame.

    Parameters
    ----------
    recording : pose3d.human36m.Recording
    every : int, 1 for all frames

    Returns
    -------
    samples : dict of arrays as in `pose3d.dataset.SCHEMA`
    facts : dict that JSON can hold: frames, repeated (as the one before), blank, surplus (what was
        cut off the longest of video, poses, boxes and masks); background (subtracted or kept);
        notes (list of str, each naming the recording)

    Raises
    ------
    UserError
        naming the file that is damaged, or whose masks are not of the frame's size
    """
    poses_2d = read_poses_2d(recording.poses_2d)[:, KEPT]
    poses_3d = read_poses_3d(recording.poses_3d)[:, KEPT].astype(np.float64)
    with contextlib.ExitStack() as stack:
        outlines = _Outlines(
            *(path and stack.enter_context(open_masks(path)) for path in (recording.boxes, recording.masks))
        )
        counts = {"2D poses": len(poses_2d), "3D poses": len(poses_3d), **outlines.counts()}
        count = min(counts.values())
        images = np.zeros((len(range(0, count, every)), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        boxes = np.zeros((len(images), 4), np.int32)
        joints_2d = np.zeros((len(images), *poses_2d.shape[1:]), np.float32)
        counts["frames"] = 0
        for number, frame in enumerate(read_frames(recording.video)):
            counts["frames"] += 1
            if number < count and number % every == 0:
                i = number // every
                box, mask = outlines.of(number, frame, poses_2d[number])
                images[i] = crop(frame, mask, box)
                boxes[i] = box
                joints_2d[i] = Transform.of_box(box).to_crop(poses_2d[number])
    _check_whole(recording, counts)
    frames = np.arange(0, min(count, counts["frames"]), every)
    samples = {
        "images": images[: len(frames)],
        "joints_2d": joints_2d[: len(frames)],
        "poses": pelvis_relative(poses_3d[frames]).astype(np.float32),
        "pelvis": poses_3d[frames, PELVIS].astype(np.float32),
        "box": boxes[: len(frames)],
        "take": np.full(len(frames), recording.take),
        "camera": np.full(len(frames), int(recording.camera)),
        "frame": frames,
    }
    return samples, _facts(recording, samples["images"], counts, outlines)


class _Outlines:
    """Where the person is: the box and the mask of one frame after the other."""

    def __init__(self, boxes, masks):
        self.boxes, self.masks = boxes, masks
        self.box_sources = Counter()

    def counts(self):
        """Number of boxes and of masks, of those that are there."""
        both = {"boxes": self.boxes, "masks": self.masks}
        return {name: len(masks) for name, masks in both.items() if masks is not None}

    def of(self, number, frame, joints_2d):
        """Box and mask of a frame; the mask is None without background subtraction."""
        mask = _mask(self.masks, number, frame)
        candidates = self._boxes(_mask(self.boxes, number, frame), mask, joints_2d, frame.shape)
        source, box = next((source, box) for source, box in candidates if box is not None)
        self.box_sources[source] += 1
        return box, mask

    @staticmethod
    def _boxes(filled, mask, joints_2d, frame_shape):
        """The sources of a box from the best to the last resort, each tried only when asked for."""
        if filled is not None:
            yield _USUAL_BOX, box_from_mask(filled)
        if mask is not None:
            yield "the mask", box_from_silhouette(mask)
        yield "the 2D joints", box_from_joints(joints_2d, frame_shape)
        yield "the whole frame", (0, 0, frame_shape[1], frame_shape[0])


def _mask(masks, number, frame):
    """Mask of a frame, all False where its cell is empty, or None without masks."""
    if masks is None:
        return None
    mask = masks[number]
    if mask is None:
        return np.zeros(frame.shape[:2], bool)
    if mask.shape != frame.shape[:2]:
        raise UserError(
            f"{masks.path}: mask {number} has {mask.shape[1]} x {mask.shape[0]} px, the video's frame "
            f"{frame.shape[1]} x {frame.shape[0]}; extract both again, or remove the file to do without"
        )
    return mask


def _check_whole(recording, counts):
    """A video that lost frames which have poses must not pass for a short one."""
    promised = count_frames(recording.video) or 0
    if counts["frames"] < min(promised, counts["2D poses"]) or not counts["frames"]:
        raise UserError(
            f"{recording.video}: ends after {counts['frames']} of {promised} frames; extract it again, "
            "or remove it to leave the recording out"
        )


def _facts(recording, images, counts, outlines):
    notes = []
    shortest = min(counts.values())
    surplus = max(counts.values()) - shortest
    # A video that outlasts its poses by a few frames is the rule; the build tells it once for all.
    if surplus > USUAL_SURPLUS or shortest < counts["2D poses"]:
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        notes.append(f"{recording}: {listed}; cut to {shortest}")
    others = [f"{n} from {name}" for name, n in outlines.box_sources.items() if name != _USUAL_BOX]
    if others:
        notes.append(f"{recording}: boxes not from {_USUAL_BOX} but {', '.join(others)}")
    flat = images.reshape(len(images), -1)
    return {
        "frames": len(images),
        "repeated": int((flat[1:] == flat[:-1]).all(axis=1).sum()),
        "blank": int((~flat.any(axis=1)).sum()),
        "surplus": surplus,
        "background": "kept" if outlines.masks is None else "subtracted",
        "notes": notes,
    }
