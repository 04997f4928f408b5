"""The graph of a trained network, from its weights file."""

import dataclasses

import numpy as np

from pose3d.errors import UserError
from pose3d.model.detection import DetectionGraph
from pose3d.model.regression import RegressionGraph, TargetScale


def graph_of(found, path):
    """The graph of `Weights`; `path` is of their file, for messages.

    A `UserError` if an array is missing, or one's name or shape is not the network's.
    """
    if found.task == DetectionGraph.task:
        graph = DetectionGraph(found.config)
    else:
        graph = RegressionGraph(found.config, _scale(found, path))
    missing = set(graph.network.params) - set(found.params)
    if missing:
        raise UserError(f"{path} lacks {', '.join(sorted(missing))}: train again")
    try:
        graph.network.set_weights(found.params)
    except ValueError as error:
        raise UserError(f"{path}: {error}; train again") from None
    return graph


def _scale(found, path):
    names = [field.name for field in dataclasses.fields(TargetScale)]
    if not all(np.shape(found.scale.get(name)) == (RegressionGraph.width,) for name in (*names, "mean_pose")):
        raise UserError(f"{path} lacks the scale of its targets: train again")
    return TargetScale(**{name: found.scale[name] for name in names})
