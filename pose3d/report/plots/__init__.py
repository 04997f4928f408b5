"""What Matplotlib draws: learning curves, and the figures of build and test."""

import os

# Matplotlib does not load if the environment names a backend that is not installed here, as a notebook names
# its own for what it starts. Figures are drawn by a backend of their own (`drawing.new_figure`).
_named = os.environ.pop("MPLBACKEND", None)
import matplotlib as _  # noqa: E402, F401

if _named is not None:
    os.environ["MPLBACKEND"] = _named
