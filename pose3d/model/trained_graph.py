"""Graphs of trained networks, from their weights files."""

import dataclasses

import numpy as np

from pose3d.errors import UserError
from pose3d.model import weights
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale


def load_graph(path, task=None):
    """The graph of a weights file, or of a run folder's best epoch; `task` is given if only that will do.

    Raises as `pose3d.model.weights.load`, and a `UserError` if the arrays do not fit the network that the
    file describes.
    """
    return graph_of(weights.load(path, task), path)


def graph_of(found, path):
    """The graph of `Weights` that were read from `path`; raises as `load_graph`."""
    if found.task == DetectionGraph.task:
        graph = DetectionGraph(found.config)
    else:
        graph = RegressionGraph(found.config, _scale(found, path))
    weights.fill(graph.network, found, path)
    return graph


def _scale(found, path):
    names = [field.name for field in dataclasses.fields(TargetScale)]
    if not all(np.shape(found.scale.get(name)) == (RegressionGraph.width,) for name in (*names, "mean_pose")):
        raise UserError(f"{path} lacks the scale of its targets: train again")
    return TargetScale(**{name: found.scale[name] for name in names})
