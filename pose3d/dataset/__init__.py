"""From frames to 128 x 128 samples, built files and minibatches."""

from pose3d.dataset.samples import Dataset

__all__ = ["Dataset"]
