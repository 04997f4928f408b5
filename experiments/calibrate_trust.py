"""Fit how far predicted poses can be trusted, and show how well that tells right poses from wrong ones.

    python experiments/calibrate_trust.py runs/people-regression runs/people-detection --data data/people

It is fitted on the validation's subjects and measured on those of the test: renders of bodies that trained
neither network, beside crops of two people and of nobody, whose poses are always wrong.
ship_weights.py does the same and keeps the result.
"""

import argparse
import sys

import numpy as np
from PIL import Image, ImageDraw
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from pose3d.dataset.crop import IMAGE_SIDE, crop
from pose3d.dataset.splits import open_split
from pose3d.errors import command
from pose3d.evaluation.metrics import joint_errors
from pose3d.inference import predictor, trust
from pose3d.inference.person_crop import SILHOUETTE_MARGIN
from pose3d.recordings.observation import box_around
from pose3d.synthetic.pose_families import FAMILIES

MOST = 12_000  # renders for the fit, and again for the measurement
PENALTY = 1.0  # of the squared weights: half of it is subtracted from the log likelihood


def two_in_one(image, other, rng):
    """The crop of two people whom one mask holds."""
    right, down = rng.integers(-70, 71), rng.integers(-20, 21)
    wide = np.zeros((IMAGE_SIDE, 3 * IMAGE_SIDE), np.uint8)
    wide[:, IMAGE_SIDE : 2 * IMAGE_SIDE] = image
    moved = np.roll(np.pad(other, ((0, 0), (IMAGE_SIDE, IMAGE_SIDE))), (down, right), axis=(0, 1))
    return np.where(moved > 0, moved, wide)


def nobody(image, other, rng):
    """A crop of drawn things: a body, straight limbs or bars that start on it, and boxes; of uneven gray."""
    picture = Image.new("L", (2 * IMAGE_SIDE,) * 2)
    draw, middle = ImageDraw.Draw(picture), rng.uniform(80, 176, 2)
    for _ in range(rng.integers(1, 4)):
        centre, axes = middle + rng.normal(0, 25, 2), rng.uniform(8, 60, 2)
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape([*(centre - axes), *(centre + axes)], fill=int(rng.integers(20, 256)))
    for _ in range(rng.integers(0, 7)):
        start = middle + rng.normal(0, 25, 2)
        end = (
            start + rng.normal(0, 60, 2) * (1, 1) if rng.random() < 0.5 else start + (0, rng.uniform(30, 110))
        )
        draw.line([*start, *end], fill=int(rng.integers(20, 256)), width=int(rng.integers(3, 25)))
    levels = np.asarray(picture, float)
    texture = Image.fromarray(rng.uniform(0.4, 1.2, (rng.integers(2, 40),) * 2)).resize(picture.size)
    return np.where(levels > 0, np.clip(levels * np.asarray(texture), 1, 255), 0).astype(np.uint8)


KINDS = (two_in_one, nobody)


def spoiled(images, rng):
    """Crops of `KINDS`, made of the images in turn: dict of kind's name to (n, 128, 128) uint8 array."""
    return {
        kind.__name__: np.stack(
            [
                _cropped(kind(image, images[rng.integers(len(images))], rng))
                for image in images[start :: len(KINDS)]
            ]
        )
        for start, kind in enumerate(KINDS)
    }


def _cropped(image):
    """What an image shows, cropped as the person of a picture is."""
    x0, y0, x1, y1 = box_around(image > 0)
    margin = round(SILHOUETTE_MARGIN * max(x1 - x0, y1 - y0))
    return crop(np.pad(image[y0:y1, x0:x1], margin))


def fitted(signs, is_right):
    """The model of `pose3d.inference.trust.chance`: logistic regression.

    Parameters
    ----------
    signs : (N, signs) array
    is_right : (N,) bool array
    """
    mean, deviation = signs.mean(axis=0), signs.std(axis=0) + 1e-6
    inputs = np.column_stack([(signs - mean) / deviation, np.ones(len(signs))])
    sign = np.where(is_right, 1, -1)

    def loss(weights):
        margins, small = sign * (inputs @ weights), np.append(weights[:-1], 0)
        gradient = PENALTY * small - inputs.T @ (sign * expit(-margins))
        return np.logaddexp(0, -margins).sum() + PENALTY * (small @ small) / 2, gradient

    weights = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    return {
        "mean": mean.tolist(), "deviation": deviation.tolist(), "weights": weights[:-1].tolist(),
        "bias": float(weights[-1]),
    }  # fmt: skip


