"""The samples of a recording, in memory."""

import numpy as np

from pose3d.dataset.sampling import sample_recording


def sample(recording, every=1):
    """Arrays of all blocks by name, and the facts."""
    blocks = []
    facts = sample_recording(recording, every, blocks.append)
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}, facts
