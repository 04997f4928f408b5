import pytest
from PIL import Image

from pose3d.io.video import video_writer
from tests.recordings.custom.drawn import (
    ANNOTATED,
    FRAMES,
    HEIGHT,
    ROW,
    WIDTH,
    image_of,
    mask_of,
    row_of,
    write_recordings,
    write_table,
)


@pytest.fixture
def folder(tmp_path):
    """Twelve images, twelve masks, a video of the same, and tables of five rows for either."""
    for name in ("frames", "masks"):
        (tmp_path / name).mkdir()
    with video_writer(tmp_path / "video.mp4", HEIGHT, WIDTH, 50) as show:
        for i in range(FRAMES):
            show(image_of(i))
            Image.fromarray(image_of(i)).save(tmp_path / "frames" / f"f{i}.png")
            Image.fromarray(mask_of(i)).save(tmp_path / "masks" / f"f{i}.png")
    # Rows in any order.
    write_table(tmp_path / "j.csv", [row_of(i, f"f{i}.png") for i in ANNOTATED[::-1]])
    write_table(tmp_path / "numbers.csv", [row_of(i, str(i)) for i in ANNOTATED])
    return write_recordings(tmp_path, [ROW | {"masks": "masks"}])
