import numpy as np

from pose3d.dataset.samples import Dataset
from pose3d.evaluation import nearest_neighbour as baselines


def test_the_nearest_image_is_that_of_an_exhaustive_search(built, monkeypatch):
    monkeypatch.setattr(baselines, "TEST_BLOCK", 7)  # neither divides its number of images
    monkeypatch.setattr(baselines, "TRAIN_BLOCK", 11)
    data = Dataset.open(built)
    train, test = np.flatnonzero(data.subject != "S11")[::-1], np.flatnonzero(data.subject == "S11")[::4]
    found = baselines.nearest_images(data, train, test)
    images = data.images(np.arange(len(data))).astype(int)
    distances = [[((images[t] - images[other]) ** 2).sum() for other in train] for t in test]
    np.testing.assert_array_equal(found, train[np.argmin(distances, axis=1)])
    assert len(set(found)) > 5


def test_an_image_of_the_training_set_is_its_own_nearest(built):
    data = Dataset.open(built)
    train = np.flatnonzero((data.subject == "S1") & (data.take == 1))
    np.testing.assert_array_equal(baselines.nearest_images(data, train, train[3:9]), train[3:9])
