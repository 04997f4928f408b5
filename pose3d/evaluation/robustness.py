"""How a network's error grows when boxes and masks are worse than those of the ground truth."""

import itertools
from pathlib import Path

import numpy as np

from pose3d.dataset.built_files import built_path, read_provenance
from pose3d.errors import UserError
from pose3d.evaluation import metrics
from pose3d.evaluation.perturbation import STANDARD, perturbed_crops
from pose3d.recordings import human36m

BLOCK = 16  # frames, with all of their perturbations, that are predicted at once


def perturbed_errors(predict, data, indices, every, rng, perturbations=STANDARD):
    """The MPJPE of the samples' recordings under every perturbation.

    Parameters
    ----------
    predict : function of (n, 128, 128) images -> (n, 17, 3) poses, mm
    data : Dataset, built from a raw tree that is still there
    indices : (n,) int array, the samples whose recordings are meant
    every : int, take every n-th frame of a recording
    rng : numpy.random.Generator
    perturbations : sequence of pose3d.evaluation.perturbation.Perturbation

    Returns
    -------
    dict of the perturbations' names to float, mm; the same frames for each

    Raises
    ------
    UserError
        if the files were built from something else than a raw tree, or that has gone
    """
    frames = itertools.chain.from_iterable(
        perturbed_crops(recording, every, perturbations, rng) for recording in _recordings(data, indices)
    )
    sums, count = np.zeros(len(perturbations)), 0
    while block := list(itertools.islice(frames, BLOCK)):
        crops, poses = map(np.array, zip(*block, strict=True))  # (n, P, 128, 128), (n, 17, 3)
        found = predict(crops.reshape(-1, *crops.shape[2:])).reshape(*crops.shape[:2], -1, 3)
        errors = metrics.joint_errors(found, np.broadcast_to(poses[:, None], found.shape))
        sums, count = sums + errors.mean(axis=2).sum(axis=0), count + len(block)
    return {each.name: float(total / count) for each, total in zip(perturbations, sums, strict=True)}


def _recordings(data, indices):
    """The raw recordings of samples."""
    remedy = "the test of worse boxes and masks needs the raw tree that the files were built from"
    found = []
    for action, subject in sorted({(str(data.action[i]), str(data.subject[i])) for i in indices}):
        path = built_path(data.folder, action, subject)
        source = Path(read_provenance(path).get("source", ""))
        try:
            recordings, _ = human36m.find_recordings(source, (action,), (subject,))
        except UserError as error:
            raise UserError(f"{path}: {remedy} ({error})") from error
        cameras = set(data.camera[indices].tolist())
        found += [each for each in recordings if int(each.camera) in cameras]
    if not found:
        raise UserError(f"{data.folder}: {remedy}")
    return found
