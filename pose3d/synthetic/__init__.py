"""Synthetic data: procedural walkers, or bodies driven by motion capture, as a raw Human3.6M tree.

No licence applies to the walkers.
"""


def __getattr__(name):
    """What writes trees, loaded when it is asked for: whoever only reads one does without its renderer."""
    if name not in ("FRAMES", "IMAGE_SIZE", "generate"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pose3d.synthetic.tree import writer

    return getattr(writer, name)
