"""How far a predicted pose can be trusted: the chance that its error is small.

Two networks and several views of one image are opinions that agree where the pose is right. A network that is
unsure predicts a mean of the poses that may be, as its squared error asks, in which limbs are short. Logistic
regression turns these signs, `SIGNS`, into a chance. ``experiments/calibrate_trust.py`` fits it on renders of
bodies that the networks have not seen, and on crops that show nobody, or half a person.
"""

import numpy as np
from scipy.special import expit

from pose3d.dataset.windows import N_WINDOWS, window_bounds
from pose3d.inference.predictor import views
from pose3d.skeleton import EDGES, JOINTS, N_JOINTS

LARGEST_ERROR = 150.0  # mm; the chance is that of a smaller error
ABOUT = "trust"  # the key of the model of `chance` in what a weights file says about itself
TRUSTED = 0.5  # from this chance on a pose counts as trusted
SIGNS = (
    *(f"length of {JOINTS[child]}'s edge" for _, child in EDGES),
    "spread of the views", "distance from the windows", "probability of the windows",
    "entropy of the windows", "share of the crop", "height by width",
    "tilt of the trunk", "depth of the pose", "extent of the pose",
)  # fmt: skip
_CENTRES = window_bounds().reshape(-1, 2, 2).mean(axis=1)  # (100, 2) px
_TINY = 1e-6


def measure(regression, detection, images, average=True):
    """Poses of crops, (N, 17, 3) mm, and the signs of how far to trust them, (N, len(SIGNS)).

    The networks are of `pose3d.inference.predictor.Predictor`, the images (N, 128, 128) uint8. With `average`
    the poses are the mean of all views, as those always are that the signs are taken of.
    """
    seen = views(regression, images)
    poses = np.mean(seen, axis=0)
    windows = detection.predict(images, mirror=True).reshape(-1, N_JOINTS, N_WINDOWS)
    lengths = np.stack([np.linalg.norm(poses[:, a] - poses[:, b], axis=1) for a, b in EDGES], axis=1)
    distance, likely = _agreement(poses[..., :2], windows)
    trunk = poses[:, JOINTS.index("thorax")]
    shown = images > 0
    tall, wide = shown.any(axis=2).sum(axis=1), shown.any(axis=1).sum(axis=1)
    return poses if average else seen[0], np.column_stack([
        np.log(lengths + 1),
        np.log(np.sqrt(np.var(seen, axis=0).sum(axis=2).mean(axis=1)) + 1),
        np.log(distance + 0.3),
        likely,
        np.log(_entropy(windows) + 1),
        np.log(shown.mean(axis=(1, 2)) + 1e-3),
        np.log((tall + 1) / (wide + 1)),
        trunk[:, 1] / np.maximum(np.linalg.norm(trunk, axis=1), 1),
        np.abs(poses[..., 2]).mean(axis=1),
        poses.std(axis=(1, 2)),
    ])  # fmt: skip


def predict(regression, detection, images, average=True):
    """Predict poses, as `measure`, and the chances (N,) of errors below `LARGEST_ERROR`.

    The regression network's weights file holds the model of `chance`.
    """
    poses, signs = measure(regression, detection, images, average)
    return poses, chance(signs, regression.about[ABOUT])


def chance(signs, model):
    """The chance that the error is below `LARGEST_ERROR`, (N,), of signs (N, len(SIGNS)).

    `model`, as ``experiments/calibrate_trust.py`` fits it, has ``mean`` and ``deviation`` of the signs,
    ``weights`` of the standardised ones, and ``bias``.
    """
    scaled = (signs - model["mean"]) / model["deviation"]
    return expit(scaled @ np.asarray(model["weights"]) + model["bias"])


def _agreement(points, windows):
    """How well the joints of a pose, (N, 17, 2) mm, agree with the windows, (N, 17, 100) probabilities.

    Scale and place of the joints in the crop are not predicted, so those that fit best are taken. Returned
    are the mean distance of the joints from where the windows see them, px, and the mean logarithm of the
    probability of the window that a joint lies in: (N,) each.
    """
    weights = windows.max(axis=2) + 1e-3
    weights = weights[..., None] / weights.sum(axis=1)[:, None, None]
    sharp = windows**2
    seen = sharp @ _CENTRES / np.maximum(sharp.sum(axis=2), _TINY)[..., None]
    centre, ours = (np.sum(weights * each, axis=1, keepdims=True) for each in (seen, points))
    points = points - ours
    size = np.sum(weights * points**2, axis=(1, 2))
    scale = np.sum(weights * points * (seen - centre), axis=(1, 2)) / np.maximum(size, _TINY)
    placed = centre + scale[:, None, None] * points
    distance = np.sum(weights[..., 0] * np.linalg.norm(placed - seen, axis=2), axis=1)
    nearest = np.argmin(np.linalg.norm(placed[:, :, None] - _CENTRES, axis=3), axis=2)
    likely = np.take_along_axis(windows, nearest[..., None], axis=2)[..., 0]
    return distance, np.log(likely + 0.02).mean(axis=1)


def _entropy(windows):
    """Entropy of all windows of a crop: (N,) array, nats."""
    likely = np.clip(windows, _TINY, 1 - _TINY)
    return -np.sum(likely * np.log(likely) + (1 - likely) * np.log(1 - likely), axis=(1, 2))
