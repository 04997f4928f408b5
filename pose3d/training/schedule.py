"""What changes during a run: the learning rate, which may warm up and decay."""


def learning_rate(training, place):
    """The rate of a step after `place` epochs (float); it rises from 0 and falls to it in straight lines."""
    rise = place / training.warmup if training.warmup else 1.0
    fall = (training.epochs - place) / (training.decay * training.epochs) if training.decay else 1.0
    return training.learning_rate * min(1.0, rise, max(fall, 0.0))
