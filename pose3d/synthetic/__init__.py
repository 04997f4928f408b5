"""Procedural walkers, written as a raw Human3.6M tree. No licence is attached to what it makes."""

from pose3d.synthetic.tree import FRAMES, IMAGE_SIZE, generate, poses_per_take

__all__ = ["FRAMES", "IMAGE_SIZE", "generate", "poses_per_take"]
