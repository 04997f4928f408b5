"""The joint detection graph: 17 joints x 100 windows, cross-entropy (report, section 4.2)."""

from pose3d.dataset.windows import GRID_SIDE, N_WINDOWS
from pose3d.model import costs
from pose3d.model.graph import Graph
from pose3d.model.network import Network
from pose3d.skeleton import MIRROR, N_JOINTS


class DetectionGraph(Graph):
    """Images to the probability of every joint in every window.

    Targets are labels (N, 1700), joint-major: index = joint * 100 + row * 10 + column.
    ``predict`` gives probabilities of the same shape.
    """

    task = "detection"
    width = N_JOINTS * N_WINDOWS

    def __init__(self, config):
        super().__init__(config, Network(self.width, config.network))

    def outputs(self, raw):
        return costs.window_probabilities(raw, self.config.detection.readout)

    def mirrored(self, outputs):
        grids = outputs.reshape(-1, N_JOINTS, GRID_SIDE, GRID_SIDE)
        return grids[:, MIRROR, :, ::-1].reshape(outputs.shape)

    def cost(self, raw, targets):
        return costs.detection_cost(raw, targets, self.config.detection.readout)
