"""Settings of a network as small as can be with no two layers alike; all tests share its compiled kernels."""

from pose3d.dataset.samples import Origin
from pose3d.model.weights import TrainedOn

SMALL = ("network.kernels=[2,3,4]", "network.dense=[20,30]")
# What the weights of tests say that they were trained on.
TRAINED_ON = TrainedOn(Origin("data/raw", True, 64 * "f"), ["S1", "S5"], ["S1", "S5"])
