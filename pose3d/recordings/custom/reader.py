"""Read one custom recording: images or a video, with a table of joints."""

from pose3d.errors import UserError
from pose3d.io.images import LazyPicture, list_images
from pose3d.io.tables import fault_in
from pose3d.io.video import read_frames
from pose3d.recordings.custom.joint_table import BOX, FRAME, read_joints
from pose3d.recordings.mask_images import MaskImages, masks_by_name
from pose3d.recordings.observation import Observation, Reader, mask_of


class CustomReader(Reader):
    """A custom recording: every n-th frame that has a row in the table of joints."""

    box_source = usual_box = "the box columns"

    def __enter__(self):
        recording = self.recording
        self._is_video = recording.images.is_file()
        self._images, others = ([], 0) if self._is_video else list_images(recording.images)
        if others:
            self.notes.append(f"{recording}: {others} file(s) of {recording.images} are no images")
        self._joints = read_joints(recording.joints, [path.name for path in self._images])
        self.notes += [self._joints.doubt] * bool(self._joints.doubt)
        self._masks = _masks(recording, self._images)
        self.subtracts_background = self._masks is not None
        if not self._joints.has_boxes:
            self.usual_box = "the mask" if self.subtracts_background else "the 2D joints"
        return self

    @property
    def rows(self):
        """Number of rows of the table."""
        return len(self._joints.numbers)

    def __iter__(self):
        joints, count = self._joints, 0
        rows = {int(number): row for row, number in enumerate(joints.numbers) if row % self.every == 0}
        images = self.recording.images
        for number, frame in enumerate(
            read_frames(images) if self._is_video else map(LazyPicture, self._images)
        ):
            count += 1
            if (row := rows.get(number)) is not None:
                yield Observation(
                    number=number,
                    take=self.recording.take,
                    frame=frame,
                    box=self._box(number, row, frame),
                    mask=mask_of(self._masks, number, frame.shape),
                    joints_2d=joints.poses_2d[row],
                    pose=joints.poses_3d[row],
                )
        self._check_counts(count)

    def _box(self, number, row, frame):
        """The box of the table, which must lie within the image; None where it has none."""
        box = self._joints.boxes.get(number)
        for column, end, size in zip(BOX[2:], box[2:] if box else (), reversed(frame.shape), strict=False):
            if end > size:
                line, fault = self._joints.lines[row], f"is {end}, beyond the image's {size} px"
                raise fault_in(self.recording.joints, line, column, fault)
        return box

    def _check_counts(self, count):
        """Check that a video has every frame of the table, and a mask for each frame; else masks shift."""
        recording, joints = self.recording, self._joints
        if joints.numbers[-1] >= count:
            fault = f"is {joints.numbers[-1]}, but {recording.images} has only frames 0 to {count - 1}"
            raise fault_in(recording.joints, joints.lines[-1], FRAME, fault)
        if self._is_video and self._masks is not None:
            self._masks.check_count(count, recording.images)


def _masks(recording, images):
    """Masks match images by name without the ending, and frames of a video by order."""
    if recording.masks is None:
        return None
    found, _ = list_images(recording.masks)
    if images:
        found = masks_by_name(found, images)
        if not any(found):
            raise UserError(
                f"{recording.masks}: no mask is named after an image of {recording.images}, such as "
                f"{images[0].stem}.png"
            )
    return MaskImages(recording.masks, found)
