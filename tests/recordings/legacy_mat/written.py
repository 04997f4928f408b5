"""Legacy .mat files written here: upright figures, each sample other than all others."""

import h5py
import numpy as np

from pose3d.recordings import legacy_mat
from pose3d.skeleton import JOINTS

N = 70
NAMES = {"images": ("data_36M", "datafinal"), "labels": ("pose_2D", "y_vector_new"),
         "poses": ("pose_3D", "posedata")}  # fmt: skip


def drawn(seed=0, count=N):
    """Images (n, 128, 128) uint8, labels (n, 17, 10, 10), poses (n, 32, 3) mm that go on smoothly."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 128, 128), np.uint8)
    images[:, 2:126, 40:80] = rng.integers(1, 256, (count, 124, 40))
    positive = rng.random((count, 17, 10, 10)) > 0.9
    head, ankles = JOINTS.index("head"), [JOINTS.index("left ankle"), JOINTS.index("right ankle")]
    for joints, row in (([head], 1), (ankles, 8)):
        positive[:, joints] = False
        for joint in joints:
            positive[np.arange(count), joint, row, rng.integers(0, 10, count)] = True
    poses = rng.normal(0, 300, (32, 3)) + np.cumsum(rng.normal(0, 5, (count, 32, 3)), axis=0) + (0, 0, 4000)
    return {"images": images, "labels": positive, "poses": poses}


def stored(values, order="rows"):
    """As the matrices of the files."""
    turn = (0, 2, 1) if order == "columns" else (0, 1, 2)
    turn_windows = (0, 1, 3, 2) if order == "columns" else (0, 1, 2, 3)
    return {
        "images": values["images"].transpose(turn).reshape(-1, 128 * 128) / np.float32(255),
        "labels": values["labels"].transpose(turn_windows).reshape(-1, 1700).astype(float),
        "poses": values["poses"].reshape(-1, 96),
    }


def write(folder, matrices, subject="S1", along=0, **dataset):
    """Three files of one action, samples along that axis of what h5py shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, (start, name) in NAMES.items():
        with h5py.File(folder / f"{start}{subject}.mat", "w", userblock_size=512) as file:
            file.create_dataset(name, data=matrices[kind].T if along else matrices[kind], **dataset)
    return folder


def find(folder, **asked):
    return legacy_mat.find_recordings(folder, **asked)[0]


def given(samples):
    return np.unpackbits(samples["windows"], axis=1, count=1700).reshape(-1, 17, 10, 10)
