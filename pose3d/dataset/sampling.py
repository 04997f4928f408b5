"""Frames -> samples: what every source of recordings shares, and the raw tree's own reading."""

import contextlib
from collections import Counter

import numpy as np

from pose3d.dataset.crop import Transform, box_from_joints, box_from_mask, box_from_silhouette, crop
from pose3d.errors import UserError
from pose3d.io.memory import keep_freed_memory
from pose3d.recordings.human36m import (
    count_frames,
    open_masks,
    read_frames,
    read_poses_2d,
    read_poses_3d,
)
from pose3d.skeleton import KEPT, PELVIS, pelvis_relative

# Video, poses and masks of a real recording differ by a few frames at their end. More, as where the
# motion capture of S9 broke off early, deserves a look.
USUAL_SURPLUS = 20
_USUAL_BOX = "ground_truth_bb"
# Samples that are in memory at once, 4 MB of images: a recording may be of any length.
BLOCK = 256


def extract(recording, every, write):
    """Crop every n-th frame of a recording of the raw tree, with its poses.

    Frame i of the video belongs to pose i and to mask i. Where their numbers differ all are cut to
    the shortest. A frame's box comes from ``ground_truth_bb``, else from the silhouette, else from
    the 2D joints with a margin, else it is the whole frame.

    Parameters
    ----------
    recording : pose3d.recordings.human36m.Recording
    every : int, 1 for all frames
    write : function that takes the samples block by block, dicts of arrays as in
        `pose3d.dataset.built_files.SCHEMA`

    Returns
    -------
    dict that JSON can hold: frames, repeated (as the one before), blank, surplus (what was cut off
        the longest of video, poses, boxes and masks); background (subtracted or kept); notes
        (list of str, each naming the recording)

    Raises
    ------
    UserError
        naming the file that is damaged, or whose masks are not of the frame's size
    """
    poses_2d = read_poses_2d(recording.poses_2d)[:, KEPT]
    poses_3d = read_poses_3d(recording.poses_3d)[:, KEPT]
    with contextlib.ExitStack() as stack:
        outlines = Outlines(
            *(path and stack.enter_context(open_masks(path)) for path in (recording.boxes, recording.masks))
        )
        counts = {"2D poses": len(poses_2d), "3D poses": len(poses_3d), **outlines.counts()}
        wanted = np.arange(0, min(counts.values()), every)
        samples = Samples(recording, write)
        counts["frames"] = crop_frames(
            read_frames(recording.video), wanted, outlines, poses_2d[wanted], poses_3d[wanted], samples
        )
    _check_whole(recording, counts)
    facts = samples.facts()
    facts["surplus"] = max(counts.values()) - min(counts.values())
    facts["background"] = "kept" if outlines.masks is None else "subtracted"
    facts["notes"] = _count_notes(recording, counts) + box_notes(recording, outlines, _USUAL_BOX)
    return facts


def crop_frames(frames, wanted, outlines, poses_2d, poses_3d, samples):
    """Crop the wanted ones of the frames of a recording.

    Parameters
    ----------
    frames : iterable of objects with ``shape`` and ``gray(box)``, as `pose3d.recordings.human36m.Frame`, from
        number 0
    wanted : (n,) int array, ascending numbers of frames
    outlines : Outlines
    poses_2d : (n, 17, 2) array, px of the frame
    poses_3d : (n, 17, 3) array, mm, camera frame
    samples : Samples, which gets them

    Returns
    -------
    int, how many frames there were; they may end before the last wanted one
    """
    keep_freed_memory()
    row, count = 0, 0
    for number, frame in enumerate(frames):
        count += 1
        if row < len(wanted) and number == wanted[row]:
            box, mask = outlines.of(number, frame, poses_2d[row])
            x0, y0, x1, y1 = box
            image = crop(frame.gray(box), None if mask is None else mask[y0:y1, x0:x1])
            samples.add(number, image, box, poses_2d[row], poses_3d[row])
            row += 1
    samples.flush()
    return count


class Samples:
    """Gathers the samples of one recording, hands them on in blocks, and counts."""

    def __init__(self, recording, write):
        self._recording, self._write = recording, write
        self._rows, self._last = [], None
        self._counts = {"frames": 0, "repeated": 0, "blank": 0}

    def add(self, number, image, box, joints_2d, pose):
        """One sample: frame number, (128, 128) image, box, (17, 2) px of the frame, (17, 3) mm."""
        self._counts["frames"] += 1
        self._counts["repeated"] += self._last is not None and np.array_equal(image, self._last)
        self._counts["blank"] += not image.any()
        self._last = image
        self._rows.append((number, image, box, Transform.of_box(box).to_crop(joints_2d), pose))
        if len(self._rows) == BLOCK:
            self.flush()

    def flush(self):
        """Hand on what is gathered."""
        if not self._rows:
            return
        columns = (np.stack(column) for column in zip(*self._rows, strict=True))
        numbers, images, boxes, joints_2d, poses = columns
        self._rows = []
        poses = poses.astype(np.float64)
        self._write(
            {
                "images": images,
                "joints_2d": joints_2d.astype(np.float32),
                "poses": pelvis_relative(poses).astype(np.float32),
                "pelvis": poses[:, PELVIS].astype(np.float32),
                "box": boxes,
                "take": np.full(len(numbers), self._recording.take),
                "camera": np.full(len(numbers), int(self._recording.camera)),
                "frame": numbers,
            }
        )

    def facts(self):
        """frames, repeated, blank: dict of int."""
        return {name: int(count) for name, count in self._counts.items()}


class Outlines:
    """Where the person is: the box and the mask of one frame after the other.

    Parameters
    ----------
    boxes, masks : objects with ``[number]`` -> (H, W) bool array or None, ``len()`` and ``path``; or None
    """

    def __init__(self, boxes=None, masks=None):
        self.boxes, self.masks = boxes, masks
        self.box_sources = Counter()

    def counts(self):
        """Number of boxes and of masks, of those that are there."""
        both = {"boxes": self.boxes, "masks": self.masks}
        return {name: len(masks) for name, masks in both.items() if masks is not None}

    def of(self, number, frame, joints_2d):
        """Box and mask of a frame; the mask is None without background subtraction."""
        mask = self.mask(number, frame)
        candidates = self._boxes(_mask(self.boxes, number, frame), mask, joints_2d, frame.shape)
        source, box = next((source, box) for source, box in candidates if box is not None)
        self.box_sources[source] += 1
        return box, mask

    def mask(self, number, frame):
        """Mask of a frame, or None without background subtraction."""
        return _mask(self.masks, number, frame)

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
        return np.zeros(frame.shape, bool)
    if mask.shape != frame.shape:
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


def _count_notes(recording, counts):
    """A video that outlasts its poses by a few frames is the rule; the build tells it once for all."""
    shortest = min(counts.values())
    if max(counts.values()) - shortest <= USUAL_SURPLUS and shortest == counts["2D poses"]:
        return []
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    return [f"{recording}: {listed}; cut to {shortest}"]


def box_notes(recording, outlines, usual):
    """A line for the build's log, in a list, if a box came from anything but the usual source."""
    others = [f"{n} from {name}" for name, n in outlines.box_sources.items() if name != usual]
    return [f"{recording}: boxes not from {usual} but {', '.join(others)}"] if others else []
