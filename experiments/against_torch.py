"""Train the regression network here and in PyTorch, on the same minibatches and from the same weights.

    python experiments/against_torch.py --data data/walking --steps 170

Needs PyTorch beside pose3d; its CPU build will do.

The last line is JSON: the largest relative difference of the two costs over the steps, and each
network's MPJPE on the validation samples after them.
"""

import argparse
import json

import numpy as np
import torch
from torch import nn

from pose3d import config
from pose3d.dataset.splits import minibatches, open_split
from pose3d.evaluation import metrics
from pose3d.model.regression import RegressionGraph, TargetScale
from pose3d.skeleton import N_COORDINATES, N_JOINTS

CONVOLUTIONS, DENSE = ("conv1", "conv2", "conv3"), ("fc1", "fc2", "fc3")


def torch_network(weights):
    """The same network in PyTorch: filters turned by half a circle, dense matrices transposed."""
    layers = []
    for name in CONVOLUTIONS:
        filters = weights[f"{name}.W"]
        maps_out, maps_in, kernel, _ = filters.shape
        layers += [nn.Conv2d(maps_in, maps_out, kernel), nn.MaxPool2d(2), nn.Tanh()]
        _fill(layers[-3], filters[:, :, ::-1, ::-1], weights[f"{name}.b"])
    layers.append(nn.Flatten())
    for name in DENSE:
        matrix = weights[f"{name}.W"]
        layers += [nn.Linear(*matrix.shape), nn.Tanh()]
        _fill(layers[-2], matrix.T, weights[f"{name}.b"])
    return nn.Sequential(*layers[:-1])  # fc3 is linear


def _fill(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))


class TorchRegression:
    """The regression network of the report in PyTorch, with its own SGD: Eq. (6)-(8)."""

    def __init__(self, graph):
        training = graph.config.training
        self.scale, self.model = graph.scale, torch_network(graph.network.get_weights())
        self.sgd = torch.optim.SGD(
            self.model.parameters(),
            training.learning_rate,
            training.momentum,
            weight_decay=training.weight_decay,
        )

    def step(self, images, targets):
        wanted = torch.from_numpy(((targets - self.scale.mean) / self.scale.deviation).astype(np.float32))
        self.sgd.zero_grad()
        cost = ((self._raw(images) - wanted) ** 2).sum() / (2 * len(images))
        cost.backward()
        self.sgd.step()
        return cost.item()

    def predict(self, images):
        with torch.inference_mode():
            return self._raw(images).numpy() * self.scale.deviation + self.scale.mean

    def _raw(self, images):
        return self.model(torch.from_numpy(images[:, None].astype(np.float32) / 255))


def mpjpe(network, data, indices):
    """MPJPE of samples, mm."""
    errors = [
        metrics.joint_errors(network.predict(data.images(batch)).reshape(-1, N_JOINTS, 3), data.poses[batch])
        for batch in minibatches(indices, 128)
    ]
    return float(np.concatenate(errors).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data/walking", help="folder of the built files")
    parser.add_argument("--steps", type=int, default=170, help="minibatches; 86 are an epoch of the walkers")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    arguments = parser.parse_args()
    settings = config.load("regression", overrides=arguments.set)
    data, chosen = open_split(arguments.data, settings.data, needs_test=False)
    ours = RegressionGraph(settings, TargetScale.fit(data.blocks("poses", chosen.train), settings.regression))
    theirs = TorchRegression(ours)
    shuffling, costs = np.random.default_rng(settings.training.seed), []
    while len(costs) < arguments.steps:
        for batch in minibatches(shuffling.permutation(chosen.train), settings.training.batch_size):
            images, targets = data.images(batch), data.poses[batch].reshape(-1, N_COORDINATES)
            costs.append((ours.step(images, targets)[0], theirs.step(images, targets)))
            step, (mine, other) = len(costs), costs[-1]
            if step == 1 or step % 10 == 0:
                print(
                    f"step {step:4d}  cost here {mine:10.5f}  PyTorch {other:10.5f}  {mine / other - 1:+.1e}"
                )
            if step == arguments.steps:
                break
    mine, other = np.array(costs).T
    result = {
        "steps": len(costs),
        "largest_relative_difference": float(f"{np.abs(mine / other - 1).max():.2e}"),
        "mpjpe_mm": round(mpjpe(ours, data, chosen.validation), 2),
        "torch_mpjpe_mm": round(mpjpe(theirs, data, chosen.validation), 2),
        "torch": torch.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