def roc_area(chances, is_right):
    """The chance that a right pose is trusted more than a wrong one; None if there are not both."""
    right = int(is_right.sum())
    if right in (0, len(chances)):
        return None
    ranks = rankdata(chances)[is_right].sum() - right * (right + 1) / 2
    return float(ranks / (right * (len(chances) - right)))


def calibrate(regression, detection, data, split, rng):
    """The model, fitted on the validation's samples, with its scores on those of the test.

    Parameters
    ----------
    regression, detection : pose3d.inference.predictor.Predictor
    data : Dataset
    split : pose3d.dataset.splits.Split
    rng : numpy.random.Generator
    """
    parts = []
    for samples in (split.validation, split.test):
        chosen = np.sort(rng.choice(samples, min(MOST, len(samples)), replace=False))
        images = data.images(chosen)
        poses, signs = trust.measure(regression, detection, images)
        # With more of them, right poses are told from wrong ones less well: half as many as renders cost
        # 0.003 of the ROC area, and let 5 % of the crops of two people pass in place of 7 %.
        wrong = spoiled(images[::4], rng)
        others = {kind: trust.measure(regression, detection, crops)[1] for kind, crops in wrong.items()}
        errors = joint_errors(poses, data.poses[chosen]).mean(axis=1)
        is_cut_off = np.array([FAMILIES[action].cut_off for action in data.action[chosen]])
        parts.append((errors, signs, is_cut_off, others))
    errors, signs, _, others = parts[0]
    is_right = errors < trust.LARGEST_ERROR
    wrong = np.concatenate(list(others.values()))
    model = fitted(np.concatenate([signs, wrong]), np.append(is_right, np.zeros(len(wrong), bool)))
    return model | {"scores": _scores(model, *parts[1])}


def _scores(model, errors, signs, cut_off, others):
    chances = trust.chance(signs, model)
    trusted = chances >= trust.TRUSTED
    areas = {f"ROC area, error above {mm} mm": roc_area(chances, errors < mm) for mm in (100, 150, 200)}
    found = areas | {
        "renders": len(errors),
        "share with errors below 150 mm": float(np.mean(errors < trust.LARGEST_ERROR)),
        "mean chance": float(chances.mean()),
        "share trusted": float(trusted.mean()),
        "mean error of the trusted, mm": _mean(errors[trusted]),
        "mean error of the others, mm": _mean(errors[~trusted]),
        "share trusted, people cut off": _mean(trusted[cut_off]),
        "mean error of the trusted, people cut off, mm": _mean(errors[cut_off & trusted]),
    }
    for kind, each in others.items():
        found[f"share trusted, {kind}"] = float(np.mean(trust.chance(each, model) >= trust.TRUSTED))
    return {name: value and round(value, 4) for name, value in found.items()}


def _mean(values):
    return float(np.mean(values)) if len(values) else None


def lines(model):
    """The scores of a model, one on each line."""
    return [
        f"{'-' if value is None else f'{value:.4g}':>10}  {name}" for name, value in model["scores"].items()
    ]


def parser(description):
    """The arguments of this script and of ship_weights.py."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("regression", help="run folder or weights file")
    result.add_argument("detection", help="run folder or weights file")
    result.add_argument("--data", default="data/people", help="built files (default: %(default)s)")
    result.add_argument("--seed", type=int, default=0, help="of the calibration (default: 0)")
    return result


@command
def main(argv=None):
    arguments = parser(__doc__).parse_args(argv)
    regression = predictor.load(arguments.regression, "regression")
    detection = predictor.load(arguments.detection, "detection")
    data, split = open_split(arguments.data, regression.graph.config.data, needs_test=True)
    model = calibrate(regression, detection, data, split, np.random.default_rng(arguments.seed))
    print(*lines(model), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
