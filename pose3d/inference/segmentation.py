"""The network that tells people from background: MediaPipe Selfie Segmentation (Google, 2021), in numpy.

A MobileNetV3 with a decoder, 106,401 numbers, on 256 x 256 px. Its weights, ``segmentation.npz``, are
Google's, under the Apache License 2.0 (LICENSE.segmentation); ``experiments/make_segmentation.py`` takes them
out of the original file.
"""

from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import expit

from pose3d.inference.predictor import damaged
from pose3d.io.npz_archive import read_arrays

WEIGHTS = Path(__file__).with_name("segmentation.npz")
SIDE = 256  # px of its input and output
# Of the blocks: activation, stride, whether channels are gated. The input of each later block is added to its
# output where the two have one shape.
_BLOCKS = (("relu", 2, True), ("relu", 2, False), ("relu", 1, False), ("hswish", 2, True)) + 4 * (
    ("hswish", 1, True),
)
_SKIPPED = (0, 2)  # blocks whose outputs the decoder takes, beside that of the first layer


def people(rgb):
    """The probability that a pixel shows a person: (256, 256) float32 of (256, 256, 3) uint8.

    A `UserError` if the file of the weights is missing or damaged.
    """
    layers = iter(_layers())
    x = _hswish(_convolution(rgb.astype(np.float32) / 255, next(layers), 2))
    skipped = [x]
    for number, (activation, stride, gated) in enumerate(_BLOCKS):
        x = _block(x, layers, _ACTIVATIONS[activation], stride, gated)
        if number in _SKIPPED:
            skipped.append(x)
    pooled = x.mean(axis=(0, 1), keepdims=True)
    x = _relu(_convolution(x, next(layers))) * expit(_convolution(pooled, next(layers)))
    for skip in reversed(skipped):
        x = _convolution(_doubled(x), next(layers))
        x = _relu(_convolution(skip * _gate(skip + x, layers) + x, next(layers)))
        x = x + _relu(_depthwise(x, next(layers)))
    kernel, bias = next(layers)  # a transposed convolution: each pixel becomes 2 x 2
    found = np.einsum("rck,abk->racb", x, kernel[0]) + bias
    return expit(found.reshape(SIDE, SIDE))


@cache
def _layers():
    """Kernels and biases in the order of computation: tuple of pairs of float32 arrays."""
    try:
        arrays = read_arrays(WEIGHTS)
    except (OSError, ValueError) as error:
        raise damaged(WEIGHTS) from error
    values = [arrays[name].astype(np.float32) for name in sorted(arrays)]
    return tuple(zip(values[::2], values[1::2], strict=True))


def _block(x, layers, activation, stride, gated):
    """An inverted residual block: widen, filter each channel, gate, narrow."""
    y = activation(_convolution(x, next(layers)))
    y = activation(_depthwise(y, next(layers), stride))
    if gated:
        y = y * _gate(y, layers)
    y = _convolution(y, next(layers))
    return x + y if x.shape == y.shape else y


def _gate(x, layers):
    """Squeeze and excitation: a factor for each channel, (1, 1, C)."""
    pooled = x.mean(axis=(0, 1), keepdims=True)
    return expit(_convolution(_relu(_convolution(pooled, next(layers))), next(layers)))


def _convolution(x, layer, stride=1):
    """(H, W, C) with kernels (maps, k, k, C), "same" padding as of TensorFlow."""
    kernel, bias = layer
    if kernel.shape[1] == 1:
        return x @ kernel[:, 0, 0].T + bias
    return sum(part @ kernel[:, i, j].T for i, j, part in _shifted(x, kernel.shape[1], stride)) + bias


def _depthwise(x, layer, stride=1):
    """(H, W, C) with a kernel for each channel, (1, k, k, C)."""
    kernel, bias = layer
    return sum(part * kernel[0, i, j] for i, j, part in _shifted(x, kernel.shape[1], stride)) + bias


def _shifted(x, size, stride):
    """Yield row, column and the part of the padded input that this number of a kernel meets."""
    count = -(-x.shape[0] // stride)
    padding = max((count - 1) * stride + size - x.shape[0], 0)
    ends = padding // 2, padding - padding // 2
    x = np.pad(x, (ends, ends, (0, 0)))
    reach = (count - 1) * stride + 1
    for i in range(size):
        for j in range(size):
            yield i, j, x[i : i + reach : stride, j : j + reach : stride]


def _doubled(x):
    """Bilinear enlargement of (H, W, C) by two, between pixel centres."""
    for _ in range(2):  # rows, then columns, and back
        rows = np.pad(x, ((1, 1), (0, 0), (0, 0)), mode="edge")
        inner = 0.75 * rows[1:-1]
        x = np.stack([inner + 0.25 * rows[:-2], inner + 0.25 * rows[2:]], axis=1)
        x = x.reshape(-1, *rows.shape[1:]).transpose(1, 0, 2)
    return x


def _relu(x):
    return np.maximum(x, 0)


def _hswish(x):
    return x * np.clip(x + 3, 0, 6) / 6


_ACTIVATIONS = {"relu": _relu, "hswish": _hswish}
