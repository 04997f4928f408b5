"""The nine layers that both graphs share in shape: conv1-3, fc1-2, and an fc3 of their own width."""

import numpy as np
import pytensor

from pose3d.dataset.crop import IMAGE_SIDE
from pose3d.model.layers import ConvPoolLayer, DenseLayer, dropout
from pose3d.ops.shapes import pooled_side

FILTERS = (5, 5, 6)
CONV_LAYERS = ("conv1", "conv2", "conv3")


def feature_count(maps):
    """Numbers that conv3 hands to fc1: `maps` times the side after three layers, squared."""
    side = IMAGE_SIDE
    for kernel in FILTERS:
        side = pooled_side(side, kernel)
    return maps * side**2


class Network:
    """conv1-3, fc1, fc2 and fc3 of the report's figure 3, initialised in that order.

    `outputs` is the width of fc3, 1700 for detection and 51 for regression, and `last` its activation. The
    attribute `params` is a dict of shared variables by name, ``conv1.W`` ... ``fc3.b``, in layer order.
    """

    def __init__(self, outputs, settings, last="identity"):
        rng = np.random.RandomState(settings.seed)
        act, dtype = settings.activation, settings.dtype
        maps = (1, *settings.kernels)
        self.settings = settings
        self.convolutions = [
            ConvPoolLayer(rng, name, maps[i], maps[i + 1], FILTERS[i], act, dtype)
            for i, name in enumerate(CONV_LAYERS)
        ]
        widths = (feature_count(maps[-1]), *settings.dense, outputs)
        self.dense = [
            DenseLayer(rng, f"fc{i + 1}", widths[i], widths[i + 1], last if i == 2 else act, dtype)
            for i in range(3)
        ]
        self.layers = {layer.name: layer for layer in self.convolutions + self.dense}
        kinds = [act] * 5 + [last]
        self.tanh_layers = [name for name, kind in zip(self.layers, kinds, strict=True) if kind == "tanh"]
        self.params = {}
        for layer in self.layers.values():
            self.params.update(layer.params)
        self.dropout_rng = pytensor.shared(np.random.default_rng(settings.seed), "dropout.rng")

    def output(self, images, training=False):
        """The output of fc3 for images (N, 128, 128), gray levels in [0, 1], and the updates to make with it.

        The updates are of dropout's generator: if `training`, units of fc1 and fc2 are dropped at random, as
        the settings say.
        """
        found, updates = self._outputs(images, training)
        return found[-1], updates

    def activations(self, images):
        """The output of every layer, without dropout, by its name: conv1-3 (N, H, W, C), fc1-3 (N, units)."""
        return dict(zip(self.layers, self._outputs(images)[0], strict=True))

    def _outputs(self, images, training=False):
        """The outputs of all layers, before dropout, and its updates."""
        found, updates, rng = [images.dimshuffle(0, 1, 2, "x")], {}, self.dropout_rng
        for layer in self.convolutions:
            found.append(layer(found[-1]))  # (N, H, W, C)
        x = found[-1].dimshuffle(0, 3, 1, 2).flatten(2)  # (N, C * H * W), in the original's order
        for layer in self.dense:
            x = layer(x)
            found.append(x)
            if training and self.settings.dropout and layer is not self.dense[-1]:
                x, rng = dropout(x, self.settings.dropout, rng)
                updates = {self.dropout_rng: rng}
        return found[1:], updates

    def get_weights(self):
        """Copies of all parameters by name."""
        return {name: param.get_value() for name, param in self.params.items()}

    def set_weights(self, weights):
        """Set the named parameters; ValueError if a name or a shape is not the network's own."""
        for name, value in weights.items():
            if name not in self.params:
                raise ValueError(f"the network has no parameter {name}")
            param = self.params[name]
            if value.shape != param.get_value(borrow=True).shape:
                raise ValueError(
                    f"{name} has shape {value.shape}, the network's has {param.get_value(borrow=True).shape}"
                )
            param.set_value(np.ascontiguousarray(value, dtype=param.dtype))
