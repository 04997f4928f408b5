"""What changes during a run: the learning rate, which may warm up and decay, and the memory of gradients."""


def hyper(training, place, steps):
    """What `Graph.set_hyper` is given for a step, after which `place` epochs and `steps` steps are done."""
    return {"learning_rate": learning_rate(training, place), "share": rms_share(training, steps)}


def learning_rate(training, place):
    """The rate of a step after `place` epochs (float); it rises from 0 and falls to it in straight lines."""
    rise = place / training.warmup if training.warmup else 1.0
    fall = (training.epochs - place) / (training.decay * training.epochs) if training.decay else 1.0
    return training.learning_rate * min(1.0, rise, max(fall, 0.0))


def rms_share(training, steps):
    """The share of the `steps`-th gradient in the mean squares, which are plain means at first (float)."""
    return 1 / min(steps, training.rms_steps) if training.rms_steps else 1.0
