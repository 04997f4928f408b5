"""Use a trained network from Python: predict poses or probabilities from images."""

from pathlib import Path

import numpy as np

from pose3d.dataset.augmentation import shifted
from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.dataset.windows import GRID_SIDE
from pose3d.errors import UserError
from pose3d.model import weights
from pose3d.model.trained_graph import graph_of
from pose3d.skeleton import N_JOINTS, mirrored_poses, pelvis_relative

BATCH = 128
SHIFTS = ((0, 0), (3, 3), (-3, -3))  # px, of `views`, no farther than those of the training


class Predictor:
    """A trained network. Several threads may share it, and it can be pickled, for spawned processes.

    Attributes
    ----------
    task : ``"regression"`` or ``"detection"``
    graph : pose3d.model.graph.Graph, the compiled network
    about : dict, epoch, scores and so on of the weights file
    """

    def __init__(self, graph, about):
        self.task, self.graph, self.about = graph.task, graph, about

    def predict(self, images, mirror=False):
        """Predict poses (regression) or probabilities of windows (detection).

        Parameters
        ----------
        images : (N, 128, 128) array
            Grayscale crops with background 0, as ``build_dataset`` makes them; N may be 0.
            uint8 from 0 to 255, or floats from 0 to 1.
        mirror : bool
            Average over the images and their mirror images: twice the time, smaller errors.

        Returns
        -------
        (N, 17, 3) array from a regression network: mm, camera frame (x right, y down, z forward), the pelvis
            at zero; (N, 17, 10, 10) array from a detection network: probability of each joint in
            each window, row by row

        Raises
        ------
        ValueError
            if the images have another shape or dtype, NaN, or values out of range
        UserError
            in a process that was forked after a network had run
        """
        images = _checked(np.asarray(images))
        predict = self.graph.predict_mirrored if mirror else self.graph.predict
        parts = [predict(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        found = np.concatenate([np.zeros((0, self.graph.width), np.float32), *parts])
        if self.task == "detection":
            return found.reshape(-1, N_JOINTS, GRID_SIDE, GRID_SIDE)
        return pelvis_relative(found.reshape(-1, N_JOINTS, 3))


def _checked(images):
    """`images`, if they are what `Predictor.predict` takes."""
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise ValueError(f"images must be (N, {IMAGE_SIDE}, {IMAGE_SIDE}), not {images.shape}")
    if images.dtype.kind != "f" and images.dtype != np.uint8:
        raise ValueError(f"images must be uint8, or floats from 0 to 1, not {images.dtype}")
    low, high = (images.min(), images.max()) if images.dtype.kind == "f" and images.size else (0, 1)
    if not 0 <= low <= high <= 1:  # NaN is in no order
        raise ValueError(f"images of floats must lie in 0 to 1, these reach from {low:g} to {high:g}")
    return images


def averaged(regression, images):
    """Poses of crops, (N, 17, 3) mm: the means of `views`."""
    return np.mean(views(regression, images), axis=0)


def views(regression, images):
    """Poses of the images and their mirror images, mirrored back, at each of `SHIFTS`: list of (N, 17, 3)."""
    nowhere, poses = np.zeros((len(images), 1, 2)), []
    for shift in SHIFTS:
        moved, _ = shifted(images, nowhere, np.tile(shift, (len(images), 1)))
        poses += [regression.predict(moved), mirrored_poses(regression.predict(moved[..., ::-1]))]
    return poses


def shipped(task):
    """The weights file that comes with pose3d: Path."""
    return Path(__file__).with_name(f"people-{task}.npz")


def load(run=None, task=None):
    """Load a trained network.

    Parameters
    ----------
    run : path of a run folder, whose best epoch is loaded, or of a weights file; None: a network that comes
        with pose3d, trained on renders of people
    task : "regression" or "detection", if only that will do; None: any, and of those that come with pose3d
        the regression network

    Returns
    -------
    Predictor

    Raises
    ------
    UserError
        if the file is missing, damaged, of another version or another task
    """
    path = shipped(task or "regression") if run is None else run
    try:
        found = weights.load(path, task)
        return Predictor(graph_of(found, path), found.about)
    except UserError as error:
        if run is None:
            raise damaged(path) from error
        raise


def damaged(path):
    """The `UserError` of a file of this package that cannot be read."""
    return UserError(f"{path}: this file of pose3d is missing or damaged; install pose3d again")
