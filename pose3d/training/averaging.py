"""A running mean of weights: at a constant learning rate those of single epochs scatter around it."""

import contextlib


class WeightAverage:
    """The mean of a network's weights at the ends of epochs, which is what an epoch scores and saves.

    Training goes on with the weights themselves. For the first `epochs` epochs (0: no mean) the mean is that
    of all; later each new epoch counts as one of `epochs`, an exponential mean. `mean` holds the arrays by
    name, of the epochs that are complete; it is empty before the first.
    """

    def __init__(self, network, epochs):
        self._network, self._epochs = network, epochs
        self.mean, self._trained = {}, None

    @contextlib.contextmanager
    def applied(self, epoch):
        """Give the network the mean that includes this epoch; it is kept if the block ends without error."""
        if not (self._epochs and epoch):
            yield
            return
        self._trained = self._network.get_weights()
        share = 1 / min(epoch, self._epochs)
        mean = dict(self._trained)
        for name, past in self.mean.items():
            mean[name] = past + past.dtype.type(share) * (mean[name] - past)
        self._network.set_weights(mean)
        try:
            yield
        finally:
            self._network.set_weights(self._trained)
            self._trained = None
        self.mean = mean

    def trained(self):
        """The weights that training goes on with, by name, whether the mean is applied or not."""
        return self._network.get_weights() if self._trained is None else self._trained
