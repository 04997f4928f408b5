"""Synthetic data: procedural walkers, or bodies driven by motion capture, as a raw Human3.6M tree.

No licence applies to the walkers.
"""

from pose3d.synthetic.provenance import read_provenance
from pose3d.synthetic.writer import FRAMES, IMAGE_SIZE, generate

__all__ = ["FRAMES", "IMAGE_SIZE", "generate", "read_provenance"]
