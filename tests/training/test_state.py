import contextlib

import numpy as np

from pose3d.training.state import WeightAverage


class Network:
    """One weight, a number that counts the epochs."""

    value = 0.0

    def get_weights(self):
        return {"w": np.array([self.value], np.float32)}

    def set_weights(self, weights):
        self.value = float(weights["w"][0])


def epochs(average, network, numbers):
    for epoch in numbers:
        network.value = float(epoch)
        with average.applied(epoch):
            yield network.value
        assert network.value == epoch


def test_the_mean_of_all_epochs_and_later_an_exponential_one():
    network = Network()
    average = WeightAverage(network, 3)
    seen = list(epochs(average, network, range(6)))
    assert seen[:4] == [0, 1, 1.5, 2]  # epoch 0 is untrained
    np.testing.assert_allclose(seen[4:], [2 + (4 - 2) / 3, 8 / 3 + (5 - 8 / 3) / 3], rtol=1e-6)


def test_without_it_nothing_changes():
    network = Network()
    assert list(epochs(WeightAverage(network, 0), network, range(4))) == [0, 1, 2, 3]


def test_an_epoch_that_is_stopped_counts_once_and_training_keeps_its_weights():
    network = Network()
    average = WeightAverage(network, 10)
    assert list(epochs(average, network, [1, 2])) == [1, 1.5]
    network.value = 3.0
    with contextlib.suppress(KeyboardInterrupt), average.applied(3):
        assert (average.trained()["w"], average.mean["w"]) == (3, 1.5)  # what a checkpoint keeps
        raise KeyboardInterrupt
    assert network.value == 3
    with average.applied(3):
        assert network.value == 2
