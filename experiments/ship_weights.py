"""Put two trained networks into the package, in the form in which they ship.

    python experiments/ship_weights.py runs/people-regression runs/people-detection --data data/people

Their matrices are stored as int8, which may cost 0.5 mm on the test's subjects. The files say what they were
trained on, with which settings and from which commit; that of the regression, how far to trust its poses.
"""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
from calibrate_trust import MOST, calibrate, lines, parser

from pose3d.dataset.splits import open_split
from pose3d.errors import UserError, command
from pose3d.evaluation.metrics import joint_errors
from pose3d.inference import predictor, trust
from pose3d.model import weights

ALLOWED = 0.5  # mm that the smaller file may cost


def ship(run, task, about):
    """Write the weights of a run into the package; returns the Weights, as they are written."""
    found = weights.load(run, task)
    trained_on = found.trained_on
    if trained_on.init:  # a path of this machine means nothing elsewhere
        init = {**trained_on.init, "path": Path(trained_on.init["path"]).name}
        trained_on = dataclasses.replace(trained_on, init=init)
    found = dataclasses.replace(found, about=found.about | about, trained_on=trained_on)
    weights.save(predictor.shipped(task), found, "int8")
    return found


def error_of(run, data, samples):
    """The error of a regression network on samples, averaged over mirror images, mm."""
    poses = predictor.load(run, "regression").predict(data.images(samples), mirror=True)
    return float(joint_errors(poses, data.poses[samples]).mean())


@command
def main(argv=None):
    arguments = parser(__doc__).parse_args(argv)
    rng = np.random.default_rng(arguments.seed)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    about = {"commit": revision.stdout.strip()}
    ship(arguments.detection, "detection", about)
    found = ship(arguments.regression, "regression", about)

    settings = found.config.data
    data, split = open_split(arguments.data, settings, needs_test=True)
    chosen = np.sort(rng.choice(split.test, min(MOST, len(split.test)), replace=False))
    before, after = (error_of(run, data, chosen) for run in (arguments.regression, None))
    print(f"{before:.2f} mm on {', '.join(settings.test)}, {after:.2f} mm as int8")
    if after - before > ALLOWED:
        raise UserError(f"int8 costs more than {ALLOWED} mm; store float16 instead")
    networks = (predictor.load(None, task) for task in ("regression", "detection"))
    model = calibrate(*networks, data, split, rng)
    print(*lines(model), sep="\n")
    about |= {trust.ABOUT: model, "test_mpjpe_mirrored_mm": round(after, 2)}
    ship(arguments.regression, "regression", about)
    for task in ("regression", "detection"):
        path = predictor.shipped(task)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
