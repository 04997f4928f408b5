"""Turn the frames of a recording into samples: choose the box, crop, count."""

from collections import Counter

import numpy as np

from pose3d.dataset.built_files import BLOCK
from pose3d.dataset.crop import Transform, box_from_joints, box_from_silhouette, crop
from pose3d.errors import UserError
from pose3d.skeleton import PELVIS, pelvis_relative


def crop_recording(recording, every, write):
    """Crop every n-th frame of a recording, with its poses.

    `write` takes the samples block by block: dicts of arrays as in `SCHEMA`. Returns a dict fit for JSON:
    frames, repeated (equal to the one before), blank; surplus (what was cut off the longest of video, poses,
    boxes and masks); background (subtracted or kept); notes (each naming the recording). A `UserError` names
    the file that is damaged or does not fit, or tells that all samples are blank.
    """
    samples, sources = _Samples(int(recording.camera), write), Counter()
    with recording.open(every) as reader:
        for seen in reader:
            source, box = choose_box(seen, reader.box_source)
            sources[source] += 1
            x0, y0, x1, y1 = box
            mask = None if seen.mask is None else seen.mask[y0:y1, x0:x1]
            samples.add(seen, crop(seen.frame.gray(box), mask), box)
        samples.flush()
    if 0 < samples.counts["frames"] == samples.counts["blank"]:
        raise UserError(f"{recording}: all of its samples are blank; correct its boxes, masks or 2D joints")
    others = [f"{n} from {name}" for name, n in sources.items() if name != reader.usual_box]
    note = f"{recording}: boxes not from {reader.usual_box} but {', '.join(others)}"
    return {
        **{name: int(count) for name, count in samples.counts.items()},
        "surplus": reader.surplus,
        "background": "subtracted" if reader.subtracts_background else "kept",
        "notes": reader.notes + [note] * bool(others),
    }


def observations(recording, every):
    """Yield every n-th observation of a recording, with its box."""
    with recording.open(every) as reader:
        for seen in reader:
            yield seen, choose_box(seen, reader.box_source)[1]


def choose_box(seen, given):
    """The box of an observation, and the name of its source: `given`, if the recording itself holds boxes.

    Else it comes from the silhouette, else from the 2D joints with a margin; else it is the whole frame.
    """
    if seen.box is not None:
        return given, seen.box
    if seen.mask is not None and (box := box_from_silhouette(seen.mask)):
        return "the mask", box
    if box := box_from_joints(seen.joints_2d, seen.frame.shape):
        return "the 2D joints", box
    return "the whole frame", (0, 0, seen.frame.shape[1], seen.frame.shape[0])


class _Samples:
    """Gathers the samples of one recording, passes them on in blocks, and counts."""

    def __init__(self, camera, write):
        self._camera, self._write = camera, write
        self._rows, self._last = [], (None, None)
        self.counts = {"frames": 0, "repeated": 0, "blank": 0}

    def add(self, seen, image, box):
        """Add an observation with its (128, 128) image and its box."""
        take, last = self._last
        self.counts["frames"] += 1
        self.counts["repeated"] += take == seen.take and np.array_equal(image, last)
        self.counts["blank"] += not image.any()
        self._last = seen.take, image
        joints_2d = Transform.of_box(box).to_crop(seen.joints_2d)
        self._rows.append((seen.number, seen.take, image, box, joints_2d, seen.pose))
        if len(self._rows) == BLOCK:
            self.flush()

    def flush(self):
        """Pass on what is gathered."""
        if not self._rows:
            return
        numbers, takes, images, boxes, joints_2d, poses = zip(*self._rows, strict=True)
        self._rows = []
        poses = np.stack(poses).astype(np.float64)
        self._write({
            "images": np.stack(images),
            "joints_2d": np.stack(joints_2d).astype(np.float32),
            "poses": pelvis_relative(poses).astype(np.float32),
            "pelvis": poses[:, PELVIS].astype(np.float32),
            "box": np.array(boxes),
            "take": np.array(takes),
            "camera": np.full(len(numbers), self._camera),
            "frame": np.array(numbers),
        })  # fmt: skip
