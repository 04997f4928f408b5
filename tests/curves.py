"""Learning curves and weights of runs that are compared."""

import csv

from pose3d.model import weights

TIMES = ("seconds", "images_per_s")
LAYERS = ("conv1", "conv2", "conv3", "fc1", "fc2")
# Columns of every learning curve, beside the scores of its task.
COLUMNS = {"epoch", "cost", *TIMES, "gradient_norm", "constant fc3"}
COLUMNS |= {f"{kind} {layer}" for kind in ("saturated", "constant") for layer in LAYERS}


def curve(folder):
    """The learning curve of a run folder: list of dicts of str to str."""
    with (folder / "curve.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_times(folder):
    """The same without its times."""
    return [{key: value for key, value in row.items() if key not in TIMES} for row in curve(folder)]


def params_of(folder, name=weights.LAST):
    """The parameters of a run, by name."""
    return weights.load(folder / name).params


def same(a, b):
    """Whether parameters are equal to the last bit."""
    return all((a[name] == b[name]).all() for name in a)
