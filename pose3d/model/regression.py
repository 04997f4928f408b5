"""The pose regression graph: 51 pelvis-relative coordinates, squared error (report, section 4.1)."""

from dataclasses import dataclass

import numpy as np
import pytensor

from pose3d.errors import UserError
from pose3d.model import costs
from pose3d.model.graph import Graph
from pose3d.model.network import Network
from pose3d.skeleton import N_COORDINATES, N_JOINTS, mirrored_poses

# Coordinates that spread less than this do not move: dividing by their spread would magnify rounding.
SMALLEST_SPREAD = 1e-3  # mm
# tanh must reach beyond the training set's extremes: an unseen body may be larger.
TANH_REACH = 1.25


@dataclass(frozen=True)
class TargetScale:
    """What the network's numbers mean: ``mm = mean + deviation * number``, each (51,)."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, blocks, settings):
        """The scale that `settings` asks for, from the training poses alone, relative to the pelvis, mm.

        They come in blocks (n, 17, 3). A `UserError` for a tanh read-out of plain millimetres, which it could
        not reach.
        """
        if settings.targets == "mm":
            if settings.last == "tanh":
                raise UserError('regression.last = "tanh" needs regression.targets = "standardised"')
            return cls(np.zeros(N_COORDINATES), np.ones(N_COORDINATES))
        count, mean, squares = 0, np.zeros(N_COORDINATES), np.zeros(N_COORDINATES)
        low, high = np.full(N_COORDINATES, np.inf), np.full(N_COORDINATES, -np.inf)
        for block in blocks:
            flat = np.asarray(block, dtype=np.float64).reshape(-1, N_COORDINATES)
            # Deviations are from the block's own mean (Chan et al. 1979): those from zero cancel.
            own, before = flat.mean(axis=0), count
            count += len(flat)
            squares += ((flat - own) ** 2).sum(axis=0) + (own - mean) ** 2 * before * len(flat) / count
            mean += (own - mean) * len(flat) / count
            low, high = np.minimum(low, flat.min(axis=0)), np.maximum(high, flat.max(axis=0))
        if settings.last == "identity":
            spread = np.sqrt(squares / count)
        else:
            spread = TANH_REACH * np.maximum(high - mean, mean - low)
        return cls(mean, np.where(spread > SMALLEST_SPREAD, spread, 1.0))  # the pelvis never moves


class RegressionGraph(Graph):
    """Images to poses: ``predict`` and the targets are (N, 51) pelvis-relative mm, of a TargetScale."""

    task = "regression"
    width = N_COORDINATES

    def __init__(self, config, scale):
        super().__init__(config, Network(self.width, config.network, last=config.regression.last))
        dtype = config.network.dtype
        self.scale = scale
        self._mean = pytensor.shared(scale.mean.astype(dtype), "target.mean")
        self._deviation = pytensor.shared(scale.deviation.astype(dtype), "target.deviation")
        self.scale_state = self._mean, self._deviation

    def outputs(self, raw):
        return raw * self._deviation + self._mean

    def mirrored(self, outputs):
        return mirrored_poses(outputs.reshape(-1, N_JOINTS, 3)).reshape(outputs.shape)

    def cost(self, raw, targets):
        if self.config.regression.cost == "mpjpe":  # Eq. (9) is in mm, whatever the network's numbers mean
            return costs.mpjpe_cost(self.outputs(raw), targets)
        return costs.squared_cost(raw, (targets - self._mean) / self._deviation)
