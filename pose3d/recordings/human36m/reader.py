"""Read one recording of the raw tree: video, poses, boxes and masks, frame by frame."""

import contextlib

from pose3d.errors import UserError
from pose3d.io.video import count_frames, read_frames
from pose3d.recordings.human36m.masks import open_masks
from pose3d.recordings.human36m.poses import read_poses_2d, read_poses_3d
from pose3d.recordings.observation import Observation, Reader, box_around, mask_of
from pose3d.skeleton import KEPT

# Video, poses and masks of a real recording differ by a few frames at their end. A larger difference gets a
# note, such as that of S9's motion capture, which ended early.
USUAL_SURPLUS = 20


class RawReader(Reader):
    """A recording of the raw tree. Frame i of the video belongs to pose i, box i and mask i.

    Where their numbers differ, all are cut to the shortest.
    """

    box_source = usual_box = "ground_truth_bb"

    def __enter__(self):
        recording = self.recording
        self._poses_2d = read_poses_2d(recording.poses_2d)[:, KEPT]
        self._poses_3d = read_poses_3d(recording.poses_3d)[:, KEPT]
        with contextlib.ExitStack() as stack:
            self._boxes, self._masks = (
                path and stack.enter_context(open_masks(path)) for path in (recording.boxes, recording.masks)
            )
            self._stack = stack.pop_all()
        self.subtracts_background = self._masks is not None
        return self

    def __exit__(self, *_):
        self._stack.close()

    def __iter__(self):
        both = {"boxes": self._boxes, "masks": self._masks}
        counts = {"2D poses": len(self._poses_2d), "3D poses": len(self._poses_3d)}
        counts |= {name: len(masks) for name, masks in both.items() if masks is not None}
        end, frames = min(counts.values()), 0
        for number, frame in enumerate(read_frames(self.recording.video)):
            frames += 1
            if number < end and number % self.every == 0:
                filled = mask_of(self._boxes, number, frame.shape)
                yield Observation(
                    number=number,
                    take=self.recording.take,
                    frame=frame,
                    box=None if filled is None else box_around(filled),
                    mask=mask_of(self._masks, number, frame.shape),
                    joints_2d=self._poses_2d[number],
                    pose=self._poses_3d[number],
                )
        counts["frames"] = frames
        self._check_whole(counts)
        self.surplus = max(counts.values()) - min(counts.values())
        self.notes += _count_notes(self.recording, counts)

    def _check_whole(self, counts):
        """Raise a `UserError` if frames that have poses are missing at the end of the video."""
        video, frames = self.recording.video, counts["frames"]
        promised = count_frames(video) or 0
        if frames < min(promised, counts["2D poses"]) or not frames:
            raise UserError(
                f"{video}: ends after {frames} of {promised} frames; extract it again, or remove it to skip "
                "the recording"
            )


def _count_notes(recording, counts):
    """A note on numbers that differ, unless the video is just a few frames longer than its poses."""
    shortest = min(counts.values())
    if max(counts.values()) - shortest <= USUAL_SURPLUS and shortest == counts["2D poses"]:
        return []
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    return [f"{recording}: {listed}; cut to {shortest}"]
