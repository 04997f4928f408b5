"""The poses of the nearest training images: what a test is worth that only remembers."""

import numpy as np
from tqdm import tqdm

# Images of both sides that are compared at once: with 128 KB each as float64, 256 MB and 64 MB.
TEST_BLOCK = 2048
TRAIN_BLOCK = 512


def nearest_images(data, train, test):
    """The training image nearest to each test image: that of the smallest squared pixel distance.

    Distances are taken apart, ``|a - b|^2 = |a|^2 - 2 a b + |b|^2``, so that a matrix product of two
    blocks does the work: N_test N_train 32,768 operations, in float64, where all sums of products of gray
    levels are exact: equal images are equally near, in whatever order a processor adds. Memory is that of
    two blocks, whatever the numbers; the training images are read once for every 2048 test images.

    Parameters
    ----------
    data : Dataset
    train, test : int arrays, sample numbers

    Returns
    -------
    (n_test,) int array of sample numbers, the first of those that are equally near
    """
    train, test = np.asarray(train), np.asarray(test)
    starts = range(0, len(test), TEST_BLOCK)
    blocks = tqdm(starts, desc="nearest images", unit=" blocks", leave=False, disable=None)
    found = [_nearest(data, train, _pixels(data, test[i : i + TEST_BLOCK])) for i in blocks]
    return train[np.concatenate(found)]


def _nearest(data, train, images):
    """Which of the training samples is nearest to each of these images: (n,) int array."""
    least, nearest = np.full(len(images), np.inf), np.zeros(len(images), int)
    starts = range(0, len(train), TRAIN_BLOCK)
    for start in tqdm(starts, unit=" training blocks", leave=False, disable=None):
        others = _pixels(data, train[start : start + TRAIN_BLOCK])
        # The test image's own square is the same for all it is compared with.
        distances = np.einsum("ij,ij->i", others, others) - 2 * (images @ others.T)
        best = distances.argmin(axis=1)
        value = distances[np.arange(len(images)), best]
        nearer = value < least
        least[nearer], nearest[nearer] = value[nearer], start + best[nearer]
    return nearest


def _pixels(data, indices):
    """Gray levels 0 to 255: (n, 16384) float64."""
    return data.images(indices, keep=False).reshape(len(indices), -1).astype(float)
