"""Evaluate trained networks on the test samples of a data set."""

import numpy as np
from tqdm import tqdm

from pose3d.dataset.splits import minibatches
from pose3d.dataset.windows import N_WINDOWS
from pose3d.errors import UserError
from pose3d.evaluation import metrics
from pose3d.evaluation.evaluate import evaluate_poses
from pose3d.evaluation.pose_files import KEYS
from pose3d.model import weights
from pose3d.model.trained_graph import graph_of
from pose3d.skeleton import N_JOINTS

BATCH = 128


def predict_poses(graph, data, indices, mirror=False):
    """Predict the poses (n, 17, 3), mm, pelvis-relative, of samples; `mirror` averages over mirror images."""
    parts = [outputs for outputs, _ in _outputs(graph, data, indices, mirror)]
    return np.concatenate(parts).reshape(-1, N_JOINTS, 3)


def score_detection(graph, data, indices):
    """F1 and average precision of a detection network: dict, None for a joint without a positive window."""
    totals = {}
    for outputs, batch in _outputs(graph, data, indices):
        counts = metrics.detection_totals(data.labels(batch), outputs.reshape(-1, N_JOINTS, N_WINDOWS))
        totals = {name: totals.get(name, 0) + count for name, count in counts.items()}
    scores = metrics.detection_scores(totals)
    return {name: None if np.isnan(x) else x for name, x in scores.items()}


def sample_keys(data, indices):
    """Action, subject, take, camera and frame of samples: dict of arrays."""
    return {name: getattr(data, name)[indices] for name in KEYS}


def evaluate_run(run, data, indices, mirror=False):
    """The figures of a regression run on samples: dict of `pose3d.evaluation.evaluate.Errors.figures`.

    A `UserError` if it was trained on one of the samples' subjects.
    """
    found = weights.load(run, "regression")
    check_unseen(run, found, data, indices, "--seeds")
    poses = predict_poses(graph_of(found, run), data, indices, mirror)
    return evaluate_poses(poses, data.poses[indices], sample_keys(data, indices))["over_frames"]


def check_unseen(path, found, data, indices, option):
    """A UserError if the training of the Weights in `path`, named by an option, saw one of the subjects."""
    theirs = found.trained_on
    if theirs.data.synthetic != data.origin.synthetic:
        return  # other people, even if they have the same names
    if seen := sorted({*theirs.train, *theirs.validation}.intersection(data.subjects_of(indices))):
        raise UserError(f"{path} was trained with {', '.join(seen)}; name another {option}")


def _outputs(graph, data, indices, mirror=False):
    """Yield a network's outputs batch by batch, each with its sample numbers."""
    batches = list(minibatches(indices, BATCH))
    predict = graph.predict_mirrored if mirror else graph.predict
    for batch in tqdm(batches, desc=graph.task, unit=" batches", leave=False, disable=None):
        outputs = predict(data.images(batch))
        if not np.isfinite(outputs).all():
            raise UserError(
                f"a {graph.task} network's predictions are not finite; train again with a lower learning rate"
            )
        yield outputs, batch
