"""The samples of a recording, in memory."""

import numpy as np

from pose3d.dataset.crop_recording import crop_recording


def sample(recording, every=1):
    """Arrays of all blocks by name, and the facts."""
    blocks = []
    facts = crop_recording(recording, every, blocks.append)
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}, facts
