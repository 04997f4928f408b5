"""What changes from epoch to epoch: the learning rate while it warms up, and layers that thaw."""


def learning_rate(training, place):
    """The learning rate of a step; it rises in a straight line while it warms up.

    Parameters
    ----------
    training : pose3d.config.TrainingSettings
    place : float, epochs that are done, parts of one included
    """
    return training.learning_rate * (min(1.0, place / training.warmup) if training.warmup else 1.0)


def frozen_layers(training, epoch):
    """The layers that keep their weights in an epoch, the first being 1: tuple of str."""
    thawed = 0 < training.frozen_epochs < epoch
    return () if thawed else training.frozen
