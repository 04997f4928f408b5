"""Recordings drawn here: a bright square on gray, that moves by known steps."""

import numpy as np
from PIL import Image

from pose3d.io import tables
from pose3d.io.video import video_writer
from pose3d.recordings import custom
from pose3d.skeleton import JOINTS
from tests.recordings import sampled

FRAMES, HEIGHT, WIDTH = 12, 96, 160
ANNOTATED = [1, 2, 4, 7, 11]
_RNG = np.random.default_rng(0)
OFFSETS = _RNG.uniform((0, 0), (19, 39), (17, 2))
DEPTHS = _RNG.normal(3000, 300, (FRAMES, 17, 1))
FOCAL = 100


def corner(i):
    return 30 + 4 * i, 40 - i


def mask_of(i):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    x, y = corner(i)
    mask[y : y + 40, x : x + 20] = True
    return mask


def image_of(i):
    gray = np.where(mask_of(i), 220, 90) + np.arange(WIDTH) // 8
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


def joints_of(i):
    return OFFSETS + corner(i)


# As a pinhole camera sees them in the middle of the image.
POSES = np.stack(
    [np.hstack([(joints_of(i) - (80, 48)) / FOCAL * DEPTHS[i], DEPTHS[i]]) for i in range(FRAMES)]
)


def row_of(i, frame):
    """One row of the table as a dict, its values str."""
    row = {"frame": frame}
    for j, name in enumerate(joint.replace(" ", "_") for joint in JOINTS):
        row |= {
            f"{name}_{axis}": repr(float(value)) for axis, value in zip("xy", joints_of(i)[j], strict=True)
        }
        row |= {f"{name}_{axis}": repr(float(value)) for axis, value in zip("XYZ", POSES[i, j], strict=True)}
    return row


def write_table(path, rows):
    tables.write_table(path, rows[0], ([row.get(name) for name in rows[0]] for row in rows))


def write_recordings(folder, rows):
    write_table(folder / "recordings.csv", rows)
    return folder


ROW = {
    "subject": "anna",
    "action": "Dancing",
    "take": "2",
    "camera": "7",
    "images": "frames",
    "joints": "j.csv",
}


def write_folder(folder):
    """Twelve images, twelve masks, a video of the same, and tables of five rows for either."""
    for name in ("frames", "masks"):
        (folder / name).mkdir(parents=True)
    with video_writer(folder / "video.mp4", HEIGHT, WIDTH, 50) as show:
        for i in range(FRAMES):
            show(image_of(i))
            Image.fromarray(image_of(i)).save(folder / "frames" / f"f{i}.png")
            Image.fromarray(mask_of(i)).save(folder / "masks" / f"f{i}.png")
    # Rows in any order.
    write_table(folder / "j.csv", [row_of(i, f"f{i}.png") for i in ANNOTATED[::-1]])
    write_table(folder / "numbers.csv", [row_of(i, str(i)) for i in ANNOTATED])
    return write_recordings(folder, [ROW | {"masks": "masks"}])


def sample(folder, every=1):
    """The samples of the only recording of a folder, and the facts."""
    (recording,) = custom.find_recordings(folder)
    return sampled.sample(recording, every)
