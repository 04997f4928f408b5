"""What changes during a run: the learning rate while it warms up."""


def learning_rate(training, place):
    """The learning rate of a step; it rises in a straight line while it warms up.

    Parameters
    ----------
    training : pose3d.config.TrainingSettings
    place : float, epochs that are done, parts of one included
    """
    return training.learning_rate * (min(1.0, place / training.warmup) if training.warmup else 1.0)
