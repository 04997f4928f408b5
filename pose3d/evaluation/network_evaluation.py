"""Evaluate trained networks on the test samples of a data set."""

import dataclasses

import numpy as np
from tqdm import tqdm

from pose3d.dataset import Dataset
from pose3d.dataset.splits import minibatches, open_test, split
from pose3d.dataset.windows import N_WINDOWS
from pose3d.errors import UserError
from pose3d.evaluation import metrics
from pose3d.evaluation.evaluate import evaluate_poses
from pose3d.evaluation.nearest_neighbour import nearest_images
from pose3d.evaluation.pose_file_formats import KEYS
from pose3d.evaluation.pose_pairs import Pair
from pose3d.evaluation.robustness import perturbed_errors
from pose3d.model import weights
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph
from pose3d.model.trained_graph import graph_of
from pose3d.skeleton import N_JOINTS

BATCH = 128


@dataclasses.dataclass(frozen=True)
class Tested:
    """A regression network on its test samples, and what it was found to be worth."""

    run: str  # run folder or weights file
    graph: RegressionGraph
    data: Dataset
    indices: np.ndarray  # (n,), the test samples
    mean_pose: np.ndarray  # (17, 3), mm, of the training samples
    pair: Pair
    mirror: bool  # whether poses are averages over the image and its mirror image
    detection: str | None  # the run of the detection network that is scored, too
    detector: DetectionGraph | None
    results: dict  # fit for JSON

    def evaluate(self, **baselines):
        """`evaluate_poses` of the predictions, with baselines: each (n, 17, 3), or (17, 3) for all."""
        truths = self.pair.truths
        mean = {"mean_pose": self.mean_pose, **baselines}
        whole = {name: np.broadcast_to(poses, truths.shape) for name, poses in mean.items()}
        return evaluate_poses(self.pair.predictions, truths, self.pair.keys, whole)

    def probabilities(self, images):
        """The detection network's maps of images: (n, 17, 100)."""
        return self.detector.predict(images).reshape(-1, N_JOINTS, N_WINDOWS)


def evaluate_network(run, folder, subjects=None, actions=None, detection=None, mirror=False):
    """Test a regression run on the test samples of a data set: `Tested`.

    `subjects` and `actions` replace those that the weights name; `detection` is a run, ``"none"``, or None
    for the one that the regression network began with. A `UserError` if a network has seen a subject.
    """
    found = weights.load(run, "regression")
    graph = graph_of(found, run)
    data, test = open_test(folder, graph.config.data, subjects, actions)
    check_unseen(run, found, data, test, "--weights or --subjects")
    detection, detector = _detector(detection, found.trained_on.init, data, test)
    pair = Pair(predict_poses(graph, data, test, mirror), data.poses[test], sample_keys(data, test))
    mean = found.scale["mean_pose"].reshape(N_JOINTS, 3)
    tested = Tested(run, graph, data, test, mean, pair, mirror, detection, detector, {})
    theirs, ours = found.trained_on.data, data.origin
    tested.results.update(
        tested.evaluate(),
        weights=str(run),
        mirror=mirror,
        trained_on=dataclasses.asdict(theirs),
        tested_on=dataclasses.asdict(ours),
    )
    if theirs.fingerprint != ours.fingerprint:
        tested.results["note"] = f"the network was trained on {theirs}, and is tested on {ours}"
    if detector:
        scores = score_detection(detector, data, test)
        tested.results["detection"] = {"weights": str(detection), **scores}
    return tested


def extras(tested, nearest=False, robustness=None, seeds=()):
    """Yield functions that return additions to the results.

    They are a baseline, the pose of the nearest training image; the errors on every n-th frame with worse
    boxes and masks; and the figures of other runs.
    """
    data, test, graph = tested.data, tested.indices, tested.graph
    if nearest:
        yield lambda: tested.evaluate(
            nearest_image=data.poses[nearest_images(data, split(data, graph.config.data).train, test)]
        )
    if robustness:
        predict = graph.predict_mirrored if tested.mirror else graph.predict
        yield lambda: {
            "perturbed_mpjpe_mm": perturbed_errors(
                lambda images: predict(images).reshape(-1, N_JOINTS, 3),
                data, test, robustness, np.random.default_rng(0),
            )
        }  # fmt: skip
    for run in seeds or ():
        runs = tested.results.get("runs", {str(tested.run): tested.results["over_frames"]})
        yield lambda run=run, runs=runs: {"runs": runs | {run: evaluate_run(run, data, test, tested.mirror)}}


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
    if seen := found.trained_on.seen(data.subjects_of(indices), data.origin):
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


def _detector(named, init, data, indices):
    """The detection network to score: its run and its graph, or None twice.

    It is the one that is named, or the one that the regression network began with, if that is still there; or
    began with before it was trained further.
    """
    if named == "none" or not (named or init):
        return None, None
    run = named or init["path"]
    try:
        if not named and weights.digest(run) != init["sha256"]:
            raise UserError(f"{run} was trained anew since then")
        found = weights.load(run, "detection" if named else None)
        if found.task == "regression":
            return _detector(None, found.trained_on.init, data, indices)
        check_unseen(run, found, data, indices, "--detection")
        return run, graph_of(found, run)
    except (UserError, OSError) as error:
        if named:
            raise
        print(f"the detection network that conv1-3 were taken from is not scored: {error}")
        return None, None
