"""A recording of one's own -> samples."""

from pose3d.dataset.sampling import Outlines, Samples, box_notes, crop_frames
from pose3d.errors import UserError
from pose3d.io.csv_tables import fault_in
from pose3d.io.images import ImageFrame, MaskImages, list_images
from pose3d.recordings.custom.joint_table import BOX, FRAME, read_joints
from pose3d.recordings.human36m import read_frames

_GIVEN_BOX = "the box columns"


def extract(recording, every, write):
    """Crop every n-th frame that has a row in the table of joints.

    Parameters
    ----------
    recording : OwnRecording
    every : int, 1 for all rows
    write : function that takes the samples block by block, dicts of arrays as in
        `pose3d.dataset.built_files.SCHEMA`

    Returns
    -------
    dict as of `pose3d.dataset.sampling.extract`

    Raises
    ------
    UserError
        naming the file that is at fault, and of a table the line and column
    """
    is_video = recording.images.is_file()
    images = [] if is_video else list_images(recording.images)
    joints = read_joints(recording.joints, [path.name for path in images])
    masks = _masks(recording, images)
    outlines = _GivenBoxes(recording.joints, joints, masks)
    samples = Samples(recording, write)
    frames = read_frames(recording.images) if is_video else map(ImageFrame, images)
    poses = joints.poses_2d[::every], joints.poses_3d[::every]
    count = crop_frames(frames, joints.numbers[::every], outlines, *poses, samples)
    _check_counts(recording, joints, masks, count, is_video)
    usual = _GIVEN_BOX if joints.has_boxes else "the mask" if masks is not None else "the 2D joints"
    return {
        **samples.facts(),
        "surplus": 0,
        "background": "kept" if masks is None else "subtracted",
        "notes": box_notes(recording, outlines, usual),
    }


def _masks(recording, images):
    """The masks: those of images by their names without endings, those of a video one after the other."""
    if recording.masks is None:
        return None
    found = list_images(recording.masks)
    if images:
        by_stem = {path.stem: path for path in found}
        if not any(path.stem in by_stem for path in images):
            raise UserError(
                f"{recording.masks}: no mask is named after an image of {recording.images}, such as "
                f"{images[0].stem}.png"
            )
        found = [by_stem.get(path.stem) for path in images]
    return MaskImages(recording.masks, found)


class _GivenBoxes(Outlines):
    """Boxes of the table before all others."""

    def __init__(self, path, joints, masks):
        super().__init__(masks=masks)
        self._path, self._given = path, joints.boxes
        self._lines = dict(zip(joints.numbers.tolist(), joints.lines, strict=True))

    def of(self, number, frame, joints_2d):
        """Box and mask of a frame, as `Outlines.of`."""
        box = self._given.get(number)
        if box is None:
            return super().of(number, frame, joints_2d)
        for column, end, size in zip(BOX[2:], box[2:], reversed(frame.shape), strict=True):
            if end > size:
                fault = f"is {end}, beyond the image's {size} px"
                raise fault_in(self._path, self._lines[number], column, fault)
        self.box_sources[_GIVEN_BOX] += 1
        return box, self.mask(number, frame)


def _check_counts(recording, joints, masks, count, is_video):
    """A video must have all frames of the table, and as many masks as frames: else they are shifted."""
    if joints.numbers[-1] >= count:
        fault = f"is {joints.numbers[-1]}, but {recording.images} has {count} frames, the first being 0"
        raise fault_in(recording.joints, joints.lines[-1], FRAME, fault)
    if is_video and masks is not None and len(masks) != count:
        raise UserError(f"{recording.masks}: {len(masks)} masks for {count} frames of {recording.images}")
