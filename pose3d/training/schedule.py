"""What changes during a run: the learning rate while it warms up."""


def learning_rate(training, place):
    """The rate of a step after `place` epochs (float): in the warm-up it rises in a straight line from 0."""
    return training.learning_rate * (min(1.0, place / training.warmup) if training.warmup else 1.0)
