"""Baseline: the pose of the nearest training image."""

import numpy as np
from tqdm import tqdm

# Images compared at once, 128 KB each as float64: 256 MB and 64 MB.
TEST_BLOCK = 2048
TRAIN_BLOCK = 512


def nearest_images(data, train, test):
    """Sample numbers (n_test,) of the training images nearest to test images, by squared pixel distance.

    The first one counts if several are equally near. Distances are expanded, ``|a - b|^2 = |a|^2 - 2 a b +
    |b|^2``, so that most of the work is a matrix product of two blocks: N_test N_train 32,768 operations. In
    float64 all sums of products of gray levels are exact, so the result does not depend on the order of
    summation. Memory is that of two blocks; the training images are read once per 2048 test images.
    """
    train, test = np.asarray(train), np.asarray(test)
    starts = range(0, len(test), TEST_BLOCK)
    blocks = tqdm(starts, desc="nearest images", unit=" blocks", leave=False, disable=None)
    found = [_nearest(data, train, _pixels(data, test[i : i + TEST_BLOCK])) for i in blocks]
    return train[np.concatenate(found)]


def _nearest(data, train, images):
    """Index in `train` of the nearest sample to each image: (n,) int array."""
    least, nearest = np.full(len(images), np.inf), np.zeros(len(images), int)
    starts = range(0, len(train), TRAIN_BLOCK)
    for start in tqdm(starts, unit=" training blocks", leave=False, disable=None):
        others = _pixels(data, train[start : start + TRAIN_BLOCK])
        # The square of the test image is omitted: it is the same for all training images.
        distances = np.einsum("ij,ij->i", others, others) - 2 * (images @ others.T)
        best = distances.argmin(axis=1)
        value = distances[np.arange(len(images)), best]
        nearer = value < least
        least[nearer], nearest[nearer] = value[nearer], start + best[nearer]
    return nearest


def _pixels(data, indices):
    """Gray levels 0 to 255: (n, 16384) float64."""
    return data.images(indices, keep=False).reshape(len(indices), -1).astype(float)
