import os
import re

import numpy as np
import pytest

# By default PyTensor only logs an error in a rewrite, and computes without it.
os.environ["PYTENSOR_FLAGS"] = f"on_opt_error=raise,{os.environ.get('PYTENSOR_FLAGS', '')}".rstrip(",")

from pose3d import synthetic, train_detection, train_regression
from pose3d.dataset.built_files import built_path, write_built_file
from pose3d.skeleton import JOINTS, MIRROR, pelvis_relative
from tests.small import SMALL


@pytest.fixture(scope="session")
def raw_tree(tmp_path_factory):
    """A tiny raw tree: S1, S5, S11; Walking, both takes, four cameras; 12 poses; frames 250 px wide."""
    out = tmp_path_factory.mktemp("raw") / "tree"
    return synthetic.generate(out, subjects=("S1", "S5", "S11"), frames=12, image_size=250, workers=1)


def turning_samples(size, frames, hold=1, symmetric=False):
    """Samples of one camera and two takes: 17 points that turn together, drawn as bright squares.

    In the second take every image stays for `hold` frames while the pose goes on, as in the original's
    data. Poses in mm; an image shows x and y at 25 mm/px. Heights do not vary, so that a mirror takes
    joints far from where they are in training, unless the figure is `symmetric`.
    """
    figure = np.random.default_rng(0).uniform(-1, 1, (len(JOINTS), 3)) * (300, 600, 300)
    if symmetric:
        figure = (figure + figure[MIRROR] * (-1, 1, 1)) / 2
    figure = size * pelvis_relative(figure)
    number = np.tile(np.arange(frames), 2)
    take = np.repeat([1, 2], frames)

    def turned(number):
        angle = 2 * np.pi * number / frames
        c, s, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 0 * angle + 1
        rotation = np.array([[c, zero, s], [zero, one, zero], [-s, zero, c]])  # (3, 3, 2 * frames)
        return np.einsum("jd,edn->nje", figure, rotation)

    poses = turned(number)
    joints = turned(np.where(take == 2, number // hold * hold, number))[..., :2] / 25 + 63.5
    images = np.zeros((len(number), 128, 128), np.uint8)
    for image, points in zip(images, joints.round().astype(int), strict=True):
        for shade, (x, y) in enumerate(points):
            image[y - 3 : y + 4, x - 3 : x + 4] = 80 + 10 * shade
    n = len(number)
    return {
        "images": images, "joints_2d": joints, "poses": poses, "pelvis": np.tile([0, 0, 5000], (n, 1)),
        "box": np.tile([0, 0, 128, 128], (n, 1)), "take": take, "camera": np.full(n, 54138969),
        "frame": number,
    }  # fmt: skip


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Built files of S1 and S5 (2 x 20 frames each) and of S11 (2 x 65: one batch of 128 and 2 more)."""
    folder = tmp_path_factory.mktemp("built")
    for subject, size, frames, hold in (("S1", 0.9, 20, 1), ("S5", 1.0, 20, 1), ("S11", 1.1, 65, 5)):
        part = turning_samples(size, frames, hold)
        write_built_file(built_path(folder, "Walking", subject), "Walking", subject, [part], {})
    return folder


@pytest.fixture(scope="session")
def small():
    """Arguments for a network as small as can be with no two layers alike, and batches with a remainder."""
    settings = *SMALL, "training.batch_size=24", "training.epochs=2"
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="session")
def detection_run(built, small, tmp_path_factory):
    """The run folder of a small detection network after two epochs."""
    out = tmp_path_factory.mktemp("runs") / "detection"
    assert train_detection.main(["--data", str(built), "--out", str(out), *small]) == 0
    return out


@pytest.fixture(scope="session")
def regression_run(built, small, detection_run):
    """The run folder of a small regression network on `detection_run`'s convolutions."""
    out = detection_run.with_name("regression")
    arguments = ["--data", str(built), "--init", str(detection_run), "--out", str(out), *small]
    assert train_regression.main(arguments) == 0
    return out


@pytest.fixture
def error_line(capsys):
    """A function that returns the one line that a command has written to stderr."""

    def read():
        error = capsys.readouterr().err
        assert re.fullmatch(r"error: [^\n]*\n", error), error
        return error

    return read


def pytest_collection_modifyitems(items):
    """Begin with the longest file, so that neither process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_documents.py")
